// What an earlier run of an instance has left and the next one does not want. Where the disk is told of blocks that get
// free, the kernel waits for it, 1 to 4 ms each: so they go beside other work.

import { join } from "@std/path";
import type { RootSource } from "../../runtime/container_plan.ts";
import { discard, exists } from "../../sys/present.ts";
import type { InstancePaths } from "./record.ts";

/**
 * Begins to remove it, and makes the place for new logs; to be waited for before the next run begins. Nobody may have the
 * root mounted.
 */
export function clearEarlierRun({ logs, consoleLog }: InstancePaths, root: RootSource): Promise<unknown> {
  Deno.mkdirSync(logs, { recursive: true, mode: 0o700 });
  const old = [consoleLog, `${consoleLog}.1`].filter(exists).map((path) => discard(path));
  const cleared = Promise.all([...old, ...root.kind === "overlay" ? [emptyWork(root.work)] : []]);
  cleared.catch(() => {}); // told to whoever waits for it
  return cleared;
}

/** The kernel makes its own directory in there anew with each mount, and would remove the old one first. */
async function emptyWork(work: string): Promise<void> {
  try {
    await discard(join(work, "work"));
  } catch {
    // not empty after a crash, or not for this user: the kernel clears it
  }
}
