// What an instance is doing, asked of the kernel: the lock of its run directory, its init, its freezer.

import { DreyError } from "../../errors.ts";
import { initPid, isAlive } from "../../runtime/run_state.ts";
import { instanceCgroup, isFrozen } from "../../runtime/cgroups.ts";
import type { InstanceStatus } from "../../wire/status.ts";
import type { Context, Ref } from "../context.ts";
import { directoryName, instancePaths } from "./record.ts";
import { readRunRecord, type RunRecord } from "./run_record.ts";
import { exists } from "../../sys/present.ts";

type Places = Pick<Context, "paths">;

export type Running = { status: "Running" | "Frozen"; pid: number };
export type State = Running | { status: Exclude<InstanceStatus, "Running" | "Frozen"> };

/**
 * The state of an instance; cheap enough for a list of many.
 *
 * @param known what its start has left, if that was read already
 */
export function currentState(context: Places, ref: Ref, known?: RunRecord): State {
  const { run } = instancePaths(context, ref);
  if (!isAlive(run)) return { status: "Stopped" };
  const pid = initPid(run);
  if (pid === undefined) return { status: "Starting" };
  if (!exists(`/proc/${pid}/ns`)) return { status: "Stopping" };
  const home = (known ?? readRunRecord(run))?.cgroupHome;
  const frozen = home !== undefined && isFrozen(instanceCgroup(home, directoryName(ref)));
  return { status: frozen ? "Frozen" : "Running", pid };
}

/**
 * The host pid of a running instance's init.
 *
 * @throws {DreyError} `INSTANCE_STATE` if it is not running
 */
export function requireRunning(context: Places, ref: Ref, known?: RunRecord): number {
  const state = currentState(context, ref, known);
  if ("pid" in state && state.status === "Running") return state.pid;
  throw new DreyError("INSTANCE_STATE", why(state, ref));
}

function why({ status }: State, { name }: Ref): { message: string; hint?: string } {
  if (status === "Frozen") return { message: "The instance is frozen", hint: `Run: drey resume ${name}` };
  if (status === "Starting") return { message: "The instance is starting" };
  return { message: "The instance is not running", hint: `Run: drey start ${name}` };
}
