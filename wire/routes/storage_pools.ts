// Routes of storage pools.

import type { StoragePool, StoragePoolResources } from "../storage_pool.ts";
import { lists, one, route } from "./route.ts";

export const storagePools = {
  "pools.list": route<string[] | StoragePool[]>()("sync", "GET /1.0/storage-pools", "All storage pools", {
    query: lists,
  }),
  "pool.get": route<StoragePool>()("sync", "GET /1.0/storage-pools/{pool}", "One storage pool", {
    query: one,
  }),
  "pool.resources": route<StoragePoolResources>()(
    "sync",
    "GET /1.0/storage-pools/{pool}/resources",
    "Space of the storage pool",
  ),
} as const;
