// A file of somebody else's that is read twice and must be the same both times: by its times, which the kernel sets.

import { resolve } from "@std/path";

/** A file that was looked at. */
export interface StillFile {
  /** from the top, for programs that work elsewhere */
  readonly path: string;
  /** whether it is what it was then, and was all the while */
  isStill(): boolean;
}

/** `milliseconds` in which two changes might bear the same time, and more */
const blur = 2000;

/** Looks at a file; nothing if it is none, or was changed a moment ago. */
export function stillFile(path: string, now = Date.now()): StillFile | undefined {
  const first = look(path);
  if (first === undefined || first.changed > now - blur) return undefined;
  return {
    path: resolve(path),
    isStill() {
      const last = look(path);
      return last !== undefined && last.changed === first.changed && last.identity === first.identity;
    },
  };
}

function look(path: string): { changed: number; identity: string } | undefined {
  let info: Deno.FileInfo;
  try {
    info = Deno.statSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
  const { dev, ino, size, mtime, ctime } = info;
  if (!info.isFile || mtime === null || ctime === null) return undefined;
  return { changed: ctime.getTime(), identity: [dev, ino, size, mtime.getTime()].join(" ") };
}
