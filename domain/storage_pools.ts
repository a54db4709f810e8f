// Storage pools: where volumes lie. `default` appears by itself and is a directory.

import { mustKnowEmptied, withoutEmpty } from "../config/key.ts";
import { refuseFixedPoolKeys, validatePoolConfig } from "../config/pool_keys.ts";
import { validatePoolName } from "../config/names.ts";
import { DreyError } from "../errors.ts";
import { changedMeanwhile } from "./changed.ts";
import { loadDriver } from "../storage/drivers.ts";
import type { Write } from "../store/store.ts";
import type {
  StoragePool,
  StoragePoolPut,
  StoragePoolResources,
  StoragePoolsPost,
} from "../wire/storage_pool.ts";
import type { Context } from "./context.ts";
import { lifecycleWrite } from "./events.ts";
import { layerUsage } from "./images/layers.ts";
import { lazyFileRoot } from "./instances/file_root.ts";
import { makingOf, openPool } from "./storage_pools/open.ts";
import { linkPool, unlinkPool } from "./storage_pools/places.ts";
import { listPools, loadPool, poolAddress, poolKey, type PoolRecord } from "./storage_pools/record.ts";
import { poolUsers } from "./storage_pools/users.ts";

/** All storage pools. */
export async function listStoragePools(context: Context): Promise<StoragePool[]> {
  const pools = await listPools(context);
  const users = await poolUsers(context);
  return pools.map(({ name, record }) => shape(name, record, users));
}

/** @throws {DreyError} `NOT_FOUND` */
export async function getStoragePool(context: Context, name: string): Promise<StoragePool> {
  const { value } = await loadPool(context, name);
  return shape(name, value, await poolUsers(context));
}

function shape(name: string, record: PoolRecord, users: ReadonlyMap<string, string[]>): StoragePool {
  const used_by = users.get(name) ?? [];
  return { name, ...record, status: "Created", used_by, locations: ["none"] };
}

/**
 * Space and inodes of the pool's file system, and what images share.
 *
 * @throws {DreyError} `NOT_FOUND`
 */
export async function storagePoolResources(context: Context, name: string): Promise<StoragePoolResources> {
  await using pool = await openPool(context, name);
  const space = await pool.driver.space();
  if (name !== "default") return space;
  const layers = layerUsage(context);
  return layers.images === 0 ? space : { ...space, layers };
}

/**
 * Makes a pool.
 *
 * @throws {DreyError} `BAD_REQUEST` for a name, key or source that is not allowed, `ALREADY_EXISTS`, `NOT_SUPPORTED`
 */
export async function createStoragePool(context: Context, post: StoragePoolsPost): Promise<void> {
  validatePoolName(post.name);
  const kind = await loadDriver(post.driver);
  const given = withoutEmpty(post.config ?? {});
  validatePoolConfig(post.driver, given);
  const missing = await kind.missing();
  if (missing !== undefined) {
    throw new DreyError("NOT_SUPPORTED", {
      message: `Cannot use storage driver "${post.driver}" here: ${missing}`,
    });
  }
  await using _lock = await context.store.lock(poolKey(post.name));
  const isTaken = post.name === "default" || await context.store.get(poolKey(post.name)) !== undefined;
  if (isTaken) throw taken(post.name);
  await refuseSharedSource(context, given["source"]);
  await using hands = lazyFileRoot(context);
  const making = makingOf(context, post.name, { config: given, hands });
  const { "source.recover": _asked, "source.wipe": _wiped, ...made } = await kind.createPool(making);
  const initial = given["source"];
  const record: PoolRecord = {
    driver: post.driver,
    description: post.description ?? "",
    config: { ...made, ...(initial === undefined ? {} : { "volatile.initial_source": initial }) },
  };
  const key = poolKey(post.name);
  const done = await context.store.commit([{ key, revision: 0 }], [
    { key, value: record },
    happened(context, "storage-pool-created", post.name),
  ]);
  if (done) return linkPool(context, post.name, record);
  await kind.deletePool({ ...making, config: record.config });
  throw taken(post.name);
}

/** Two pools in one directory would remove each other's volumes. */
async function refuseSharedSource(context: Context, source: string | undefined): Promise<void> {
  if (source === undefined) return;
  const other = (await listPools(context)).find(({ record: { config } }) =>
    config["source"] === source || config["volatile.initial_source"] === source
  );
  if (other === undefined) return;
  throw new DreyError("BAD_REQUEST", {
    message: `Source path "${source}" is that of storage pool "${other.name}"`,
  });
}

/** Replaces description and configuration. What was decided when the pool was made stays as it is. */
export async function updateStoragePool(context: Context, name: string, put: StoragePoolPut): Promise<void> {
  await change(context, name, () => ({ description: put.description ?? "", config: put.config ?? {} }));
}

/** Changes the keys that are named; an empty value removes one. */
export async function patchStoragePool(context: Context, name: string, put: StoragePoolPut): Promise<void> {
  await change(context, name, (old) => ({
    description: put.description ?? old.description,
    config: { ...old.config, ...put.config },
  }));
}

async function change(
  context: Context,
  name: string,
  edit: (old: PoolRecord) => Omit<PoolRecord, "driver">,
): Promise<void> {
  await using _lock = await context.store.lock(poolKey(name));
  const { value: old, revision } = await loadPool(context, name);
  const edited = edit(old);
  mustKnowEmptied(edited.config, (emptied) => validatePoolConfig(old.driver, emptied));
  const config = withoutEmpty(edited.config);
  validatePoolConfig(old.driver, config);
  refuseFixedPoolKeys(old.config, config);
  const key = poolKey(name);
  const done = await context.store.commit([{ key, revision }], [
    { key, value: { ...old, description: edited.description, config } },
    happened(context, "storage-pool-updated", name),
  ]);
  if (!done) throw changedMeanwhile(`Storage pool "${name}"`);
}

/**
 * Deletes a pool that nothing is in.
 *
 * @throws {DreyError} `NOT_FOUND`, `BAD_REQUEST` while in use
 */
export async function deleteStoragePool(context: Context, name: string): Promise<void> {
  await using _lock = await context.store.lock(poolKey(name));
  const { value, revision } = await loadPool(context, name);
  const users = (await poolUsers(context)).get(name) ?? [];
  if (users.length > 0) {
    throw new DreyError("BAD_REQUEST", {
      message: "The storage pool is currently in use",
      hint: `It is used by: ${users.slice(0, 5).join(", ")}`,
    });
  }
  if (name === "default") {
    throw new DreyError("FORBIDDEN", { message: 'The storage pool "default" cannot be deleted' });
  }
  await refuseUnknownVolumes(context, name);
  const kind = await loadDriver(value.driver);
  const key = poolKey(name);
  const done = await context.store.commit([{ key, revision }], [
    { key, delete: true },
    happened(context, "storage-pool-deleted", name),
  ]);
  if (!done) throw changedMeanwhile(`Storage pool "${name}"`);
  unlinkPool(context, name);
  await using hands = lazyFileRoot(context);
  await kind.deletePool(makingOf(context, name, { ...value, hands }));
}

/** What nothing is known of may be somebody's only copy. */
async function refuseUnknownVolumes(context: Context, name: string): Promise<void> {
  try {
    await using pool = await openPool(context, name);
    const kinds = ["containers", "virtual-machines", "custom"] as const;
    const volumes = kinds.flatMap((kind) => pool.driver.list(kind).map((name) => ({ kind, name })));
    const unknown = volumes.find((volume) => pool.driver.exists(volume));
    if (unknown === undefined) return;
    throw new DreyError("BAD_REQUEST", {
      message: `The storage pool holds a volume that is not known: "${unknown.name}"`,
      hint: "Bring it back with: drey recover",
    });
  } catch (error) {
    // its directory is gone: there is nothing to be lost
    if (!(error instanceof DreyError) || error.code !== "CONFLICT") throw error;
  }
}

function happened(context: Context, action: string, name: string): Write {
  return lifecycleWrite(context, { project: "", action, source: poolAddress(name) });
}

const taken = (name: string) =>
  new DreyError("ALREADY_EXISTS", { message: `The storage pool "${name}" already exists` });
