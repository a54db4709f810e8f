// Backups of instances and of custom volumes: what a client sends and sees.

import * as s from "./schema.ts";

/** A backup of an instance. */
export interface InstanceBackup {
  name: string;
  /** time, RFC 3339 */
  created_at: string;
  /** when it is deleted; year 1 for never */
  expires_at: string;
  /** whether it holds no snapshots */
  instance_only: boolean;
  /** what older clients call it */
  container_only: boolean;
  /** whether it is in the format of the pool's driver */
  optimized_storage: boolean;
}

/** A backup of a custom volume. */
export interface VolumeBackup {
  name: string;
  /** time, RFC 3339 */
  created_at: string;
  /** when it is deleted; year 1 for never */
  expires_at: string;
  /** whether it holds no snapshots */
  volume_only: boolean;
  /** whether it is in the format of the pool's driver */
  optimized_storage: boolean;
}

const common = {
  name: s.optional(s.string, "left out: backup0 and so on"),
  expires_at: s.optional(s.string, "when it is deleted; left out: never"),
  optimized_storage: s.optional(s.boolean, "in the format of the pool's driver"),
  compression_algorithm: s.optional(s.string, "`none`, `gzip`, `bzip2`, `xz`, `lzma` or `zstd`"),
};

export const instanceBackupsPost = s.object({
  ...common,
  instance_only: s.optional(s.boolean, "leave the snapshots out"),
  container_only: s.optional(s.boolean),
});
/** A backup to be made of an instance. */
export type InstanceBackupsPost = s.TypeOf<typeof instanceBackupsPost>;

export const volumeBackupsPost = s.object({
  ...common,
  volume_only: s.optional(s.boolean, "leave the snapshots out"),
});
/** A backup to be made of a custom volume. */
export type VolumeBackupsPost = s.TypeOf<typeof volumeBackupsPost>;

export const backupPost = s.object({ name: s.required(s.string) });
/** Another name for a backup. */
export type BackupPost = s.TypeOf<typeof backupPost>;
