// From the name of a pool to its driver.

import type { Driver, DriverKind, Hands, PoolMaking } from "../../storage/driver.ts";
import { loadDriver } from "../../storage/drivers.ts";
import type { Context } from "../context.ts";
import { lowersDirectory } from "../images/directories.ts";
import { lazyFileRoot } from "../instances/file_root.ts";
import { loadPool, poolDirectory, poolImageFile, type PoolRecord } from "./record.ts";

/** A pool that can be worked with; dispose it once its work is done. */
export interface OpenPool extends AsyncDisposable {
  name: string;
  record: PoolRecord;
  driver: Driver;
}

/**
 * Opens a pool.
 *
 * @param hands a root to use where the caller has one; otherwise one is opened by the first call that needs it
 * @throws {DreyError} `NOT_FOUND`; `CONFLICT` if its source is not there
 */
export async function openPool(context: Context, name: string, hands?: Hands): Promise<OpenPool> {
  const { value: record } = await loadPool(context, name);
  return await openRecorded(context, name, { record, hands });
}

/** The same for a pool that need not have a record yet. */
export async function openRecorded(
  context: Context,
  name: string,
  { record, hands }: { record: PoolRecord; hands?: Hands | undefined },
): Promise<OpenPool> {
  const kind = await loadDriver(record.driver);
  const own = hands === undefined ? lazyFileRoot(context) : undefined;
  const worker = hands ?? own!;
  const directory = await kind.openPool(makingOf(context, name, { ...record, hands: worker }));
  const driver = openDriver(context, { name, record, kind, directory, hands: worker });
  return {
    name,
    record,
    driver,
    async [Symbol.asyncDispose]() {
      await own?.[Symbol.asyncDispose]();
    },
  };
}

function openDriver(
  context: Context,
  pool: { name: string; record: PoolRecord; kind: DriverKind; directory: string; hands: Hands },
): Driver {
  return pool.kind.open({
    directory: pool.directory,
    images: lowersDirectory(context),
    config: pool.record.config,
    hands: pool.hands,
    lock: () => context.store.lock(["storage_pool", pool.name]),
  });
}

/** What a driver needs to know to make or open the pool as a whole. */
export function makingOf(
  context: Context,
  name: string,
  { config, hands }: Pick<PoolRecord, "config"> & { hands: Hands },
): PoolMaking {
  return {
    directory: poolDirectory(context, name),
    imageFile: poolImageFile(context, name),
    config,
    uid: context.user.uid,
    hands,
    lock: () => context.store.lock(["storage_pool_opening", name]),
  };
}
