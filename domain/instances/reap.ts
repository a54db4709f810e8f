// What the supervisor starts when an instance has ended by itself: clean up, start again if it asked for that.

import { closeFd } from "../../sys/libc.ts";
import { exitStatus } from "../../runtime/supervisor.ts";
import type { Context, Ref } from "../context.ts";
import { openContext } from "../open.ts";
import { cleanUp } from "./clean_up.ts";
import { instanceKey, instancePaths, lockInstance } from "./record.ts";
import { startLocked } from "./start.ts";
import { rememberStopped } from "./stop.ts";
import { isDirectory } from "../../sys/present.ts";

/** wait status of an init that called reboot(2) with RB_AUTOBOOT inside its pid namespace: 128 + SIGHUP */
const rebootStatus = 129;

/** `drey reap PROJECT NAME`. */
export async function reap([project, name]: readonly string[]): Promise<void> {
  if (project === undefined || name === undefined) throw new Error("reap needs a project and a name");
  await using context = await openContext();
  const ref = { project, name };
  releaseInheritedLock(instancePaths(context, ref).run);
  await using _lock = await lockInstance(context, ref);
  await finish(context, ref);
}

/** Cleans up after an instance that ended; the caller holds its lock. Does nothing if there is nothing to do. */
export async function finish(context: Context, ref: Ref): Promise<void> {
  const { run } = instancePaths(context, ref);
  if (!isDirectory(run)) return;
  const status = exitStatus(run);
  await cleanUp(context, ref);
  if (await context.store.get(instanceKey(ref)) === undefined) return;
  const restarting = status === rebootStatus;
  await rememberStopped(context, ref, { action: "instance-stopped", restarting });
  if (restarting) await startLocked(context, ref, "instance-restarted");
}

/** The supervisor held the run directory's lock and became this process, so this process holds it: no longer. */
function releaseInheritedLock(run: string): void {
  for (const { name } of Deno.readDirSync("/proc/self/fd")) {
    try {
      if (Deno.readLinkSync(`/proc/self/fd/${name}`) === `${run}/lock`) closeFd(Number(name));
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error; // the descriptor that listed the directory
    }
  }
}
