// A container as plain facts: names, maps, directories, init. What its start follows from.

import type { IdMap } from "../idmap/map.ts";
import type { RootSource } from "../sys/root_source.ts";
import type { Application, Step } from "./steps.ts";
import type { SyscallFilter } from "./syscall_filter.ts";

export type { FileSystemImage, RootSource } from "../sys/root_source.ts";

export interface ContainerPlan {
  hostname: string;
  root: RootSource;
  ids: {
    /** the map in host ids */
    map: IdMap;
    /** the parent namespace: its map and a process in it (`own`) or in a child of it (`parent`); absent for root */
    parent: { map: IdMap; pid: number; level: "own" | "parent" } | undefined;
  };
  /** cgroup directory of the instance, delegated to its root; absent where the host delegates none */
  cgroup: string | undefined;
  /** an `application` is a child of an init that drey brings; otherwise the program is the init */
  init: { argv: string[]; env: Record<string, string>; application?: Application };
  /** device nodes of the host to show, as paths below /dev */
  deviceNodes: string[];
  /** whether containers may run inside: then /proc stays bare, since new ones may only be mounted beside a full view */
  nesting: boolean;
  /** kernel parameters by their paths below /proc/sys */
  sysctls?: Record<string, string>;
  /** limits of its processes: number of the resource, soft and hard limit as setrlimit(2) counts, "" for none */
  rlimits?: { resource: number; soft: string; hard: string }[];
  /** what system calls its processes are refused */
  filter?: SyscallFilter;
  /** descriptor of a new unix socket that is to listen at /dev/lxd/sock */
  guestSocket?: number;
  /** present where the container is the box of a virtual machine, and its init the keeper */
  machine?: MachineBox;
  devices?: DeviceSteps;
  /** whether it has no network namespace of its own, but is in that of who starts it */
  sharesNetwork?: boolean;
  /** files written as the container's root just before its init begins */
  fills?: { path: string; text: string; fresh: boolean }[];
}

/** What the box of a virtual machine has that other containers have not. */
export interface MachineBox {
  /** the socket that the keeper listens at */
  door: { directory: string; name: string };
  /** what of the host's own tree is shown, at the same paths; `link` is where a link leads */
  host: { path: string; link?: string; isFile?: boolean }[];
  /** groups of the host that its programs need, where root starts them */
  groups: number[];
  /** files of the host that are shown in a directory of drey's */
  files: BoxFile[];
  /** whether its programs may keep any amount of memory from being moved, as a card that reads it wants it */
  locksMemory?: boolean;
  /** whether devices show their directories in a place of their own, since the guest's root is not one of files */
  hasShares: boolean;
}

/** A file of the host in the box of a virtual machine. */
export interface BoxFile {
  name: string;
  source: string;
  /** device and inode the source had when it was looked at, for one that others may replace */
  id?: string;
  isWritable?: boolean;
  /** for a device's node: the host's own, or another one like it that root makes */
  node?: "shown" | BoxNode;
}

/** A device node that root makes for the programs of a box. */
export interface BoxNode {
  kind: "char" | "block";
  numbers: [major: number, minor: number];
  /** on the host */
  uid: number;
  gid: number;
  mode: number;
}

/** What the instance's devices add to its start. */
export interface DeviceSteps {
  /** paths of the host that the outer steps read, so that nothing may hide them before */
  reads: string[];
  /** walked in the parent namespace, the root file system mounted, before the container's user namespace is made */
  outer: Step[];
  /** walked as the container's root, the kernel's file systems mounted, before the old root goes */
  inner: Step[];
  /** walked as the container's root once what is attached from outside is there */
  settled: Step[];
}

/** Descriptor of the console's master in the first stage, where the starter takes a copy. */
export const consoleFd = 9;
