// Files of an instance, running or not: read, written, listed and deleted as its own root would.

import { resolve } from "@std/path";
import { DreyError } from "../../errors.ts";
import { isSingle } from "../../idmap/holder.ts";
import { parseMap } from "../../idmap/map.ts";
import { readLayout } from "../../idmap/ranges.ts";
import { type FileAnswer, type FileRequest, type FileServing, serveFile } from "../../runtime/file_access.ts";
import { fileSteps } from "../../runtime/namespaces.ts";
import type { Step } from "../../runtime/steps.ts";
import type { Context, Ref } from "../context.ts";
import { emitLifecycle } from "../events.ts";
import { openParent } from "./parent.ts";
import { instanceAddress, instancePaths, loadRecord, lockInstance } from "./record.ts";
import { readRunRecord } from "./run_record.ts";
import { showPlan } from "./start.ts";
import { currentState } from "./status.ts";

export type { FileOwner, FileRequest, FileStat } from "../../runtime/file_access.ts";

const actions: Record<FileRequest["do"], string | undefined> = {
  get: "instance-file-retrieved",
  head: undefined,
  delete: "instance-file-deleted",
  file: "instance-file-pushed",
  directory: "instance-file-pushed",
  symlink: "instance-file-pushed",
};

/**
 * Serves one request about a path of the instance.
 *
 * @throws {DreyError} `NOT_FOUND` for the instance or the path; `INSTANCE_STATE` while it starts or stops
 */
export async function useFile(
  context: Context,
  ref: Ref,
  { request, body }: { request: FileRequest; body?: ReadableStream<Uint8Array> },
): Promise<FileAnswer> {
  const checked = { ...request, path: absolutePath(request.path) };
  const answer = await inRunning(context, ref, { request: checked, body }) ??
    await inStopped(context, ref, { request: checked, body });
  const action = actions[request.do];
  if (action !== undefined) {
    const source = instanceAddress(ref.name);
    const told = { project: ref.project, action, source, context: { path: checked.path } };
    await emitLifecycle(context, told).catch(async (error) => {
      await answer.content.cancel();
      throw error;
    });
  }
  return answer;
}

/** A path as LXD takes it: always from the root, without a part that is no name. */
function absolutePath(path: string): string {
  if (path === "") throw new DreyError("BAD_REQUEST", { message: "Missing path of the file" });
  if (path.includes("\0")) throw new DreyError("BAD_REQUEST", { message: "A path cannot contain NUL" });
  return resolve("/", path.replace(/^\/+/, ""));
}

interface Wanted {
  request: FileRequest;
  body?: ReadableStream<Uint8Array> | undefined;
}

async function inRunning(
  context: Context,
  ref: Ref,
  { request, body }: Wanted,
): Promise<FileAnswer | undefined> {
  await loadRecord(context, ref);
  const state = currentState(context, ref);
  if (state.status === "Stopped") return undefined;
  if (!("pid" in state)) {
    throw new DreyError("INSTANCE_STATE", { message: `The instance is ${state.status.toLowerCase()}` });
  }
  const { pid } = state;
  const single = isSingle(parseMap(readRunRecord(instancePaths(context, ref).run)?.idmap ?? "[]"));
  const identity = single ? "kept" : "root";
  const steps: Step[] = [
    ...(context.user.uid === 0 ? [] : [{ do: "enter-user", pid, level: "parent", identity } satisfies Step]),
    { do: "join-files", pid, identity },
  ];
  return await serveFile(request, serving(steps, body));
}

function serving(steps: readonly Step[], body: ReadableStream<Uint8Array> | undefined): FileServing {
  return { steps, ...(body === undefined ? {} : { body }) };
}

/** The instance stays locked until the last byte: it must not start on a root that is mounted elsewhere. */
async function inStopped(context: Context, ref: Ref, { request, body }: Wanted): Promise<FileAnswer> {
  await using stack = new AsyncDisposableStack();
  stack.use(await lockInstance(context, ref));
  if (currentState(context, ref).status !== "Stopped") {
    const answer = await inRunning(context, ref, { request, body });
    if (answer !== undefined) return answer;
  }
  const { plan } = await showPlan(context, ref);
  if (plan.root.kind === "overlay") {
    for (const directory of [plan.root.upper, plan.root.work]) Deno.mkdirSync(directory, { recursive: true });
  }
  await using way = new AsyncDisposableStack();
  const { parent } = way.use(await openParent(context, await readLayout(context.user)));
  const steps = fileSteps({ ...plan, ids: { ...plan.ids, parent } });
  // others who want to start wait for the way in, and a transfer may be long
  const onInside = () => way.disposeAsync();
  const answer = await serveFile(request, { ...serving(steps, body), onInside });
  if (answer.stat === undefined || request.do === "head") {
    await answer.content.cancel();
    return answer;
  }
  const kept = stack.move();
  return { ...answer, content: closing(answer.content, () => kept.disposeAsync()) };
}

/** The same stream, with something to do at its end. */
function closing<T>(stream: ReadableStream<T>, close: () => Promise<void>): ReadableStream<T> {
  const reader = stream.getReader();
  return new ReadableStream<T>({
    async pull(control) {
      const { done, value } = await reader.read();
      if (!done) return control.enqueue(value);
      await close();
      control.close();
    },
    async cancel(reason) {
      await reader.cancel(reason);
      await close();
    },
  }, { highWaterMark: 0 });
}
