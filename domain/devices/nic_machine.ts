// NICs that come to a virtual machine while it runs, and go: an interface of its box becomes a NIC on its bus.

import { join } from "@std/path";
import { type Nic, nicBackend, nicDevice, nicLines, undoNicLines } from "../../runtime/vm/nics.ts";
import { doInBox } from "../../runtime/vm/door.ts";
import { raiseNic } from "../../runtime/vm/guest_facts.ts";
import { freePort, removeBehind, unplug } from "../../runtime/vm/ports.ts";
import { openMonitor } from "../../runtime/vm/qmp.ts";
import { readJsonIfThere } from "../../sys/present.ts";
import type { Context, Ref } from "../context.ts";
import { instancePaths } from "../instances/record.ts";
import { machineNic } from "../machines/devices.ts";
import { runningMachine } from "../machines/plan.ts";

/** NICs of a running machine by the names of their interfaces, each with its number in the box; numbers of old ones stay. */
type Numbers = Record<string, { number: number; by: Nic["by"] }>;

const fileOf = (run: string) => join(run, "nics.json");

function readNumbers(run: string): Numbers {
  const known = readJsonIfThere<Numbers>(fileOf(run));
  if (known !== undefined) return known;
  const nics = runningMachine(run)?.machine.nics ?? [];
  return Object.fromEntries(nics.map(({ name, by }, number) => [name, { number, by }]));
}

function writeNumbers(run: string, numbers: Numbers): void {
  Deno.writeTextFileSync(`${fileOf(run)}.new`, JSON.stringify(numbers));
  Deno.renameSync(`${fileOf(run)}.new`, fileOf(run));
}

/** Gives a running machine a NIC; its interface is in the box. @throws {DreyError} `CONFLICT` without a place for it */
export async function plugMachineNic(
  context: Context,
  ref: Ref,
  veth: Pick<Nic, "name" | "hwaddr" | "mtu">,
): Promise<void> {
  const { run, door } = instancePaths(context, ref);
  const numbers = readNumbers(run);
  const number = Math.max(-1, ...Object.values(numbers).map(({ number }) => number)) + 1;
  const nic = machineNic(veth);
  writeNumbers(run, { ...numbers, [`(gone ${number})`]: { number, by: nic.by } });
  try {
    await doInBox(door, nicLines(nic, number));
    using qmp = await openMonitor(door);
    const bus = await freePort(qmp);
    await qmp.execute("netdev_add", nicBackend(nic, number));
    await qmp.execute("device_add", nicDevice(nic, { index: number, bus }));
  } catch (error) {
    await doInBox(door, undoNicLines(number));
    throw error;
  }
  writeNumbers(run, { ...numbers, [nic.name]: { number, by: nic.by } });
  // nobody in a container's image waits for NICs that come later
  await raiseNic(door, nic.hwaddr);
}

/** Takes a NIC away from a running machine. @throws {DreyError} `TIMEOUT` if its guest does not let it go */
export async function unplugMachineNic(context: Context, ref: Ref, name: string): Promise<void> {
  const { run, door } = instancePaths(context, ref);
  const { [name]: found, ...others } = readNumbers(run);
  if (found === undefined) return;
  {
    using qmp = await openMonitor(door);
    await unplug(qmp, `net-${name}`);
    await removeBehind(qmp, "netdev_del", `nic${found.number}`);
  }
  await doInBox(door, undoNicLines(found.number));
  writeNumbers(run, { ...others, [`(gone ${found.number})`]: found });
}
