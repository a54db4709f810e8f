// The configuration keys of storage volumes: those drey obeys, and the names of those it knows of.

import { DreyError } from "../errors.ts";
import type { VolumeContent } from "../wire/storage_volume.ts";
import { findKey, type Key, key, type Values } from "./key.ts";
import * as types from "./types.ts";

interface VolumeKey {
  contents: readonly VolumeContent[];
  row: Key;
}

const every = ["filesystem", "block", "iso"] as const;
const row = <T>(name: string, short: string, more: Omit<Partial<Key<T>>, "name"> & Pick<Key<T>, "type">) =>
  key<T>({ name, on: [], live: true, short, ...more });

export const size = row("size", "Bytes the volume may hold; a block device has as many", {
  type: types.size,
});
export const shifted = row(
  "security.shifted",
  "Whether instances with other ids see its files as their own; only root can",
  {
    type: types.bool,
    default: "false",
  },
);
export const shared = row("security.shared", "Whether several virtual machines may use it at once", {
  type: types.bool,
  default: "false",
});
export const snapshotsExpiry = row(
  "snapshots.expiry",
  "How long snapshots are kept, as in 1M 2H 3d 4w 5m 6y",
  {
    type: types.expiry,
  },
);
export const snapshotsExpiryManual = row(
  "snapshots.expiry.manual",
  "The same for snapshots that are taken by hand, if it differs for them",
  { type: types.expiry },
);
export const snapshotsPattern = row(
  "snapshots.pattern",
  "Names of snapshots: %d counts, {{ creation_date|date:'2006-01-02' }} is the day",
  { type: types.string, default: "snap%d" },
);
export const snapshotsSchedule = row(
  "snapshots.schedule",
  "When snapshots are taken: five fields of cron, or @hourly, @daily and so on",
  { type: types.timetable },
);

/** Every key drey obeys. */
export const volumeKeys: readonly VolumeKey[] = [
  { contents: ["block"], row: shared },
  { contents: ["filesystem"], row: shifted },
  { contents: ["filesystem", "block"], row: size },
  { contents: ["filesystem", "block"], row: snapshotsExpiry },
  { contents: ["filesystem", "block"], row: snapshotsExpiryManual },
  { contents: ["filesystem", "block"], row: snapshotsPattern },
  { contents: ["filesystem", "block"], row: snapshotsSchedule },
  {
    contents: every,
    row: row("user.*", "Anything, for people and scripts; drey only keeps it", { type: types.string }),
  },
  {
    contents: every,
    row: row("volatile.*", "What drey remembers about the volume", { type: types.string, internal: true }),
  },
];

/** LXD's keys that drey does not obey yet. */
export const volumeKeysToCome: readonly string[] = [
  "block.*",
  "ceph.*",
  "cephfs.*",
  "lvm.*",
  "security.shared",
  "security.shifted",
  "security.unmapped",
  "size",
  "snapshots.*",
  "zfs.*",
];

/** What a pool says for its new volumes of a content, `volume.KEY`, without what they say themselves. */
export function inheritedConfig(
  content: VolumeContent,
  { pool, own }: { pool: Readonly<Record<string, string>>; own: Readonly<Record<string, string>> },
): Record<string, string> {
  const names = volumeKeys.filter(({ contents, row: { name } }) =>
    contents.includes(content) && !name.endsWith("*")
  ).map(({ row: { name } }) => name);
  return Object.fromEntries(
    names.flatMap((name) => {
      const value = pool[`volume.${name}`];
      return value === undefined || name in own ? [] : [[name, value]];
    }),
  );
}

/**
 * Holds the configuration of a volume against the table. An empty value is an unset key and always passes.
 *
 * @throws {DreyError} `BAD_REQUEST` for an unknown key or a value of the wrong form, `NOT_SUPPORTED` for a key of LXD
 * that drey does not obey, or not for such content
 */
export function validateVolumeConfig(content: VolumeContent, config: Values): void {
  const rows = volumeKeys.filter(({ contents }) => contents.includes(content)).map(({ row }) => row);
  for (const [name, value] of Object.entries(config)) {
    const found = findKey(rows, name);
    if (found === undefined) throw unknownKey(content, name, value);
    if (value === "") continue;
    const parsed = found.type.parse(value);
    if ("problem" in parsed) throw bad(`Invalid value for "${name}": ${parsed.problem}, got "${value}"`);
  }
}

function unknownKey(content: VolumeContent, name: string, value: string): DreyError {
  if (name === "security.unmapped" && /^(false|0|no|off)?$/.test(value)) {
    return bad(`"${name}" is false anyway: leave it out`);
  }
  const isToCome = volumeKeysToCome.some((known) =>
    known.endsWith("*") ? name.startsWith(known.slice(0, -1)) : name === known
  );
  if (!isToCome) return bad(`Invalid option for a storage volume: ${name}`);
  if (name === "security.unmapped") {
    return new DreyError("NOT_SUPPORTED", {
      message:
        `Storage volume key "${name}" is not supported: files of a volume belong to the ids of instances`,
    });
  }
  if (/^(block|lvm|zfs|ceph|cephfs)\./.test(name)) {
    return new DreyError("NOT_SUPPORTED", {
      message:
        `Storage volume key "${name}" is not supported: the storage pool decides it for all its volumes`,
      ...(name.startsWith("block.") ? { hint: `Set volume.${name} of a pool of driver lvm` } : {}),
    });
  }
  return new DreyError("NOT_SUPPORTED", {
    message: `Storage volume key "${name}" is not supported for content type "${content}"`,
  });
}

const bad = (message: string) => new DreyError("BAD_REQUEST", { message });
