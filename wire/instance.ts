// Instances: what a client sends and sees.

import type { InstanceBackup } from "./backup.ts";
import * as s from "./schema.ts";
import type { InstanceSnapshot } from "./instance_snapshot.ts";
import type { InstanceStatus } from "./status.ts";

/** Configuration: keys and values, each as `docs/config.md` tells it. */
export type Config = Record<string, string>;
/** A device: its `type`, and the options of that type. */
export type Device = Record<string, string>;
/** Devices by their names. */
export type Devices = Record<string, Device>;
/** What runs an instance: the kernel of the host, or one of its own. */
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
  operation: s.optional(s.string, "address of the other server's operation, for `migration` in mode `pull`"),
  secrets: s.optional(s.record(s.string), "of that operation's streams"),
});
/** What an instance begins with: an image, a copy of another, or nothing. */
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
/** An instance to be created. */
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
/** The settings of an instance, or the snapshot that it goes back to. */
export type InstancePut = s.TypeOf<typeof instancePut>;

/** Where another server waits for what is sent to it. */
export const migrationTarget = s.object({
  operation: s.optional(s.string, "address of its operation"),
  certificate: s.optional(s.string, "its certificate"),
  secrets: s.optional(s.record(s.string), "of the operation's streams"),
});

export const instancePost = s.object({
  name: s.optional(s.string, "left out: the present one"),
  migration: s.optional(s.boolean, "it goes to another server, storage pool or project"),
  target: s.optional(migrationTarget, "left out: whoever comes with the operation's secrets"),
  instance_only: s.optional(s.boolean),
  container_only: s.optional(s.boolean),
  allow_inconsistent: s.optional(s.boolean),
  live: s.optional(s.boolean),
  pool: s.optional(s.string),
  project: s.optional(s.string),
});
/** Another name, pool or project for an instance. */
export type InstancePost = s.TypeOf<typeof instancePost>;

export const instanceRebuildPost = s.object({ source: s.required(instanceSource) });
/** What the root of an instance is to be made of anew. */
export type InstanceRebuildPost = s.TypeOf<typeof instanceRebuildPost>;

export const instanceStatePut = s.object({
  action: s.required(s.oneOf("start", "stop", "restart", "freeze", "unfreeze")),
  timeout: s.optional(s.integer, "seconds to wait for a clean end; -1 waits for ever"),
  force: s.optional(s.boolean),
  stateful: s.optional(s.boolean),
});
/** What is to happen to an instance: a start, a stop. */
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
/** A command to be run in an instance. */
export type InstanceExecPost = s.TypeOf<typeof instanceExecPost>;

export const instanceConsolePost = s.object({
  width: s.optional(s.integer),
  height: s.optional(s.integer),
  type: s.optional(s.oneOf("", "console", "vga")),
});
/** Which console of an instance is wanted, and its size. */
export type InstanceConsolePost = s.TypeOf<typeof instanceConsolePost>;

/** An instance, as `instance.get` shows it. */
export interface Instance {
  name: string;
  description: string;
  type: InstanceType;
  /** the kernel's name, `x86_64` */
  architecture: string;
  status: InstanceStatus;
  status_code: number;
  /** time, RFC 3339 */
  created_at: string;
  /** time of its last start; in 1970 for never */
  last_used_at: string;
  /** whether it is deleted when it stops */
  ephemeral: boolean;
  /** whether its memory was saved for its next start */
  stateful: boolean;
  /** names, the later ones on top */
  profiles: string[];
  /** its own settings, and what the server keeps in `volatile.*` */
  config: Config;
  devices: Devices;
  /** its settings over those of its profiles */
  expanded_config: Config;
  /** its devices over those of its profiles */
  expanded_devices: Devices;
  /** member of a cluster; `none` without one */
  location: string;
  project: string;
}

/** A network interface of an instance that runs. */
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
  /** MAC address */
  hwaddr: string;
  /** name of its other end on the host */
  host_name: string;
  /** `bytes` of the largest packet */
  mtu: number;
  state: string;
  type: string;
}

/** What an instance is doing, and what it uses right now. */
export interface InstanceState {
  status: InstanceStatus;
  status_code: number;
  /** bytes */
  disk: Record<string, { usage: number; total: number }>;
  /** bytes */
  memory: { usage: number; usage_peak: number; total: number; swap_usage: number; swap_usage_peak: number };
  /** by the name inside; null while it is stopped */
  network: Record<string, InstanceStateNetwork> | null;
  /** host pid of the instance's init; 0 when stopped */
  pid: number;
  /** -1 where nobody knows */
  processes: number;
  /** nanoseconds of processor time */
  cpu: { usage: number };
}

/** An instance with all that belongs to it, as a list with `recursion: 2` shows it. */
export interface InstanceFull extends Instance {
  backups: InstanceBackup[] | null;
  /** null for one that is stopped */
  state: InstanceState | null;
  snapshots: InstanceSnapshot[] | null;
}
