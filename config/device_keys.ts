// The devices of instances and profiles: types and keys drey obeys, and the names of those it knows of.

import { DreyError } from "../errors.ts";
import type { Device, Devices } from "../wire/instance.ts";

interface DeviceKey {
  name: string;
  required?: boolean;
  short: string;
}

interface DeviceType {
  type: string;
  short: string;
  keys: readonly DeviceKey[];
  /** LXD's keys that are not obeyed yet */
  toCome: readonly string[];
}

/** Every device type drey obeys. */
export const deviceTypes: readonly DeviceType[] = [
  {
    type: "disk",
    short: "The root disk of the instance",
    keys: [
      { name: "path", required: true, short: "Where it is mounted: / is the root disk" },
      { name: "pool", required: true, short: "Storage pool that holds it" },
    ],
    toCome: [
      "boot.priority",
      "ceph.cluster_name",
      "ceph.user_name",
      "initial.*",
      "io.bus",
      "io.cache",
      "io.threads",
      "limits.max",
      "limits.read",
      "limits.write",
      "propagation",
      "raw.mount.options",
      "readonly",
      "recursive",
      "required",
      "shift",
      "size",
      "size.state",
      "source",
      "source.snapshot",
      "source.type",
    ],
  },
  {
    type: "none",
    short: "Nothing: hides the device of this name that a profile brings",
    keys: [],
    toCome: [],
  },
];

const typesToCome = [
  "gpu",
  "infiniband",
  "nic",
  "pci",
  "proxy",
  "tpm",
  "unix-block",
  "unix-char",
  "unix-hotplug",
  "usb",
];

/**
 * Holds devices against the table. Whether an instance has a root disk is asked of its expanded devices, with
 * {@link findRootDisk}.
 *
 * @throws {DreyError} `BAD_REQUEST` for a wrong device, `NOT_SUPPORTED` for one of LXD's that drey lacks
 */
export function validateDevices(devices: Devices): void {
  for (const [name, device] of Object.entries(devices)) validateDevice(name, device);
  const roots = Object.entries(devices).filter(([, device]) => isRootDisk(device)).map(([name]) =>
    `"${name}"`
  );
  if (roots.length > 1) throw bad(`Only one device can be the root disk: ${roots.join(" and ")} both are`);
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
  if (!/^[A-Za-z0-9][A-Za-z0-9._:/-]{0,63}$/.test(name)) {
    throw bad(
      `Invalid device name "${name}": it has 1 to 64 letters, digits and ._:/- and starts with one of the first two`,
    );
  }
  const row = deviceTypes.find(({ type }) => type === device["type"]);
  if (row === undefined) throw unknownType(name, device["type"]);
  for (const [key, value] of Object.entries(device)) {
    if (key !== "type" && value !== "") validateDeviceKey(name, row, key);
  }
  const missing = row.keys.find((key) => key.required && !device[key.name]);
  if (missing !== undefined) throw bad(`Device "${name}" lacks the key "${missing.name}"`);
  if (row.type === "disk" && device["path"] !== "/") {
    throw later(`Device "${name}": disks other than the root disk are not supported yet`);
  }
}

function validateDeviceKey(device: string, row: DeviceType, key: string): void {
  if (row.keys.some(({ name }) => name === key) || key.startsWith("user.")) return;
  const isToCome = row.toCome.some((known) =>
    known.endsWith("*") ? key.startsWith(known.slice(0, -1)) : key === known
  );
  if (isToCome) throw later(`Device "${device}": the key "${key}" is not supported yet`);
  throw bad(`Device "${device}": unknown key "${key}" for type "${row.type}"`);
}

function unknownType(name: string, type: string | undefined): DreyError {
  if (type === undefined || type === "") return bad(`Device "${name}" has no type`);
  if (typesToCome.includes(type)) return later(`Device "${name}": type "${type}" is not supported yet`);
  return bad(`Device "${name}" has the unknown type "${type}"`);
}

const bad = (message: string) => new DreyError("BAD_REQUEST", { message });
const later = (message: string) => new DreyError("NOT_SUPPORTED", { message });
