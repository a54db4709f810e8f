// The way to an instance's files: into its namespaces while it runs, else into a mount of its root for one process.

import { DreyError } from "../../errors.ts";
import { isSingle, parseMap } from "../../idmap/map.ts";
import { readLayout } from "../../idmap/ranges.ts";
import { endedInside } from "../../runtime/file_errors.ts";
import { fileSteps } from "../../runtime/namespaces.ts";
import type { Step } from "../../runtime/steps.ts";
import { exists } from "../../sys/present.ts";
import type { InstanceType } from "../../wire/instance.ts";
import type { Context, Ref } from "../context.ts";
import { openParent } from "./parent.ts";
import { instancePaths, loadRecord, lockInstance } from "./record.ts";
import { prepareRoot } from "./root_volume.ts";
import { readRunRecord } from "./run_record.ts";
import { hasOwnDisk } from "../machines/own_disk.ts";
import { showPlan } from "./start.ts";
import { currentState } from "./status.ts";

/** Dispose it when the process inside has ended: a stopped instance must not start while its root is mounted elsewhere. */
export interface FileWay extends AsyncDisposable {
  steps: readonly Step[];
  /** the door of a virtual machine, in whose guest they are taken */
  door?: string;
  /** the init of the instance, if the way leads into a running container */
  pid?: number;
  /** to be called once the process stands inside: others who want to start wait for the same way in */
  onInside(): Promise<void>;
}

/**
 * Finds the way.
 *
 * @throws {DreyError} `NOT_FOUND` for the instance; `INSTANCE_STATE` while it starts or stops
 */
export async function openFileWay(context: Context, ref: Ref): Promise<FileWay> {
  const { value: { type } } = await loadRecord(context, ref);
  const running = findOpen(context, ref, type);
  if (running !== undefined) return running;
  await using held = new AsyncDisposableStack();
  held.use(await lockInstance(context, ref));
  const started = findOpen(context, ref, type);
  if (started !== undefined) return started;
  const { plan } = await showPlan(context, ref);
  if (type === "virtual-machine" && hasOwnDisk(plan.root)) throw notWithoutAgent(ref);
  await prepareRoot(context, ref);
  const entrance = held.use(new AsyncDisposableStack());
  const { parent } = entrance.use(await openParent(context, await readLayout(context.user)));
  const steps = fileSteps({ ...plan, ids: { ...plan.ids, parent } });
  const kept = held.move();
  return {
    steps,
    onInside: () => entrance.disposeAsync(),
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  };
}

/** Does something on a way; an instance that ended meanwhile is no refusal by the kernel. */
export async function onWay<T>(way: FileWay, use: () => Promise<T>): Promise<T> {
  try {
    return await use();
  } catch (error) {
    const isRefused = error instanceof DreyError && error.code === "KERNEL_REFUSED";
    if (isRefused && way.pid !== undefined && !exists(`/proc/${way.pid}/ns`)) throw endedInside();
    throw error;
  }
}

const notWithoutAgent = ({ name }: Ref) =>
  new DreyError("INSTANCE_STATE", {
    message: `Cannot reach the files of "${name}": they are on a disk, and its agent does not run`,
    hint: `Run: drey start ${name}`,
  });

/** A way on which nobody else depends, into an instance that runs. */
function findOpen(context: Context, ref: Ref, type: InstanceType): FileWay | undefined {
  const inside = joinSteps(context, ref);
  if (inside === undefined) return undefined;
  const way = { onInside: () => Promise.resolve(), [Symbol.asyncDispose]: () => Promise.resolve() };
  // the guest has mounts of its own, and caches files: they are reached through its agent
  return type === "container"
    ? { ...way, ...inside }
    : { ...way, steps: [], door: instancePaths(context, ref).door };
}

/** Into the namespaces of a running instance, or into its box; undefined if it is stopped. */
export function joinSteps(context: Context, ref: Ref): { steps: Step[]; pid: number } | undefined {
  const state = currentState(context, ref);
  if (state.status === "Stopped") return undefined;
  if (!("pid" in state)) {
    throw new DreyError("INSTANCE_STATE", { message: `The instance is ${state.status.toLowerCase()}` });
  }
  const { pid } = state;
  const single = isSingle(parseMap(readRunRecord(instancePaths(context, ref).run)?.idmap ?? "[]"));
  const identity = single ? "kept" : "root";
  const join: Step = { do: "join-files", pid, identity };
  const isRoot = context.user.uid === 0;
  return { steps: isRoot ? [join] : [{ do: "enter-user", pid, level: "parent", identity }, join], pid };
}
