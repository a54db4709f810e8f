// Files of an instance, running or not: read, written, listed and deleted as its own root would.

import { resolve } from "@std/path";
import { DreyError } from "../../errors.ts";
import { type FileAnswer, type FileRequest, serveFile } from "../../runtime/file_access.ts";
import type { Context, Ref } from "../context.ts";
import { emitLifecycle } from "../events.ts";
import { type FileWay, onWay, openFileWay } from "./file_way.ts";
import { instanceAddress } from "./record.ts";

export type { FileOwner, FileRequest, FileStat } from "../../runtime/file_access.ts";

const actions: Record<FileRequest["do"], string | undefined> = {
  get: "instance-file-retrieved",
  head: undefined,
  delete: "instance-file-deleted",
  file: "instance-file-pushed",
  directory: "instance-file-pushed",
  symlink: "instance-file-pushed",
  "get-tree": "instance-file-retrieved",
  "put-tree": "instance-file-pushed",
  place: undefined,
};

interface FileUse {
  request: FileRequest;
  /** content to write */
  body?: ReadableStream<Uint8Array> | undefined;
  /** an end of a pipe of this process that a tree comes from or goes to, instead of the body or the content */
  pipe?: number;
}

/**
 * Serves one request about a path of the instance.
 *
 * @throws {DreyError} `NOT_FOUND` for the instance or the path; `INSTANCE_STATE` while it starts or stops
 */
export async function useFile(
  context: Context,
  ref: Ref,
  { request, ...rest }: FileUse,
): Promise<FileAnswer> {
  const checked = { ...request, path: absolutePath(request.path) };
  const answer = await serve(context, ref, { request: checked, ...rest });
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

/** A stopped instance stays locked until the last byte: it must not start on a root that is mounted elsewhere. */
async function serve(context: Context, ref: Ref, { request, body, pipe }: FileUse): Promise<FileAnswer> {
  await using stack = new AsyncDisposableStack();
  const way = await shortest(context, ref, { request, way: stack.use(await openFileWay(context, ref)) });
  const { steps, onInside, door } = way;
  const guest = door === undefined ? {} : { door };
  const content = { ...(body === undefined ? {} : { body }), ...(pipe === undefined ? {} : { pipe }) };
  const answer = await onWay(way, () => serveFile(request, { steps, onInside, ...guest, ...content }));
  if (answer.stat === undefined || request.do === "head") {
    await answer.content.cancel();
    return answer;
  }
  const kept = stack.move();
  return { ...answer, content: closing(answer.content, () => kept.disposeAsync()) };
}

/** Trees of a machine need not pass through its guest where they are the host's as well. */
async function shortest(
  context: Context,
  ref: Ref,
  { request, way }: { request: FileRequest; way: FileWay },
): Promise<FileWay> {
  if (way.door === undefined || request.do !== "put-tree" && request.do !== "get-tree") return way;
  const { sharedWay } = await import("./shared_way.ts");
  return await sharedWay(context, ref, { request, way, door: way.door }) ?? way;
}

/** The same stream, with something to do at its end. */
function closing<T>(stream: ReadableStream<T>, close: () => Promise<void>): ReadableStream<T> {
  const reader = stream.getReader();
  return new ReadableStream<T>({
    async pull(control) {
      let next: ReadableStreamReadResult<T>;
      try {
        next = await reader.read();
      } catch (error) {
        await close();
        throw error;
      }
      if (!next.done) return control.enqueue(next.value);
      await close();
      control.close();
    },
    async cancel(reason) {
      try {
        await reader.cancel(reason);
      } finally {
        await close();
      }
    },
  }, { highWaterMark: 0 });
}
