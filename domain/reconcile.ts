// Making records agree with the kernel: what a killed process or a crashed host has left is cleaned up by the next
// command, whichever it is.

import { join } from "@std/path";
import { runFiles } from "../runtime/run_files.ts";
import { describeError } from "../errors.ts";
import { isLocked } from "../sys/libc.ts";
import type { Context } from "./context.ts";
import { emitLogging } from "./events.ts";
import { sweepImages } from "./images/sweep.ts";
import { lockInstance, refOf, runDirectories } from "./instances/record.ts";
import { namesIn } from "../sys/present.ts";

/**
 * Finishes instances that ended with nobody to look after them: a run directory is left and nobody holds its lock.
 * Then removes half-made images.
 * Costs a few directory listings when all is well.
 */
export async function reconcile(context: Context): Promise<void> {
  for (const name of namesIn(runDirectories(context))) {
    const lock = join(runDirectories(context), name, runFiles.lock);
    if (isLocked(lock)) continue;
    const ref = refOf(name);
    await using _lock = await lockInstance(context, ref);
    // whoever held the lock may have done it, or started the instance again
    if (isLocked(lock)) continue;
    const { finish } = await import("./instances/reap.ts");
    await orLater(context, { ...ref, what: `instance "${ref.name}"` }, finish(context, ref));
  }
  // a program that a killed drey started may still be unpacking what is to be removed
  await orLater(context, { project: "", what: "an image" }, sweepImages(context));
}

/** What cannot be cleaned up now stays for the next command: this one may be about something else. */
async function orLater(
  context: Context,
  { project, what }: { project: string; what: string },
  work: Promise<void>,
): Promise<void> {
  try {
    await work;
  } catch (error) {
    const message = `Cannot clean up after ${what}: ${describeError(error)}`;
    await emitLogging(context, { level: "warning", message, project });
  }
}
