// Which pools are looked into for what the database has lost: those it knows, those whose files lie where pools usually
// do, and those the caller names.

import { join } from "@std/path";
import { validatePoolConfig } from "../../config/pool_keys.ts";
import { validatePoolName } from "../../config/names.ts";
import { DreyError } from "../../errors.ts";
import { checkOwnDirectory } from "../../storage/dir_pool.ts";
import { loadDriver } from "../../storage/drivers.ts";
import { exists, isDirectory, namesIn } from "../../sys/present.ts";
import type { RecoverPool } from "../../wire/recover.ts";
import type { IndexPool } from "../backups/index_file.ts";
import type { Context } from "../context.ts";
import { type OpenPool, openRecorded } from "../storage_pools/open.ts";
import { forgottenPools } from "../storage_pools/places.ts";
import { listPools, poolDirectory, poolImageFile, type PoolRecord } from "../storage_pools/record.ts";
import { readBackupFile } from "./read.ts";

export interface Searched extends OpenPool {
  /** whether the database has it */
  isKnown: boolean;
}

/**
 * Opens every pool to be looked into.
 *
 * @throws {DreyError} `BAD_REQUEST` for one that cannot be a pool
 */
export async function openSearched(
  context: Context,
  asked: readonly RecoverPool[],
): Promise<AsyncDisposable & { pools: Searched[] }> {
  await using undo = new AsyncDisposableStack();
  const known = await listPools(context);
  const unknown = asked.filter(({ name }) => known.every((pool) => pool.name !== name));
  const found = await forgotten(context, unknown.map(({ name }) => name));
  const pools: Searched[] = [];
  const open = async (name: string, record: PoolRecord, isKnown: boolean) => {
    const pool = undo.use(await openRecorded(context, name, { record }));
    const isInFile = record.config["source"] === poolImageFile(context, name);
    // what such a pool says of itself can be read only now
    const said = isKnown || !isInFile ? undefined : await describedPool(poolDirectory(context, name));
    const config = { ...said?.config, ...record.config };
    pools.push({ ...pool, isKnown, record: { ...record, config } });
  };
  for (const { name, record } of known) await open(name, record, true);
  for (const { name, record } of found) await open(name, record, false);
  for (const pool of unknown) await open(pool.name, await askedRecord(context, pool), false);
  const kept = undo.move();
  return { pools, [Symbol.asyncDispose]: () => kept.disposeAsync() };
}

/** A pool the caller names, with what its own files say of its settings. */
async function askedRecord(context: Context, pool: RecoverPool): Promise<PoolRecord> {
  const { name, driver = "", description = "", config = {} } = pool;
  validatePoolName(name);
  const kind = await loadDriver(driver);
  const missing = await kind.missing();
  if (missing !== undefined) {
    throw new DreyError("NOT_SUPPORTED", {
      message: `Cannot use storage driver "${driver}" here: ${missing}`,
    });
  }
  validatePoolConfig(driver, config);
  const source = config["source"];
  if (!source) {
    throw new DreyError("BAD_REQUEST", {
      message: `Cannot look into storage pool "${name}": it has no source`,
      hint: "Say where it lies: source=/path",
    });
  }
  // other sources are mounted at the pool's own place
  const isPlace = driver === "dir" || isDirectory(source);
  if (isPlace) checkOwnDirectory(source, context.user.uid);
  const said = await describedPool(isPlace ? source : poolDirectory(context, name));
  return {
    driver,
    description: description || said?.description || "",
    config: { ...said?.config, ...config },
  };
}

/** Pools whose files lie where pools usually do. */
async function forgotten(
  context: Context,
  except: readonly string[],
): Promise<{ name: string; record: PoolRecord }[]> {
  const found: { name: string; record: PoolRecord }[] = [];
  for (const name of await forgottenPools(context)) {
    if (except.includes(name)) continue;
    const directory = poolDirectory(context, name);
    const imageFile = poolImageFile(context, name);
    if (context.user.uid === 0 && exists(imageFile)) {
      const config = { source: imageFile };
      found.push({ name, record: { driver: await driverInFile(imageFile), description: "", config } });
      continue;
    }
    const said = await describedPool(directory);
    if (said?.driver === undefined || said.driver === "") continue; // nothing in it tells what it is
    // a volume group or the id of a file system is named, and not found by where its directory is mounted
    const named = said.config?.["source"];
    const source = said.driver === "lvm" || !named?.startsWith("/") ? named : undefined;
    const config = { ...said.config, source: source ?? Deno.realPathSync(directory) };
    found.push({ name, record: { driver: said.driver, description: said.description ?? "", config } });
  }
  return found;
}

/** What made the file of a pool: lvm(8) labels it in one of its first sectors. */
async function driverInFile(imageFile: string): Promise<"lvm" | "btrfs"> {
  using file = await Deno.open(imageFile);
  const start = new Uint8Array(4 * 512);
  await file.read(start);
  return new TextDecoder("latin1").decode(start).includes("LABELONE") ? "lvm" : "btrfs";
}

/** What the files of a pool's volumes say of the pool. */
async function describedPool(directory: string): Promise<IndexPool | undefined> {
  for (const kind of ["containers", "custom"]) {
    for (const name of namesIn(join(directory, kind))) {
      const pool = (await readBackupFile(join(directory, kind, name)))?.pool;
      if (pool !== undefined) return pool;
    }
  }
  return undefined;
}
