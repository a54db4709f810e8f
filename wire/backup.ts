// Backups of instances and of custom volumes: what a client sends and sees.

import * as s from "./schema.ts";

export interface InstanceBackup {
  name: string;
  created_at: string;
  expires_at: string;
  instance_only: boolean;
  /** what older clients call it */
  container_only: boolean;
  optimized_storage: boolean;
}

export interface VolumeBackup {
  name: string;
  created_at: string;
  expires_at: string;
  volume_only: boolean;
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
export type InstanceBackupsPost = s.TypeOf<typeof instanceBackupsPost>;

export const volumeBackupsPost = s.object({
  ...common,
  volume_only: s.optional(s.boolean, "leave the snapshots out"),
});
export type VolumeBackupsPost = s.TypeOf<typeof volumeBackupsPost>;

export const backupPost = s.object({ name: s.required(s.string) });
export type BackupPost = s.TypeOf<typeof backupPost>;
