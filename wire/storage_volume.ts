// Storage volumes: what a client sends and sees.

import type { Config } from "./instance.ts";
import * as s from "./schema.ts";

/** `container` and `virtual-machine` are the root volumes of instances */
export type VolumeType = "custom" | "container" | "virtual-machine";
export type VolumeContent = "filesystem" | "block" | "iso";

export interface StorageVolume {
  /** `VOLUME/SNAPSHOT` for a snapshot in a list */
  name: string;
  description: string;
  type: VolumeType;
  pool: string;
  content_type: VolumeContent;
  project: string;
  location: string;
  created_at: string;
  config: Config;
  used_by: string[];
}

export interface StorageVolumeSnapshot {
  name: string;
  description: string;
  content_type: VolumeContent;
  created_at: string;
  expires_at: string | null;
  config: Config;
}

/** An answer that has nothing to show but what there is to say, for people. */
export type Told = { warnings: string[] } | null;

export interface StorageVolumeState {
  /** bytes; `total` is left out where nothing limits the volume */
  usage: { used: number; total?: number };
}

const source = s.object({
  type: s.optional(s.string, "`copy`, or nothing for an empty volume"),
  pool: s.optional(s.string),
  name: s.optional(s.string, "`VOLUME` or `VOLUME/SNAPSHOT`"),
  project: s.optional(s.string),
  volume_only: s.optional(s.boolean, "leave its snapshots behind"),
  refresh: s.optional(s.boolean, "bring an existing copy up to date"),
  mode: s.optional(s.string),
  location: s.optional(s.string),
});
export type StorageVolumeSource = s.TypeOf<typeof source>;

export const storageVolumesPost = s.object({
  name: s.required(s.string),
  type: s.optional(s.string),
  content_type: s.optional(s.string, "`filesystem`, `block` or `iso`"),
  description: s.optional(s.string),
  config: s.optional(s.record(s.string)),
  source: s.optional(source),
});
export type StorageVolumesPost = s.TypeOf<typeof storageVolumesPost>;

export const storageVolumePut = s.object({
  description: s.optional(s.string),
  config: s.optional(s.record(s.string)),
  restore: s.optional(s.string, "a snapshot to go back to"),
});
export type StorageVolumePut = s.TypeOf<typeof storageVolumePut>;

export const storageVolumePost = s.object({
  name: s.required(s.string),
  pool: s.optional(s.string),
  project: s.optional(s.string),
  volume_only: s.optional(s.boolean),
  migration: s.optional(s.boolean),
});
export type StorageVolumePost = s.TypeOf<typeof storageVolumePost>;

export const volumeSnapshotsPost = s.object({
  name: s.optional(s.string),
  description: s.optional(s.string),
  expires_at: s.optional(s.string),
});
export type VolumeSnapshotsPost = s.TypeOf<typeof volumeSnapshotsPost>;

export const volumeSnapshotPut = s.object({
  description: s.optional(s.string),
  expires_at: s.optional(s.string),
});
export type VolumeSnapshotPut = s.TypeOf<typeof volumeSnapshotPut>;

export const volumeSnapshotPost = s.object({
  name: s.required(s.string),
  migration: s.optional(s.boolean),
});
export type VolumeSnapshotPost = s.TypeOf<typeof volumeSnapshotPost>;
