// Storage pools.

import type { Config } from "./instance.ts";
import * as s from "./schema.ts";

/** A storage pool. */
export interface StoragePool {
  name: string;
  description: string;
  /** `dir`, `btrfs` or `lvm` */
  driver: string;
  status: "Created" | "Pending" | "Errored";
  config: Config;
  /** addresses of the volumes in it */
  used_by: string[];
  locations: string[];
}

/** How full a storage pool is. */
export interface StoragePoolResources {
  /** bytes */
  space: { used: number; total: number };
  inodes: { used: number; total: number };
  /** drey's own: layers of application images, in the pool that holds the images */
  layers?: LayerUsage;
}

/** How layers are shared between application images. */
export interface LayerUsage {
  images: number;
  /** each counted once */
  layers: number;
  /** those that more than one image has */
  shared: number;
  /** `bytes` of all layers as they came, each once */
  size: number;
  /** `bytes` they would be if each image had its own */
  apart: number;
}

export const storagePoolsPost = s.object({
  name: s.required(s.string),
  driver: s.required(s.string),
  description: s.optional(s.string),
  config: s.optional(s.record(s.string)),
});
/** A storage pool to be made. */
export type StoragePoolsPost = s.TypeOf<typeof storagePoolsPost>;

export const storagePoolPut = s.object({
  description: s.optional(s.string),
  config: s.optional(s.record(s.string)),
});
/** What can be changed of a storage pool. */
export type StoragePoolPut = s.TypeOf<typeof storagePoolPut>;
