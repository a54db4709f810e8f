// The configuration keys of projects: those drey obeys, and the names of those it knows of.

import { DreyError } from "../errors.ts";
import { findKey, type Key, key, type Values } from "./key.ts";
import * as types from "./types.ts";

const on = [] as const;

/** A feature is on where its key says so, and nowhere else. */
const feature = (name: string, short: string) =>
  key({ name: `features.${name}`, on, type: types.bool, live: false, default: "false", short });
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
  limitsContainers,
  limitsInstances,
  limitsVirtualMachines,
  user,
];

/** LXD's keys that drey does not obey yet: setting one is refused by name, so that nobody counts on it. */
export const projectKeysToCome: readonly string[] = [
  "backups.compression_algorithm",
  "images.*",
  "limits.cpu",
  "limits.disk",
  "limits.disk.pool.*",
  "limits.memory",
  "limits.networks",
  "limits.networks.uplink_ips.*",
  "limits.processes",
  "replica.cluster",
  "restricted",
  "restricted.*",
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
  if (!isToCome) throw bad(`Invalid project configuration key "${name}"`);
  // nothing is restricted anyway
  if (value === "" || (name === "restricted" && value === "false")) return;
  throw new DreyError("NOT_SUPPORTED", { message: `Configuration key "${name}" is not supported yet` });
}

function bad(message: string): DreyError {
  return new DreyError("BAD_REQUEST", { message });
}
