// The table of storage drivers: those that are built, each loaded when a pool wants it, and LXD's others by name.

import { DreyError } from "../errors.ts";
import type { DriverKind } from "./driver.ts";

const built: Record<string, () => Promise<{ kind: DriverKind }>> = {
  dir: () => import("./dir_pool.ts"),
  btrfs: () => import("./btrfs_pool.ts"),
  lvm: () => import("./lvm_pool.ts"),
};

/** LXD's drivers that drey does not have. */
const toCome = [
  "alletra",
  "ceph",
  "cephfs",
  "cephobject",
  "powerflex",
  "powerstore",
  "pure",
  "zfs",
];

const driverNames: readonly string[] = Object.keys(built);

/** Whether pools of a driver may know what snapshots take: of the others none need be opened to ask. */
export const mayKnowSnapshotSizes = (driver: string): boolean => driver === "btrfs";

let supported: Promise<{ Name: string; Version: string; Remote: boolean }[]> | undefined;

/** Drivers that work on this host, as the API tells of them; looked for once. */
export function supportedDrivers(): Promise<{ Name: string; Version: string; Remote: boolean }[]> {
  supported ??= Promise.all(driverNames.map(async (name) => {
    const kind = await loadDriver(name);
    if (await kind.missing() !== undefined) return [];
    return [{ Name: name, Version: await kind.version(), Remote: false }];
  })).then((found) => found.flat());
  return supported;
}

/**
 * The driver of a name.
 *
 * @throws {DreyError} `NOT_SUPPORTED` for one of LXD's that drey lacks, `BAD_REQUEST` for any other
 */
export async function loadDriver(name: string): Promise<DriverKind> {
  // every object answers to "constructor" as well
  const load = Object.hasOwn(built, name) ? built[name] : undefined;
  if (load !== undefined) return (await load()).kind;
  const hint = `There are: ${driverNames.join(", ")}`;
  if (toCome.includes(name)) {
    throw new DreyError("NOT_SUPPORTED", {
      message: `The storage driver "${name}" is not supported yet`,
      hint,
    });
  }
  throw new DreyError("BAD_REQUEST", { message: `Unknown storage driver "${name}"`, hint });
}
