// Storage volumes: what a client sends and sees.

import { type Config, migrationTarget } from "./instance.ts";
import * as s from "./schema.ts";

/** `container` and `virtual-machine` are the root volumes of instances */
export type VolumeType = "custom" | "container" | "virtual-machine";
/** What a custom volume holds: a tree of files, a disk of a virtual machine, or a disc. */
export type VolumeContent = "filesystem" | "block" | "iso";

/** A volume in a storage pool, as `volume.get` shows it. */
export interface StorageVolume {
  /** `VOLUME/SNAPSHOT` for a snapshot in a list */
  name: string;
  description: string;
  type: VolumeType;
  pool: string;
  content_type: VolumeContent;
  project: string;
  location: string;
  /** time, RFC 3339 */
  created_at: string;
  config: Config;
  /** addresses of the instances that have it */
  used_by: string[];
}

/** A snapshot of a custom volume. */
export interface StorageVolumeSnapshot {
  name: string;
  description: string;
  content_type: VolumeContent;
  /** time, RFC 3339 */
  created_at: string;
  /** when it is deleted; null for never */
  expires_at: string | null;
  config: Config;
}

/** An answer that has nothing to show but what there is to say, for people. */
export type Told = { warnings: string[] } | null;

/** How much a volume takes. */
export interface StorageVolumeState {
  /** bytes; `total` is left out where nothing limits the volume */
  usage: { used: number; total?: number };
}

const source = s.object({
  type: s.optional(s.string, "`copy`, `migration`, or nothing for an empty volume"),
  pool: s.optional(s.string),
  name: s.optional(s.string, "`VOLUME` or `VOLUME/SNAPSHOT`"),
  project: s.optional(s.string),
  volume_only: s.optional(s.boolean, "leave its snapshots behind"),
  refresh: s.optional(s.boolean, "bring an existing copy up to date"),
  mode: s.optional(s.string, "of a migration: `pull`, or `push` for a source that comes here"),
  operation: s.optional(s.string, "address of the other server's operation, for `migration` in mode `pull`"),
  certificate: s.optional(s.string, "of the other server"),
  secrets: s.optional(s.record(s.string), "of that operation's streams"),
  location: s.optional(s.string),
});
/** What a new volume begins as a copy of. */
export type StorageVolumeSource = s.TypeOf<typeof source>;

export const storageVolumesPost = s.object({
  name: s.required(s.string),
  type: s.optional(s.string),
  content_type: s.optional(s.string, "`filesystem`, `block` or `iso`"),
  description: s.optional(s.string),
  config: s.optional(s.record(s.string)),
  source: s.optional(source),
});
/** A custom volume to be made, empty or as a copy. */
export type StorageVolumesPost = s.TypeOf<typeof storageVolumesPost>;

export const storageVolumePut = s.object({
  description: s.optional(s.string),
  config: s.optional(s.record(s.string)),
  restore: s.optional(s.string, "a snapshot to go back to"),
});
/** What can be changed of a volume, or the snapshot that it goes back to. */
export type StorageVolumePut = s.TypeOf<typeof storageVolumePut>;

export const storageVolumePost = s.object({
  name: s.required(s.string),
  pool: s.optional(s.string),
  project: s.optional(s.string),
  volume_only: s.optional(s.boolean),
  migration: s.optional(s.boolean, "it goes to another server"),
  target: s.optional(migrationTarget, "left out: whoever comes with the operation's secrets"),
});
/** Another name, pool or project for a custom volume. */
export type StorageVolumePost = s.TypeOf<typeof storageVolumePost>;

export const volumeSnapshotsPost = s.object({
  name: s.optional(s.string),
  description: s.optional(s.string),
  expires_at: s.optional(s.string),
});
/** A snapshot to be taken of a custom volume. */
export type VolumeSnapshotsPost = s.TypeOf<typeof volumeSnapshotsPost>;

export const volumeSnapshotPut = s.object({
  description: s.optional(s.string),
  expires_at: s.optional(s.string),
});
/** What can be changed of a snapshot of a custom volume. */
export type VolumeSnapshotPut = s.TypeOf<typeof volumeSnapshotPut>;

export const volumeSnapshotPost = s.object({
  name: s.required(s.string),
  migration: s.optional(s.boolean, "it goes to another server"),
  target: s.optional(migrationTarget, "left out: whoever comes with the operation's secrets"),
});
/** Another name for a snapshot of a custom volume. */
export type VolumeSnapshotPost = s.TypeOf<typeof volumeSnapshotPost>;
