// Storage pools.

import type { Config } from "./instance.ts";
import * as s from "./schema.ts";

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
export type StoragePoolsPost = s.TypeOf<typeof storagePoolsPost>;

export const storagePoolPut = s.object({
  description: s.optional(s.string),
  config: s.optional(s.record(s.string)),
});
export type StoragePoolPut = s.TypeOf<typeof storagePoolPut>;
