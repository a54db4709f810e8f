// Places on a virtual machine's bus where devices come and go while it runs. Pure but for the one that asks.

import { DreyError } from "../../errors.ts";
import type { Monitor } from "./qmp.ts";

/** A command of the monitor with its words. */
export type Plug = readonly [command: string, words: Record<string, unknown>];

export const portId = (index: number): string => `port${index}`;

/** Words of QEMU's command line. */
export function portWords(count: number): string[] {
  return Array.from({ length: count }, (_, index) => [
    "-device",
    JSON.stringify({ driver: "pcie-root-port", id: portId(index), chassis: index + 1, slot: index + 1 }),
  ]).flat();
}

interface PciDevice {
  qdev_id: string;
  pci_bridge?: { devices?: PciDevice[] };
}

/** `milliseconds` a guest is given to let a device go */
const patience = 60_000;

/**
 * Takes a device away from a running machine.
 *
 * @throws {DreyError} `TIMEOUT` if its guest does not let it go
 */
export async function unplug(qmp: Monitor, id: string): Promise<void> {
  if (await find(qmp, id) === undefined) return;
  for (const end = Date.now() + patience; Date.now() < end;) {
    // a guest that was busy with the one before may not have heard it
    await qmp.execute("device_del", { id }).catch(ignoreUnderWay);
    for (let tries = 0; tries < 50; tries++) {
      if (await find(qmp, id) === undefined) return;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
  throw new DreyError("TIMEOUT", {
    message: `Cannot take a device from the virtual machine: its guest does not let "${id}" go`,
    hint: "Stop it first",
  });
}

/**
 * Has a command done that removes what a device stood on: that is let go some time after the device.
 *
 * @throws {DreyError} `COMMAND_FAILED`
 */
export async function removeBehind(qmp: Monitor, command: string, id: string): Promise<void> {
  for (const end = Date.now() + patience;;) {
    try {
      await qmp.execute(command, { id });
      return;
    } catch (error) {
      const said = error instanceof DreyError ? error.message : "";
      if (/not found/.test(said)) return;
      const isBusy = /busy|in use/i.test(said);
      if (!isBusy || Date.now() > end) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

function ignoreUnderWay(error: unknown): void {
  const isUnderWay = error instanceof DreyError &&
    /in the process of unplug|not found/.test(error.message);
  if (!isUnderWay) throw error;
}

async function find(qmp: Monitor, id: string): Promise<PciDevice | undefined> {
  const buses = await qmp.execute("query-pci") as { devices: PciDevice[] }[];
  const all = buses.flatMap(({ devices }) => devices);
  return [...all, ...all.flatMap(({ pci_bridge: bridge }) => bridge?.devices ?? [])]
    .find(({ qdev_id }) => qdev_id === id);
}

/** A port of a running machine that nothing is plugged into. @throws {DreyError} `CONFLICT` if all are taken */
export async function freePort(qmp: Monitor): Promise<string> {
  const buses = await qmp.execute("query-pci") as { devices: PciDevice[] }[];
  const free = buses.flatMap(({ devices }) => devices).find(({ qdev_id: id, pci_bridge: bridge }) =>
    /^port\d+$/.test(id) && (bridge?.devices ?? []).length === 0
  );
  if (free !== undefined) return free.qdev_id;
  throw new DreyError("CONFLICT", {
    message: "Cannot plug a device into the virtual machine: it has no place left for it",
    hint: "Stop it first",
  });
}
