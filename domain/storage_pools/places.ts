// A pool that lies elsewhere has a link in the state directory, where other pools lie. So what is done to every pool
// finds it by a look at one directory, also when the database has forgotten it.

import { join } from "@std/path";
import { isDirectory, namesIn } from "../../sys/present.ts";
import type { Context } from "../context.ts";
import { listPools, poolDirectory, type PoolRecord } from "./record.ts";

/** Directory of all pools, or of links to them. */
export const poolsDirectory = (context: Context): string => join(context.paths.state, "storage-pools");

/** Puts the link of a pool that lies elsewhere. */
export function linkPool(context: Context, name: string, { config }: Pick<PoolRecord, "config">): void {
  const link = poolDirectory(context, name);
  const source = config["source"];
  if (source === undefined || source === link || !source.startsWith("/") || !isDirectory(source)) return;
  Deno.mkdirSync(poolsDirectory(context), { recursive: true, mode: 0o700 });
  unlinkPool(context, name);
  Deno.symlinkSync(source, link);
}

/** Removes the link of a pool, if it has one. */
export function unlinkPool(context: Context, name: string): void {
  const link = poolDirectory(context, name);
  if (isLink(link)) Deno.removeSync(link);
}

function isLink(path: string): boolean {
  try {
    return Deno.lstatSync(path).isSymlink;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

/** Names of pools that lie there and that no record tells of. */
export async function forgottenPools(context: Context): Promise<string[]> {
  const known = new Set((await listPools(context)).map(({ name }) => name));
  return namesIn(poolsDirectory(context)).filter((name) => !known.has(name));
}
