// Storage pools.

import * as pools from "../../domain/storage_pools.ts";
import { Created, type Handlers } from "../call.ts";
import { addressOf, listed } from "../lists.ts";

type Names =
  | "pools.list"
  | "pools.create"
  | "pool.get"
  | "pool.update"
  | "pool.patch"
  | "pool.delete"
  | "pool.resources";

export const handlers: Handlers<Names> = {
  "pools.list": async ({ context, recursion, query }) =>
    listed(await pools.listStoragePools(context), {
      recursion,
      filter: query("filter"),
      address: (pool) => addressOf("storage-pools", pool.name, "default"),
    }),
  "pools.create": async ({ context, body }) => {
    await pools.createStoragePool(context, body);
    return new Created(addressOf("storage-pools", body.name, "default"));
  },
  "pool.get": ({ context, params }) => pools.getStoragePool(context, params.pool),
  "pool.update": ({ context, params, body }) => pools.updateStoragePool(context, params.pool, body),
  "pool.patch": ({ context, params, body }) => pools.patchStoragePool(context, params.pool, body),
  "pool.delete": ({ context, params }) => pools.deleteStoragePool(context, params.pool),
  "pool.resources": ({ context, params }) => pools.storagePoolResources(context, params.pool),
};
