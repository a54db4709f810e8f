// Making records agree with the kernel: what a killed process or a crashed host has left is cleaned up by the next
// command, whichever it is.

import { isAlive } from "../runtime/supervisor.ts";
import type { Context } from "./context.ts";
import { finish } from "./instances/reap.ts";
import { directoryNames } from "./instances/parent.ts";
import { lockInstance, refOf, runDirectories } from "./instances/record.ts";

/**
 * Finishes instances that ended with nobody to look after them: a run directory is left and nobody holds its lock.
 * Costs one directory listing when all is well.
 */
export async function reconcile(context: Context): Promise<void> {
  for (const name of directoryNames(runDirectories(context))) {
    const run = `${runDirectories(context)}/${name}`;
    if (isAlive(run)) continue;
    const ref = refOf(name);
    await using _lock = await lockInstance(context, ref);
    // whoever held the lock may have done it, or started the instance again
    if (!isAlive(run)) await finish(context, ref);
  }
}
