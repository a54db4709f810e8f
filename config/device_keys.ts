// The devices of instances and profiles held against the tables of their types, a file each in config/devices/.

import { DreyError } from "../errors.ts";
import type { Device, Devices } from "../wire/instance.ts";
import type { DeviceConfig, DeviceProblem } from "./devices/device_key.ts";
import { disk, mountPath } from "./devices/disk.ts";
import { gpu } from "./devices/gpu.ts";
import { nic } from "./devices/nic.ts";
import { none } from "./devices/none.ts";
import { pci } from "./devices/pci.ts";
import { proxy } from "./devices/proxy.ts";
import { tpm } from "./devices/tpm.ts";
import { unixBlock, unixChar } from "./devices/unix_node.ts";
import { usb } from "./devices/usb.ts";
import { findRow, unknownKeyOf, withoutEmpty } from "./key.ts";

/** Every device type drey obeys. */
export const deviceTypes: readonly DeviceConfig[] = [
  disk,
  gpu,
  nic,
  none,
  pci,
  proxy,
  tpm,
  unixBlock,
  unixChar,
  usb,
];

const typesToCome = ["infiniband", "unix-hotplug"];

/**
 * Holds devices against the tables. Whether an instance has a root disk is asked of its expanded devices, with
 * {@link findRootDisk}.
 *
 * @throws {DreyError} `BAD_REQUEST` for a wrong device, `NOT_SUPPORTED` for one of LXD's that drey lacks
 */
export function validateDevices(devices: Devices): void {
  for (const [name, device] of Object.entries(devices)) validateDevice(name, device);
  validateTogether(devices);
}

/**
 * Holds devices against each other, which may be those of an instance with its profiles'.
 *
 * @throws {DreyError} `BAD_REQUEST` if two disks are to be mounted at one path, or two NICs to have one name
 */
export function validateTogether(devices: Devices): void {
  const roots = Object.entries(devices).filter(([, device]) => isRootDisk(device)).map(([name]) =>
    `"${name}"`
  );
  if (roots.length > 1) throw bad(`Only one device can be the root disk: ${roots.join(" and ")} both are`);
  const taken = new Map<string, string>();
  for (const [name, device] of Object.entries(devices)) {
    const path = device["type"] === "disk" ? mountPath(device) : "";
    const other = taken.get(path);
    if (other !== undefined) {
      throw bad(`Devices "${other}" and "${name}" are both to be mounted at "${path}"`);
    }
    if (path !== "") taken.set(path, name);
  }
  const called = new Map<string, string>();
  for (const [name, device] of Object.entries(devices)) {
    const inside = device["type"] === "nic" ? device["name"] : undefined;
    if (!inside) continue;
    const other = called.get(inside);
    if (other !== undefined) throw bad(`Devices "${other}" and "${name}" are both to be called "${inside}"`);
    called.set(inside, name);
  }
}

/** Devices without the keys that are empty, by which clients take a key away. */
export function withoutEmptyKeys(devices: Devices): Devices {
  return Object.fromEntries(Object.entries(devices).map(([name, device]) => [name, withoutEmpty(device)]));
}

/** The device that is mounted at `/`, with its name. */
export function findRootDisk(devices: Devices): { name: string; device: Device } | undefined {
  const found = Object.entries(devices).find(([, device]) => isRootDisk(device));
  return found === undefined ? undefined : { name: found[0], device: found[1] };
}

function isRootDisk(device: Device): boolean {
  return device["type"] === "disk" && device["path"] === "/" && !device["source"];
}

function validateDevice(name: string, device: Device): void {
  if (!/^[A-Za-z0-9_:/][A-Za-z0-9._:/-]{0,63}$/.test(name)) {
    throw bad(
      `Invalid device name "${name}": it has 1 to 64 letters, digits and ._:/- and starts with none of .-`,
    );
  }
  if (name in {}) throw bad(`Invalid device name "${name}": it is one that every object of JavaScript has`);
  const row = deviceTypes.find(({ type }) => type === device["type"]);
  if (row === undefined) throw unknownType(name, device["type"]);
  for (const [key, value] of Object.entries(device)) {
    if (key !== "type" && value !== "") validateDeviceKey(name, row, { key, value });
  }
  const missing = row.keys.find((key) => key.required && !device[key.name]);
  if (missing !== undefined) throw bad(`Device "${name}" lacks the key "${missing.name}"`);
  const problem = row.problem?.(device);
  if (problem !== undefined) throw refused(name, problem);
}

function validateDeviceKey(
  device: string,
  row: DeviceConfig,
  { key, value }: { key: string; value: string },
): void {
  if (key.startsWith("user.")) return;
  const known = findRow(row.keys, key);
  if (known === undefined) throw unknownKey(device, row, key);
  const parsed = known.type.parse(value);
  if ("problem" in parsed) throw bad(`Device "${device}": invalid ${key}: ${parsed.problem}, got "${value}"`);
}

function unknownKey(device: string, row: DeviceConfig, key: string): DreyError {
  const isToCome = row.toCome.some((known) =>
    known.endsWith("*") ? key.startsWith(known.slice(0, -1)) : key === known
  );
  if (isToCome) return later(`Device "${device}": the key "${key}" is not supported yet`);
  return unknownKeyOf(row.keys, key, `Device "${device}": unknown key "${key}" for type "${row.type}"`);
}

function refused(name: string, { kind, found }: DeviceProblem): DreyError {
  return (kind === "later" ? later : bad)(`Device "${name}": ${found}`);
}

function unknownType(name: string, type: string | undefined): DreyError {
  if (type === undefined || type === "") return bad(`Device "${name}" has no type`);
  if (typesToCome.includes(type)) return later(`Device "${name}": type "${type}" is not supported yet`);
  return new DreyError("BAD_REQUEST", {
    message: `Device "${name}" has the unknown type "${type}"`,
    hint: `There are: ${deviceTypes.map((row) => row.type).join(", ")}`,
  });
}

const bad = (message: string) => new DreyError("BAD_REQUEST", { message });
const later = (message: string) => new DreyError("NOT_SUPPORTED", { message });
