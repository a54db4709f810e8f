// The configuration keys of storage pools: those drey obeys, and the names of those it knows of.

import { DreyError } from "../errors.ts";
import { findKey, type Key, key, unknownKeyOf, type Values } from "./key.ts";
import * as types from "./types.ts";
import { volumeKeys } from "./volume_keys.ts";

/** A key and the drivers that obey it. */
interface PoolKey {
  drivers: readonly string[];
  /** cannot be changed once the pool is there */
  isFixed?: boolean;
  row: Key;
}

const row = (name: string, short: string, more: Partial<Key> = {}): Key =>
  key<unknown>({ name, on: [], type: types.string, live: false, short, ...more });

/** Drivers of storage pools. */
export const everyDriver = ["dir", "btrfs", "lvm"] as const;

/** Keys of volumes that a pool may say for those that do not: `volume.KEY`. */
const inherited: PoolKey[] = volumeKeys.filter(({ row: { name } }) => !name.endsWith("*")).map((
  { row: key },
) => ({
  // where volumes are file systems of their own, a size has more to say; below
  drivers: key.name === "size" ? ["dir", "btrfs"] : everyDriver,
  row: row(`volume.${key.name}`, `What new custom volumes without have: ${key.name}`, { type: key.type }),
}));

/** Every key drey obeys. */
export const poolKeys: readonly PoolKey[] = [
  {
    drivers: everyDriver,
    isFixed: true,
    row: row(
      "source",
      "Directory of the user's own that holds the pool, or a volume group or block device; without it drey makes one",
    ),
  },
  {
    drivers: everyDriver,
    isFixed: true,
    row: row(
      "source.recover",
      "The source holds a pool already, whose volumes `drey recover` can bring back",
      {
        type: types.bool,
        default: "false",
      },
    ),
  },
  {
    drivers: everyDriver,
    isFixed: true,
    row: row("volatile.initial_source", "What was given as source", { internal: true }),
  },
  {
    drivers: ["btrfs", "lvm"],
    isFixed: true,
    row: row("source.wipe", "Whether what a block device held is forgotten when a pool is made on it", {
      type: types.bool,
      default: "false",
    }),
  },
  {
    drivers: ["btrfs", "lvm"],
    isFixed: true,
    row: row("size", "Size of the file a pool without a source lies in", { type: types.size }),
  },
  {
    drivers: ["dir"],
    row: row(
      "dir.file_backed",
      "Whether roots that are given a size lie in a file of that size, for users without quotas",
      {
        type: types.bool,
        default: "false",
      },
    ),
  },
  {
    drivers: ["btrfs"],
    row: row("btrfs.mount_options", "Options the pool's file is mounted with", {
      default: "user_subvol_rm_allowed",
    }),
  },
  {
    drivers: ["lvm"],
    isFixed: true,
    row: row("lvm.vg_name", "Name of the volume group that is made; that of the pool without it"),
  },
  {
    drivers: ["lvm"],
    isFixed: true,
    row: row("lvm.thinpool_name", "Name of the thin pool, made if it is not there", {
      default: "LXDThinPool",
    }),
  },
  {
    drivers: ["lvm"],
    isFixed: true,
    row: row("lvm.thinpool_metadata_size", "Room for noting what is where in a new thin pool", {
      type: types.size,
    }),
  },
  {
    drivers: ["lvm"],
    isFixed: true,
    row: row("lvm.use_thinpool", "Always true: without a thin pool nothing is shared", {
      type: types.bool,
      default: "true",
    }),
  },
  {
    drivers: ["lvm"],
    isFixed: true,
    row: row("lvm.vg.force_reuse", "Whether a volume group may be used that is not empty", {
      type: types.bool,
      default: "false",
    }),
  },
  {
    drivers: ["lvm"],
    row: row("volume.size", "Size of volumes that are given none", { type: types.size, default: "10GiB" }),
  },
  {
    drivers: ["lvm"],
    row: row("volume.block.filesystem", "File system of new volumes: ext4 or xfs", {
      type: types.oneOf("ext4", "xfs"),
      default: "ext4",
    }),
  },
  {
    drivers: ["lvm"],
    row: row("volume.block.mount_options", "Options that new volumes are mounted with", {
      default: "discard",
    }),
  },
  ...inherited,
  { drivers: everyDriver, row: row("user.*", "Anything, for people and scripts; drey only keeps it") },
];

/** LXD's keys that drey does not obey yet. */
export const poolKeysToCome: readonly string[] = [
  "alletra.*",
  "ceph.*",
  "cephfs.*",
  "cephobject.*",
  "lvm.*",
  "powerflex.*",
  "powerstore.*",
  "pure.*",
  "rsync.*",
  "volatile.*",
  "volume.*",
  "zfs.*",
];

/**
 * Holds the configuration of a pool against the table. An empty value is an unset key and always passes.
 *
 * @throws {DreyError} `BAD_REQUEST` for an unknown key or a value of the wrong form, `NOT_SUPPORTED` for a key of LXD
 * that drey does not obey yet
 */
export function validatePoolConfig(driver: string, config: Values): void {
  const rows = poolKeys.filter(({ drivers }) => drivers.includes(driver)).map(({ row }) => row);
  for (const [name, value] of Object.entries(config)) {
    const found = findKey(rows, name);
    if (found === undefined) throw unknownKey(driver, name, rows);
    if (value === "") continue;
    const parsed = found.type.parse(value);
    if ("problem" in parsed) throw bad(`Invalid value for "${name}": ${parsed.problem}, got "${value}"`);
  }
}

/** Fails if a change touches what is decided when a pool is made. @throws {DreyError} `BAD_REQUEST` */
export function refuseFixedPoolKeys(before: Values, after: Values): void {
  const fixed = poolKeys.filter(({ isFixed }) => isFixed).map(({ row }) => row.name);
  const touched = fixed.find((name) => (before[name] ?? "") !== (after[name] ?? ""));
  if (touched !== undefined) throw bad(`The pool's "${touched}" cannot be changed`);
}

function unknownKey(driver: string, name: string, rows: readonly Key[]): DreyError {
  const isToCome = poolKeysToCome.some((known) =>
    known.endsWith("*") ? name.startsWith(known.slice(0, -1)) : name === known
  );
  if (!isToCome) {
    return unknownKeyOf(rows, name, `Invalid option for a storage pool of driver "${driver}": ${name}`);
  }
  const why = name.startsWith("rsync.")
    ? ": volumes do not travel by rsync here"
    : name.startsWith("volume.security.unmapped")
    ? ": files of a volume belong to the ids of instances"
    : " yet";
  return new DreyError("NOT_SUPPORTED", { message: `Storage pool key "${name}" is not supported${why}` });
}

const bad = (message: string) => new DreyError("BAD_REQUEST", { message });
