// The devices of an instance, whatever their types: what they add to its start, and what they undo after its end.

import { join } from "@std/path";
import { readJsonIfThere } from "../sys/present.ts";
import type { Config, Device, Devices, InstanceType } from "../wire/instance.ts";
import type { Context, Ref } from "./context.ts";
import type { DeviceType, LiveSite, StartParts, StartSite } from "./devices/device.ts";

/** For each type that does something, how to load it: an instance pays for the devices it has. */
const sources: Record<string, () => Promise<DeviceType>> = {
  disk: async () => (await import("./devices/disk.ts")).type,
  nic: async () => (await import("./devices/nic.ts")).nic,
  gpu: async () => (await import("./devices/gpu.ts")).gpu,
  pci: async () => (await import("./devices/pci.ts")).pci,
  tpm: async () => (await import("./devices/tpm.ts")).tpm,
  "unix-block": async () => (await import("./devices/unix_node.ts")).unixNode,
  "unix-char": async () => (await import("./devices/unix_node.ts")).unixNode,
  usb: async () => (await import("./devices/usb.ts")).usb,
  proxy: async () => (await import("./devices/proxy.ts")).proxy,
};

/** The devices that do something, by name, each with its type. */
async function typed(devices: Devices): Promise<{ name: string; device: Device; type: DeviceType }[]> {
  const found = Object.entries(devices).map(async ([name, device]) => {
    // the root disk is the instance's own affair
    if (device["type"] === "disk" && device["path"] === "/") return [];
    const type = await sources[device["type"] ?? ""]?.();
    return type === undefined ? [] : [{ name, device, type }];
  });
  return (await Promise.all(found)).flat();
}

/** The parts of all devices of an instance that is about to start; a disk inside another comes after it. */
export async function planDevices(
  site: Omit<StartSite, "name" | "device">,
): Promise<StartParts[]> {
  const found = await typed(site.devices);
  const rank = ({ name, device }: { name: string; device: Device }) =>
    `/${(device["path"] ?? "").replace(/^\/+/, "")}\0${name}`;
  const sorted = found.toSorted((a, b) => rank(a) < rank(b) ? -1 : 1);
  return await Promise.all(sorted.map(({ name, device, type }) => type.start({ ...site, name, device })));
}

const file = (run: string) => join(run, "devices.json");

/** Notes in the run directory which devices an instance runs with, before anything is done for them. */
export function noteDevices(run: string, devices: Devices): void {
  // renamed into place: a start that is killed here must not leave half of it to those who clean up
  Deno.writeTextFileSync(`${file(run)}.new`, JSON.stringify(devices));
  Deno.renameSync(`${file(run)}.new`, file(run));
}

/** The devices an instance runs with, which its settings may no longer say. */
export function runningDevices(run: string): Devices {
  return readJsonIfThere<Devices>(file(run)) ?? {};
}

/** Undoes what the devices of an instance that has ended have left. */
export async function devicesStopped(
  context: Context,
  ref: Ref,
  { run, config }: { run: string; config: Config },
): Promise<void> {
  for (const { name, device, type } of await typed(runningDevices(run))) {
    await type.stopped?.({ context, ref, name, device, config });
  }
}

/**
 * Holds the devices of an instance against what else there is: networks, pools, addresses others have.
 *
 * @param as what the instance is to be; its type where it is not there yet
 * @throws {DreyError} for the first that cannot be
 */
export async function checkDevices(
  context: Context,
  ref: Ref,
  devices: Devices,
  as: { expanded: Devices; type?: InstanceType; isCopy?: boolean; before?: Devices },
): Promise<void> {
  const { expanded, type: of, isCopy = false, before = {} } = as;
  for (const { name, device, type } of await typed(devices)) {
    const mayShare = isCopy || isSame(before[name] ?? {}, device);
    await type.check?.({ context, ref, name, device, devices: expanded, mayShare, ...of && { type: of } });
  }
}

/** Key in the note of a device that is being plugged in, out or changed: who finds it there takes it out first. */
const half = "volatile.half";

/** Whether a running instance has other devices than these. */
export function hasOtherDevices(run: string, devices: Devices): boolean {
  const noted = runningDevices(run);
  const names = new Set([...Object.keys(noted), ...Object.keys(devices)]);
  return [...names].some((name) => !isSame(noted[name] ?? {}, devices[name] ?? {}));
}

/**
 * Brings a running instance from one set of devices to another. Whoever is killed in it leaves a note of what is half
 * done, which this undoes when it is called again.
 *
 * @returns what to keep in its configuration; an empty value unsets a key
 */
export async function plugDevices(
  site: Omit<LiveSite, "name" | "device">,
  run: string,
): Promise<Config> {
  const before = runningDevices(run);
  const now = { ...before };
  const volatile: Config = {};
  const old = Object.fromEntries((await typed(before)).map((one) => [one.name, one]));
  const wanted = Object.fromEntries((await typed(site.devices)).map((one) => [one.name, one]));
  const note = (name: string, device: Device | undefined) => {
    if (device === undefined) delete now[name];
    else now[name] = device;
    noteDevices(run, now);
  };
  for (const [name, { device, type }] of Object.entries(old)) {
    const next = wanted[name];
    if (next !== undefined && isSame(device, next.device)) continue;
    note(name, { ...device, [half]: "true" });
    try {
      const isSameType = next !== undefined && next.type === type && device[half] === undefined;
      if (isSameType && await type.change?.({ ...site, name, device: next.device }, device)) {
        note(name, next.device);
        continue;
      }
      if (type.remove === undefined) {
        note(name, device);
        continue;
      }
      Object.assign(volatile, (await type.remove({ ...site, name, device }))?.volatile);
    } catch (error) {
      note(name, device);
      throw error;
    }
    note(name, undefined);
  }
  for (const [name, { device, type }] of Object.entries(wanted)) {
    if (now[name] !== undefined || type.add === undefined) continue;
    note(name, { ...device, [half]: "true" });
    try {
      const config = { ...site.config, ...volatile };
      Object.assign(volatile, (await type.add({ ...site, config, name, device }))?.volatile);
    } catch (error) {
      await type.stopped?.({ ...site, name, device });
      note(name, undefined);
      throw error;
    }
    note(name, device);
  }
  return volatile;
}

function isSame(a: Device, b: Device): boolean {
  const keys = new Set([...Object.keys(a), ...Object.keys(b)]);
  return [...keys].every((key) => (a[key] ?? "") === (b[key] ?? ""));
}
