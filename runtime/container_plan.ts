// A container as plain facts: names, maps, directories, init. What its start follows from.

import type { IdMap } from "../idmap/map.ts";

export type RootSource =
  /** read-only image layers below, the instance's own changes on top; overlayfs */
  | { kind: "overlay"; lower: string[]; upper: string; work: string }
  /** a plain directory */
  | { kind: "directory"; path: string };

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
  init: { argv: string[]; env: Record<string, string> };
  /** device nodes of the host to show, as paths below /dev */
  deviceNodes: string[];
  /** whether containers may run inside: then /proc stays bare, since new ones may only be mounted beside a full view */
  nesting: boolean;
}

/** Descriptor of the console's master in the first stage, where the starter takes a copy. */
export const consoleFd = 9;
