// The parent user namespace that all containers of a user share. Nobody is paid to keep it: any running container
// lives below it and is a way in; only when none runs is it made anew, and held until the first has started.

import { initPid, isAlive } from "../../runtime/run_state.ts";
import { openMappedRoot } from "../../idmap/holder.ts";
import { type IdLayout, readLayout } from "../../idmap/ranges.ts";
import type { ContainerPlan } from "../../runtime/container_plan.ts";
import type { Context } from "../context.ts";
import { takeEarlyRoot } from "./file_root.ts";
import { runDirectories } from "./record.ts";

export interface ParentNamespace extends AsyncDisposable {
  parent: ContainerPlan["ids"]["parent"];
}

/** The way into the parent namespace; dispose it once a container stands below. */
export async function openParent(context: Context, layout: IdLayout): Promise<ParentNamespace> {
  const map = layout.parent;
  if (map === undefined) return { parent: undefined, [Symbol.asyncDispose]: () => Promise.resolve() };
  const pid = runningInit(context);
  if (pid !== undefined) {
    return { parent: { map, pid, level: "parent" }, [Symbol.asyncDispose]: () => Promise.resolve() };
  }
  // one starts first and the others then find it
  const lock = await context.store.lock(["parent-namespace"]);
  try {
    const started = runningInit(context);
    if (started !== undefined) {
      return {
        parent: { map, pid: started, level: "parent" },
        [Symbol.asyncDispose]: () => lock[Symbol.asyncDispose](),
      };
    }
    const holder = await takeEarlyRoot() ?? await openMappedRoot(map);
    return {
      parent: { map, pid: holder.pid, level: "own" },
      async [Symbol.asyncDispose]() {
        await holder[Symbol.asyncDispose]();
        await lock[Symbol.asyncDispose]();
      },
    };
  } catch (error) {
    await lock[Symbol.asyncDispose]();
    throw error;
  }
}

/** A way into the parent namespace that is being opened beside other work. */
export interface ComingParent extends AsyncDisposable {
  open(): Promise<ContainerPlan["ids"]["parent"]>;
}

/** Begins to open the parent namespace; dispose it once a container stands below, or will not. */
export function beginParent(context: Context): ComingParent {
  const opening = readLayout(context.user).then((layout) => openParent(context, layout));
  opening.catch(() => {}); // told to whoever asks for it
  return {
    open: async () => (await opening).parent,
    async [Symbol.asyncDispose]() {
      const opened = await opening.catch(() => undefined);
      await opened?.[Symbol.asyncDispose]();
    },
  };
}

/** Whether a container may be running below the parent namespace, at a glance. */
export function mayHaveParent(context: Context): boolean {
  return directoryNames(runDirectories(context)).length > 0;
}

/** Host pid of any container's init. */
function runningInit(context: Context): number | undefined {
  const directory = runDirectories(context);
  for (const name of directoryNames(directory)) {
    const run = `${directory}/${name}`;
    const pid = initPid(run);
    if (pid !== undefined && isAlive(run) && isUserNamespaceThere(pid)) return pid;
  }
  return undefined;
}

function isUserNamespaceThere(pid: number): boolean {
  try {
    Deno.readLinkSync(`/proc/${pid}/ns/user`);
    return true;
  } catch {
    return false; // ended, or not ours: either way no way in
  }
}

/** Names of the directories below a directory that may not exist. */
export function directoryNames(directory: string): string[] {
  try {
    return [...Deno.readDirSync(directory)].filter((entry) => entry.isDirectory).map((entry) => entry.name);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}
