// Snapshots of instances.

import type { Config, Devices } from "./instance.ts";
import * as s from "./schema.ts";

export interface InstanceSnapshot {
  name: string;
  architecture: string;
  config: Config;
  created_at: string;
  devices: Devices;
  ephemeral: boolean;
  expanded_config: Config;
  expanded_devices: Devices;
  /** `0001-01-01T00:00:00Z` for never */
  expires_at: string;
  last_used_at: string;
  profiles: string[];
  /** bytes; -1 if nobody has measured */
  size: number;
  stateful: boolean;
}

export const instanceSnapshotsPost = s.object({
  name: s.optional(s.string, "left out: the instance's pattern names it"),
  stateful: s.optional(s.boolean),
  expires_at: s.optional(s.string),
});
export type InstanceSnapshotsPost = s.TypeOf<typeof instanceSnapshotsPost>;

export const instanceSnapshotPut = s.object({ expires_at: s.optional(s.string) });
export type InstanceSnapshotPut = s.TypeOf<typeof instanceSnapshotPut>;

export const instanceSnapshotPost = s.object({
  name: s.required(s.string),
  migration: s.optional(s.boolean),
  live: s.optional(s.boolean),
});
export type InstanceSnapshotPost = s.TypeOf<typeof instanceSnapshotPost>;
