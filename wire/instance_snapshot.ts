// Snapshots of instances.

import { type Config, type Devices, migrationTarget } from "./instance.ts";
import * as s from "./schema.ts";

/** A snapshot of an instance, with the settings that the instance had. */
export interface InstanceSnapshot {
  name: string;
  architecture: string;
  config: Config;
  /** time, RFC 3339 */
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
  /** whether it has what was in the memory */
  stateful: boolean;
}

export const instanceSnapshotsPost = s.object({
  name: s.optional(s.string, "left out: the instance's pattern names it"),
  stateful: s.optional(s.boolean),
  expires_at: s.optional(s.string),
});
/** A snapshot to be taken of an instance. */
export type InstanceSnapshotsPost = s.TypeOf<typeof instanceSnapshotsPost>;

export const instanceSnapshotPut = s.object({ expires_at: s.optional(s.string) });
/** What can be changed of a snapshot of an instance. */
export type InstanceSnapshotPut = s.TypeOf<typeof instanceSnapshotPut>;

export const instanceSnapshotPost = s.object({
  name: s.required(s.string),
  migration: s.optional(s.boolean, "it goes to another server"),
  target: s.optional(migrationTarget, "left out: whoever comes with the operation's secrets"),
  live: s.optional(s.boolean),
});
/** Another name for a snapshot of an instance. */
export type InstanceSnapshotPost = s.TypeOf<typeof instanceSnapshotPost>;
