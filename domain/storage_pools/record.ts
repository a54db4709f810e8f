// What drey remembers of a storage pool. `default` is always there, as a directory, until somebody changes it.

import { join } from "@std/path";
import { DreyError } from "../../errors.ts";
import type { Entry, Key } from "../../store/store.ts";
import type { Config } from "../../wire/instance.ts";
import type { Context } from "../context.ts";

export interface PoolRecord {
  driver: string;
  description: string;
  config: Config;
}

export const poolKey = (name: string): Key => ["storage_pools", name];
export const poolAddress = (name: string): string => `/1.0/storage-pools/${encodeURIComponent(name)}`;
/** Where a pool lies that has no source of its own. */
export const poolDirectory = (context: Context, name: string): string =>
  join(context.paths.state, "storage-pools", name);

/** The file of a pool that lies in one of drey's own. */
export const poolImageFile = (context: Context, name: string): string =>
  join(context.paths.state, "disks", `${name}.img`);

/**
 * The record of a pool; revision 0 for a `default` nobody has touched.
 *
 * @param name undefined in records of dreys that knew no pools
 * @throws {DreyError} `NOT_FOUND`; `STATE_BROKEN` without a name
 */
export async function loadPool(context: Context, name: string | undefined): Promise<Entry<PoolRecord>> {
  if (name === undefined) throw beforePools(context);
  const entry = await context.store.get<PoolRecord>(poolKey(name));
  if (entry !== undefined) return entry;
  if (name === "default") return { key: poolKey(name), value: untouchedDefault(context), revision: 0 };
  throw new DreyError("NOT_FOUND", { message: `Storage pool "${name}" not found` });
}

/** Where files of such an instance lie, only the drey that made it knows. */
const beforePools = ({ paths }: Context) =>
  new DreyError("STATE_BROKEN", {
    message: `Cannot use an instance in "${paths.state}": a drey of before 21 November 2026, ` +
      "which knew no storage pools, has made it",
    hint: "Use it and delete it with that drey, or set DREY_DIR to a new directory",
  });

/** All pools by name. */
export async function listPools(context: Context): Promise<{ name: string; record: PoolRecord }[]> {
  const entries = await context.store.list<PoolRecord>(["storage_pools"]);
  const found = entries.map(({ key, value }) => ({ name: key[1] ?? "", record: value }));
  if (found.every(({ name }) => name !== "default")) {
    found.push({ name: "default", record: untouchedDefault(context) });
  }
  return found.sort((a, b) => a.name < b.name ? -1 : 1);
}

function untouchedDefault(context: Context): PoolRecord {
  return { driver: "dir", description: "", config: { source: poolDirectory(context, "default") } };
}
