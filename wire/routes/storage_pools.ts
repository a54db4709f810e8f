// Routes of storage pools.

import {
  type StoragePool,
  storagePoolPut,
  type StoragePoolResources,
  storagePoolsPost,
} from "../storage_pool.ts";
import { type Listing, lists, one, route } from "./route.ts";

export const storagePools = {
  "pools.list": route<Listing<string[], StoragePool[]>>()(
    "sync",
    "GET /1.0/storage-pools",
    "All storage pools",
    {
      query: lists,
    },
  ),
  "pools.create": route<null>()("sync", "POST /1.0/storage-pools", "Create a storage pool", {
    query: ["project", "target"],
    body: storagePoolsPost,
  }),
  "pool.get": route<StoragePool>()("sync", "GET /1.0/storage-pools/{pool}", "One storage pool", {
    query: ["project", "target"],
  }),
  "pool.update": route<null>()("sync", "PUT /1.0/storage-pools/{pool}", "Replace the pool's configuration", {
    query: ["project", "target"],
    body: storagePoolPut,
  }),
  "pool.patch": route<null>()(
    "sync",
    "PATCH /1.0/storage-pools/{pool}",
    "Change parts of the pool's configuration",
    { query: ["project", "target"], body: storagePoolPut },
  ),
  "pool.delete": route<null>()("sync", "DELETE /1.0/storage-pools/{pool}", "Delete the storage pool", {
    query: one,
  }),
  "pool.resources": route<StoragePoolResources>()(
    "sync",
    "GET /1.0/storage-pools/{pool}/resources",
    "Space of the storage pool",
    { query: ["target"] },
  ),
} as const;
