// Storage pools.

import type { Config } from "./instance.ts";

export interface StoragePool {
  name: string;
  description: string;
  driver: string;
  status: "Created" | "Pending" | "Errored";
  config: Config;
  used_by: string[];
  locations: string[];
}

export interface StoragePoolResources {
  /** bytes */
  space: { used: number; total: number };
  inodes: { used: number; total: number };
}
