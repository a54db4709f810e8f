// The configuration keys of projects: those drey obeys, and the names of those it knows of.

import { DreyError } from "../errors.ts";
import { findKey, type Key, key, unknownKeyOf, type Values } from "./key.ts";
import * as server from "./server_keys.ts";
import * as types from "./types.ts";

const on = [] as const;

/** A feature is on where its key says so, and nowhere else. */
const feature = (name: string, short: string) =>
  key({ name: `features.${name}`, on, type: types.bool, live: false, default: "false", short });
const amount = (name: string, short: string) =>
  key({ name: `limits.${name}`, on, type: types.size, live: true, short });
const count = (name: string, short: string) =>
  key({ name: `limits.${name}`, on, type: types.integer({ min: 0 }), live: true, short });

export const featureKeys: readonly Key<boolean>[] = [
  feature("images", "Whether the project has images and aliases of its own"),
  feature("networks", "Whether the project has networks of its own"),
  feature("networks.zones", "Whether the project has network zones of its own"),
  feature("profiles", "Whether the project has profiles of its own"),
  feature("storage.buckets", "Whether the project has storage buckets of its own"),
  feature("storage.volumes", "Whether the project has custom storage volumes of its own"),
];

/** What a new project has for itself unless it is told otherwise. */
export const initialFeatures: Values = {
  "features.images": "true",
  "features.profiles": "true",
  "features.storage.buckets": "true",
  "features.storage.volumes": "true",
};

export const limitsContainers = count("containers", "Containers that may exist in the project");
export const limitsInstances = count("instances", "Instances that may exist in the project");
export const limitsVirtualMachines = count(
  "virtual-machines",
  "Virtual machines that may exist in the project",
);
export const limitsCpu = count("cpu", "Processors that all instances of the project may have together");
export const limitsMemory = amount("memory", "Memory that all instances of the project may have together");
export const limitsProcesses = count(
  "processes",
  "Processes that all containers of the project may have together",
);
export const limitsDisk = amount(
  "disk",
  "Room that root disks and volumes of the project may have together, and that its images find beside them",
);
export const limitsDiskPool = key({
  name: "limits.disk.pool.*",
  on,
  type: types.size,
  live: true,
  short: "The same for one storage pool",
});
export const limitsNetworks = count("networks", "Networks that may exist in the project");

export const restricted = key({
  name: "restricted",
  on,
  type: types.bool,
  live: true,
  default: "false",
  short: "Whether what restricted.* does not allow is forbidden to instances of the project",
});
const gate = (name: string, short: string) =>
  key({
    name: `restricted.${name}`,
    on,
    type: types.oneOf("allow", "block"),
    live: true,
    default: "block",
    short,
  });
const list = (name: string, short: string, type: types.ValueType<string> = types.string) =>
  key({ name: `restricted.${name}`, on, type, live: true, short });
const degree = (name: string, short: string) =>
  key({
    name: `restricted.${name}`,
    on,
    type: types.oneOf("allow", "block", "managed"),
    live: true,
    default: "managed",
    short,
  });

export const restrictedBackups = gate("backups", "Backups of instances and volumes");
export const restrictedSnapshots = gate("snapshots", "Snapshots of instances and volumes");
export const restrictedInterception = gate("containers.interception", "security.syscalls.intercept.*");
export const restrictedLowlevel = gate("containers.lowlevel", "raw.* and the like of containers");
export const restrictedNesting = gate("containers.nesting", "security.nesting");
export const restrictedPrivilege = key({
  name: "restricted.containers.privilege",
  on,
  type: types.oneOf("allow", "unprivileged", "isolated"),
  live: true,
  default: "unprivileged",
  short: "Whether containers may be privileged, or must even have ids of their own",
});
export const restrictedMachineLowlevel = gate(
  "virtual-machines.lowlevel",
  "raw.* and the like of virtual machines",
);
export const restrictedDisk = degree(
  "devices.disk",
  "Disks other than the root: all, those of pools, or none",
);
export const restrictedDiskPaths = list(
  "devices.disk.paths",
  "Directories of the host below which sources of disks may be, separated by commas",
  types.absolutePaths,
);
export const restrictedNic = degree("devices.nic", "NICs: all, those of managed networks, or none");
export const restrictedNetworks = list(
  "networks.access",
  "Networks that NICs may be in, separated by commas",
);
export const restrictedUids = list(
  "idmap.uid",
  "User ids of the host that raw.idmap may name, as 1000,2000-2999",
  types.idRanges,
);
export const restrictedGids = list(
  "idmap.gid",
  "Group ids of the host that raw.idmap may name",
  types.idRanges,
);

/** By the type of a device. */
export const restrictedDevices: Readonly<Record<string, Key<"allow" | "block">>> = Object.fromEntries(
  ["gpu", "infiniband", "pci", "proxy", "unix-block", "unix-char", "unix-hotplug", "usb"].map((type) => [
    type,
    gate(`devices.${type}`, `Devices of type ${type}`),
  ]),
);

/** As the server has them, for the images of one project. */
const asServer = <T>({ name, type, short }: server.ServerKey<T>) =>
  key<T>({ name, on, type, live: true, short: `${short}, for those of the project` });
export const imageKeys: readonly Key[] = [
  asServer(server.imagesAutoUpdateCached),
  asServer(server.imagesAutoUpdateInterval),
  asServer(server.imagesCompression),
  asServer(server.imagesDefaultArchitecture),
  asServer(server.imagesCacheExpiry),
];

export const user = key({
  name: "user.*",
  on,
  type: types.string,
  live: true,
  short: "Whatever the user wants to note",
});

/** Every key drey obeys, in the order of the reference page. */
export const projectKeys: readonly Key[] = [
  ...featureKeys,
  ...imageKeys,
  limitsContainers,
  limitsCpu,
  limitsDisk,
  limitsDiskPool,
  limitsInstances,
  limitsMemory,
  limitsNetworks,
  limitsProcesses,
  limitsVirtualMachines,
  restricted,
  restrictedBackups,
  restrictedInterception,
  restrictedLowlevel,
  restrictedNesting,
  restrictedPrivilege,
  restrictedDisk,
  restrictedDiskPaths,
  restrictedNic,
  ...Object.values(restrictedDevices),
  restrictedGids,
  restrictedUids,
  restrictedNetworks,
  restrictedSnapshots,
  restrictedMachineLowlevel,
  user,
];

/** LXD's keys that drey does not obey yet: setting one is refused by name, so that nobody counts on it. */
export const projectKeysToCome: readonly string[] = [
  "backups.compression_algorithm",
  "images.*",
  "limits.networks.uplink_ips.*",
  "replica.cluster",
  "restricted.cluster.*",
  "restricted.networks.*",
  "storage.*",
];

/**
 * Holds the configuration of a project against the table. An empty value is an unset key and always passes.
 *
 * @throws {DreyError} `BAD_REQUEST` for an unknown key or a value of the wrong form, `NOT_SUPPORTED` for a key of LXD
 * that drey does not obey yet
 */
export function validateProjectConfig(config: Values): void {
  for (const [name, value] of Object.entries(config)) {
    const row = findKey(projectKeys, name);
    if (row === undefined) refuse(name, value);
    else if (value !== "") {
      const parsed = row.type.parse(value);
      if ("problem" in parsed) throw bad(`Invalid value for "${name}": ${parsed.problem}, got "${value}"`);
    }
  }
}

function refuse(name: string, value: string): void {
  const isToCome = projectKeysToCome.some((known) =>
    known.endsWith("*") ? name.startsWith(known.slice(0, -1)) : name === known
  );
  if (!isToCome) throw unknownKeyOf(projectKeys, name, `Invalid project configuration key "${name}"`);
  if (value === "") return;
  throw new DreyError("NOT_SUPPORTED", { message: `Configuration key "${name}" is not supported yet` });
}

function bad(message: string): DreyError {
  return new DreyError("BAD_REQUEST", { message });
}
