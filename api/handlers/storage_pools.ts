// Storage pools.

import * as pools from "../../domain/storage_pools.ts";
import type { Handlers } from "../call.ts";
import { addressOf, listed } from "../lists.ts";

export const handlers: Handlers<"pools.list" | "pool.get" | "pool.resources"> = {
  "pools.list": async ({ context, recursion, query }) =>
    listed(await pools.listStoragePools(context), {
      recursion,
      filter: query("filter"),
      address: (pool) => addressOf("storage-pools", pool.name, "default"),
    }),
  "pool.get": ({ context, params }) => pools.getStoragePool(context, params.pool),
  "pool.resources": ({ context, params }) => pools.storagePoolResources(context, params.pool),
};
