// What the supervisor starts when an instance has ended by itself: clean up, start again if it asked for that.

import * as keys from "../../config/instance_keys.ts";
import { readKey } from "../../config/key.ts";
import type { Config } from "../../wire/instance.ts";
import { closeFd } from "../../sys/descriptors.ts";
import { leaveSupervisors } from "../../runtime/cgroups.ts";
import { exitStatus } from "../../runtime/run_state.ts";
import type { Context, Ref } from "../context.ts";
import { openContext } from "../open.ts";
import { cleanUp } from "./clean_up.ts";
import { expand } from "./expand.ts";
import { instanceKey, instancePaths, loadRecord, lockInstance } from "./record.ts";
import { readRunRecord } from "./run_record.ts";
import { startLocked } from "./start.ts";
import { rememberStopped } from "./stop.ts";
import { isDirectory } from "../../sys/present.ts";

/** wait status of an init that called reboot(2) with RB_AUTOBOOT inside its pid namespace: 128 + SIGHUP */
const rebootStatus = 129;

/** the same for power-off and halt: 128 + SIGINT */
const powerOffStatus = 130;
/** automatic restarts within a minute before drey gives up */
const mostRestarts = 10;

/** When an instance was restarted of late, now included; undefined if that was too often. */
function nextRestart(config: Config, now: Date): string | undefined {
  const earlier = (config["volatile.autorestart"] ?? "").split(",")
    .filter((time) => now.getTime() - Date.parse(time) < 60_000);
  return earlier.length >= mostRestarts ? undefined : [...earlier, now.toISOString()].join(",");
}

/** `drey reap PROJECT NAME`. */
export async function reap([project, name]: readonly string[]): Promise<void> {
  if (project === undefined || name === undefined) throw new Error("reap needs a project and a name");
  // the supervisor has made this process ignore it, and so would the shell be made that supervises the next run, which
  // waits for it: a handler is not handed down
  Deno.addSignalListener("SIGIO", () => {});
  await using context = await openContext();
  const ref = { project, name };
  const { run } = instancePaths(context, ref);
  // a start that failed cleans up itself, and waits for this place while this process waits for its lock
  const home = readRunRecord(run)?.cgroupHome;
  if (home !== undefined) leaveSupervisors(home);
  releaseInheritedLock(run);
  await using _lock = await lockInstance(context, ref);
  await finish(context, ref);
}

/** Cleans up after an instance that ended; the caller holds its lock. Does nothing if there is nothing to do. */
export async function finish(context: Context, ref: Ref): Promise<void> {
  const { run } = instancePaths(context, ref);
  if (!isDirectory(run)) return;
  const status = exitStatus(run);
  const wentWithHost = status === undefined && isOlderThanHost(run);
  await cleanUp(context, ref);
  if (await context.store.get(instanceKey(ref)) === undefined) return;
  const { value } = await loadRecord(context, ref);
  const { config } = await expand(context, ref.project, value);
  // what an application ends with is its own affair: 129 is no reboot
  const isApplication = readKey(config, keys.ociEntrypoint) !== undefined;
  const isReboot = !isApplication && status === rebootStatus;
  const isPoweredOff = !isApplication && status === powerOffStatus;
  const again = readKey(config, keys.autorestart) && !isReboot && !isPoweredOff
    ? nextRestart(value.config, context.now())
    : undefined;
  const restarting = isReboot || again !== undefined;
  await rememberStopped(context, ref, {
    ...!isReboot && { action: "instance-stopped" },
    restarting,
    // killed between saying so and stopping it
    isSaved: value.stateful && await (await import("./stateful.ts")).hasSavedState(context, ref),
    remember: {
      ...(status === undefined ? {} : { "volatile.last_state.exit_code": String(status) }),
      ...(again === undefined ? {} : { "volatile.autorestart": again }),
      // as it was when the host went down: it may start with it again
      ...(wentWithHost ? { "volatile.last_state.power": "RUNNING" } : {}),
    },
  });
  if (restarting) await startLocked(context, ref, "instance-restarted");
}

/** Whether a run directory was made before the host came up, and has only lasted because it is on a disk. */
function isOlderThanHost(run: string): boolean {
  const uptime = Number(Deno.readTextFileSync("/proc/uptime").split(" ")[0]) * 1000;
  const made = Deno.statSync(run).mtime?.getTime() ?? Infinity;
  return made < Date.now() - uptime;
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
