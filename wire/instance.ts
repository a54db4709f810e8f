// Instances: what a client sends and sees.

import type { InstanceBackup } from "./backup.ts";
import * as s from "./schema.ts";
import type { InstanceSnapshot } from "./instance_snapshot.ts";
import type { InstanceStatus } from "./status.ts";

export type Config = Record<string, string>;
export type Device = Record<string, string>;
export type Devices = Record<string, Device>;
export type InstanceType = "container" | "virtual-machine";

const config = s.record(s.string);
const devices = s.record(s.record(s.string));

export const instanceSource = s.object({
  type: s.required(s.oneOf("image", "migration", "copy", "none"), "where the root file system comes from"),
  alias: s.optional(s.string),
  fingerprint: s.optional(s.string),
  properties: s.optional(s.record(s.string)),
  server: s.optional(s.string, "address of the server that has the image"),
  protocol: s.optional(s.string, "`lxd`, `simplestreams`, or `debian` for images built here"),
  secret: s.optional(s.string),
  certificate: s.optional(s.string),
  mode: s.optional(s.string),
  source: s.optional(s.string, "name of the instance to copy"),
  project: s.optional(s.string),
  instance_only: s.optional(s.boolean),
  container_only: s.optional(s.boolean),
  refresh: s.optional(s.boolean),
  live: s.optional(s.boolean),
  allow_inconsistent: s.optional(s.boolean),
});
export type InstanceSource = s.TypeOf<typeof instanceSource>;

export const instancesPost = s.object({
  name: s.optional(s.string, "left out: drey picks one"),
  source: s.required(instanceSource),
  architecture: s.optional(s.string),
  config: s.optional(config),
  description: s.optional(s.string),
  devices: s.optional(devices),
  ephemeral: s.optional(s.boolean),
  instance_type: s.optional(s.string),
  profiles: s.optional(s.array(s.string)),
  start: s.optional(s.boolean),
  stateful: s.optional(s.boolean),
  type: s.optional(s.oneOf("", "container", "virtual-machine")),
});
export type InstancesPost = s.TypeOf<typeof instancesPost>;

export const instancePut = s.object({
  architecture: s.optional(s.string),
  config: s.optional(config),
  description: s.optional(s.string),
  devices: s.optional(devices),
  ephemeral: s.optional(s.boolean),
  profiles: s.optional(s.array(s.string)),
  restore: s.optional(s.string),
  stateful: s.optional(s.boolean),
});
export type InstancePut = s.TypeOf<typeof instancePut>;

export const instancePost = s.object({
  name: s.required(s.string),
  migration: s.optional(s.boolean),
  instance_only: s.optional(s.boolean),
  live: s.optional(s.boolean),
  pool: s.optional(s.string),
  project: s.optional(s.string),
});
export type InstancePost = s.TypeOf<typeof instancePost>;

export const instanceRebuildPost = s.object({ source: s.required(instanceSource) });
export type InstanceRebuildPost = s.TypeOf<typeof instanceRebuildPost>;

export const instanceStatePut = s.object({
  action: s.required(s.oneOf("start", "stop", "restart", "freeze", "unfreeze")),
  timeout: s.optional(s.integer, "seconds to wait for a clean end; -1 waits for ever"),
  force: s.optional(s.boolean),
  stateful: s.optional(s.boolean),
});
export type InstanceStatePut = s.TypeOf<typeof instanceStatePut>;

export const instancesPut = s.object({ state: s.required(instanceStatePut) });

export const instanceExecPost = s.object({
  command: s.required(s.array(s.string)),
  environment: s.optional(s.record(s.string)),
  "wait-for-websocket": s.optional(s.boolean),
  interactive: s.optional(s.boolean),
  "record-output": s.optional(s.boolean),
  width: s.optional(s.integer),
  height: s.optional(s.integer),
  user: s.optional(s.integer),
  group: s.optional(s.integer),
  cwd: s.optional(s.string),
});
export type InstanceExecPost = s.TypeOf<typeof instanceExecPost>;

export const instanceConsolePost = s.object({
  width: s.optional(s.integer),
  height: s.optional(s.integer),
  type: s.optional(s.oneOf("", "console", "vga")),
});
export type InstanceConsolePost = s.TypeOf<typeof instanceConsolePost>;

export interface Instance {
  name: string;
  description: string;
  type: InstanceType;
  architecture: string;
  status: InstanceStatus;
  status_code: number;
  created_at: string;
  last_used_at: string;
  ephemeral: boolean;
  stateful: boolean;
  profiles: string[];
  config: Config;
  devices: Devices;
  expanded_config: Config;
  expanded_devices: Devices;
  location: string;
  project: string;
}

export interface InstanceStateNetwork {
  addresses: { family: "inet" | "inet6"; address: string; netmask: string; scope: string }[];
  counters: {
    bytes_received: number;
    bytes_sent: number;
    packets_received: number;
    packets_sent: number;
    errors_received: number;
    errors_sent: number;
    packets_dropped_outbound: number;
    packets_dropped_inbound: number;
  };
  hwaddr: string;
  host_name: string;
  mtu: number;
  state: string;
  type: string;
}

export interface InstanceState {
  status: InstanceStatus;
  status_code: number;
  /** bytes */
  disk: Record<string, { usage: number; total: number }>;
  /** bytes */
  memory: { usage: number; usage_peak: number; total: number; swap_usage: number; swap_usage_peak: number };
  network: Record<string, InstanceStateNetwork> | null;
  /** host pid of the instance's init; 0 when stopped */
  pid: number;
  processes: number;
  /** nanoseconds of processor time */
  cpu: { usage: number };
}

export interface InstanceFull extends Instance {
  backups: InstanceBackup[] | null;
  state: InstanceState | null;
  snapshots: InstanceSnapshot[] | null;
}
