// Start, stop, restart, freeze and unfreeze, as operations.

import { describeError, DreyError } from "../../errors.ts";
import { primeMoves, readCgroupFacts } from "../../runtime/cgroup_home.ts";
import { instanceCgroup, setFrozen } from "../../runtime/cgroups.ts";
import type { InstanceStatePut } from "../../wire/instance.ts";
import type { Operation } from "../../wire/operation.ts";
import type { Context, Ref } from "../context.ts";
import { emitLifecycle } from "../events.ts";
import { startOperation } from "../operations.ts";
import {
  directoryName,
  instanceAddress,
  instanceKey,
  instancePaths,
  loadRecord,
  lockInstance,
} from "./record.ts";
import { expand } from "./expand.ts";
import { readRunRecord } from "./run_record.ts";
import { startLocked } from "./start.ts";
import { currentState } from "./status.ts";
import { stopLocked } from "./stop.ts";

type Action = InstanceStatePut["action"];

/** LXD's words for the operations. */
const descriptions: Record<Action, string> = {
  start: "Starting instance",
  stop: "Stopping instance",
  restart: "Restarting instance",
  freeze: "Freezing instance",
  unfreeze: "Unfreezing instance",
};

/**
 * Starts the change of state and answers with its operation.
 *
 * @throws {DreyError} `NOT_FOUND` at once if there is no such instance
 */
export async function changeState(context: Context, ref: Ref, put: InstanceStatePut): Promise<Operation> {
  if (put.action === "start") primeMoves(readCgroupFacts(context.user.uid));
  const { value: { type } } = await loadRecord(context, ref);
  if (put.stateful && type !== "virtual-machine") {
    throw new DreyError("NOT_SUPPORTED", {
      message: "Stateful start and stop of containers is not supported",
    });
  }
  return await startOperation(context, {
    project: ref.project,
    description: descriptions[put.action],
    resources: { instances: [instanceAddress(ref.name)] },
    async run(task) {
      await using _lock = await lockInstance(context, ref, task.signal);
      const warnings = await act(context, ref, put);
      if (warnings.length > 0) await task.update({ warnings });
    },
  });
}

async function act(context: Context, ref: Ref, put: InstanceStatePut): Promise<string[]> {
  const { force = false, timeout = -1 } = put;
  switch (put.action) {
    case "start":
      // LXD starts a frozen instance by letting it go on
      if (currentState(context, ref).status === "Frozen") return await freeze(context, ref, false);
      await snapshotIfAsked(context, ref);
      if (put.stateful === false) await giveUpState(context, ref);
      return await startLocked(context, ref);
    case "stop":
      if (put.stateful) {
        await (await import("./stateful.ts")).stopStateful(context, ref);
        return [];
      }
      await stopLocked(context, ref, { force, timeout });
      return [];
    case "restart":
      await stopLocked(context, ref, { force, timeout, restarting: true });
      await snapshotIfAsked(context, ref);
      return await startLocked(context, ref, "instance-restarted");
    case "freeze":
    case "unfreeze":
      return await freeze(context, ref, put.action === "freeze");
  }
}

/** Whoever does not want what was saved says so: `lxc start --stateless`. */
async function giveUpState(context: Context, ref: Ref): Promise<void> {
  const { value: { stateful } } = await loadRecord(context, ref);
  if (stateful) await (await import("./stateful.ts")).forgetState(context, ref);
}

/** `@startup` is a snapshot of what is about to start. */
async function snapshotIfAsked(context: Context, ref: Ref): Promise<void> {
  const { value } = await loadRecord(context, ref);
  const { config } = await expand(context, ref.project, value);
  if (!(config["snapshots.schedule"] ?? "").includes("@startup")) return;
  if (currentState(context, ref).status !== "Stopped") return;
  const { snapshotAtStartup } = await import("./snapshots/upkeep.ts");
  await snapshotAtStartup(context, ref);
}

async function freeze(context: Context, ref: Ref, frozen: boolean): Promise<string[]> {
  const { status } = currentState(context, ref);
  if (status !== "Running" && status !== "Frozen") {
    throw new DreyError("INSTANCE_STATE", { message: "The instance is not running" });
  }
  if ((status === "Frozen") === frozen) {
    throw new DreyError("INSTANCE_STATE", {
      message: `The instance is already ${frozen ? "frozen" : "running"}`,
    });
  }
  const home = readRunRecord(instancePaths(context, ref).run)?.cgroupHome;
  if (home === undefined) {
    throw new DreyError("CGROUP_MISSING", {
      message: "Cannot freeze the instance: this host delegates no cgroup to the user",
      hint: "Run drey doctor to see how to delegate one, then restart the instance",
    });
  }
  await setFrozen(instanceCgroup(home, directoryName(ref)), frozen);
  const action = frozen ? "instance-paused" : "instance-resumed";
  await emitLifecycle(context, { project: ref.project, action, source: instanceAddress(ref.name) });
  return [];
}

/** Changes the state of every instance of a project that the change concerns. */
export async function changeAllStates(
  context: Context,
  project: string,
  put: InstanceStatePut,
): Promise<Operation> {
  return await startOperation(context, {
    project,
    description: "Updating instances",
    async run() {
      const entries = await context.store.list(instanceKey({ project, name: "" }).slice(0, 2));
      const refs = entries.map(({ key }) => ({ project, name: key[2] ?? "" }));
      const concerned = refs.filter((ref) => isConcerned(put.action, currentState(context, ref).status));
      const ends = await Promise.allSettled(concerned.map(async (ref) => {
        await using _lock = await lockInstance(context, ref);
        await act(context, ref, put);
      }));
      const failed = ends.flatMap((end, index) =>
        end.status === "rejected" ? [`${concerned[index]?.name} (${describeError(end.reason)})`] : []
      );
      if (failed.length > 0) {
        throw new DreyError("CONFLICT", {
          message: `Cannot ${put.action} some instances: ${failed.join(", ")}`,
        });
      }
    },
  });
}

function isConcerned(action: Action, status: string): boolean {
  if (action === "start") return status === "Stopped" || status === "Frozen";
  if (action === "unfreeze") return status === "Frozen";
  return status === "Running" || (status === "Frozen" && action !== "freeze");
}
