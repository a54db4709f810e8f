// A cache that all users of a machine share: files named by their SHA-256. Nobody who writes there is trusted: what is
// taken from it is copied and hashed on the way, and counts only if it is what its name says.

import { createHash } from "node:crypto";
import { constants } from "node:fs";
import { open } from "node:fs/promises";
import { join } from "@std/path";
import { writeAll } from "./fingerprint.ts";

/** Where the cache is: DREY_IMAGE_CACHE, or /var/cache/drey; empty for none. */
export const cacheDirectory = (): string => Deno.env.get("DREY_IMAGE_CACHE") ?? "/var/cache/drey";

/** Takes a file from the cache. @returns false if it is not there, or not what its name says */
export async function takeFromCache(
  directory: string,
  { sha256, size }: { sha256: string; size: number },
  to: string,
): Promise<boolean> {
  if (directory === "") return false;
  // neither a link nor a pipe that somebody put there shall lead us on
  const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
  const source = await open(join(directory, sha256), flags).catch(() => undefined);
  if (source === undefined) return false;
  try {
    const info = await source.stat();
    if (!info.isFile() || info.size !== size) return false;
    const hash = createHash("sha256");
    using file = await Deno.open(to, { write: true, create: true, truncate: true });
    let left = size;
    for await (const chunk of source.createReadStream({ autoClose: false, highWaterMark: 1 << 18 })) {
      left -= chunk.length;
      // it grows: whoever writes to it would fill our disk
      if (left < 0) break;
      hash.update(chunk);
      await writeAll(file, chunk);
    }
    if (left === 0 && hash.digest("hex") === sha256) return true;
    await file.truncate(0);
    return false;
  } finally {
    await source.close();
  }
}

/** Offers a verified file to the others, where the cache may be written to. */
export async function offerToCache(directory: string, sha256: string, from: string): Promise<void> {
  if (directory === "") return;
  const target = join(directory, sha256);
  const partial = `${target}.${crypto.randomUUID()}`;
  try {
    await Deno.lstat(target);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) return;
    try {
      await Deno.copyFile(from, partial);
      await Deno.chmod(partial, 0o644);
      await Deno.rename(partial, target);
    } catch {
      // no such directory, not ours to write to, or full: the cache is a favour, not a duty
      await Deno.remove(partial).catch(() => {});
    }
  }
}
