// Images on their way in: the parts of an upload, or of a download, written to disk, hashed and unpacked as they come.

import { DreyError } from "../../errors.ts";
import type { ImageWriter } from "../../images/fingerprint.ts";
import type { ImageFiles } from "../../images/scan.ts";
import { bytesOf } from "../../sys/file_bytes.ts";
import { stillFile } from "../../sys/still_file.ts";
import type { Context } from "../context.ts";
import { type Ahead, unpackAhead } from "./ahead.ts";
import { openStage } from "./files.ts";

/** One file of an image as a client sends it. */
export interface ImagePart {
  /** `metadata` of a split or the one file of a unified image; then `rootfs`, or `rootfs.img` for a disk */
  name: string;
  filename?: string;
  /** the bytes, or where they lie in a file of the caller's own */
  content: AsyncIterable<Uint8Array> | { path: string };
}

/** Files that have arrived, and nothing more is known of them. They go when it is disposed. */
export interface ReceivedImage extends AsyncDisposable {
  files: ImageFiles;
  fingerprint: string;
  /** bytes of all files */
  size: number;
  filename: string;
  ahead: Ahead;
}

/**
 * Takes the parts in as they come, without holding them in memory.
 *
 * @throws {DreyError} `BAD_REQUEST` for unknown parts or a wrong order, `NO_SPACE`
 */
export async function receiveImage(
  context: Context,
  parts: AsyncIterable<ImagePart>,
): Promise<ReceivedImage> {
  await using undo = new AsyncDisposableStack();
  const stage = undo.use(await openStage(context, "upload"));
  // begins with a namespace, which takes a while
  const ahead = undo.use(unpackAhead(context));
  const { imageWriter } = await import("../../images/fingerprint.ts");
  const writer = await imageWriter();
  const paths: string[] = [];
  let size = 0;
  let filename = "";
  for await (const part of parts) {
    const [expected, path] = paths.length === 0
      ? [["metadata"], `${stage.path}/metadata`]
      : [["rootfs", "rootfs.img"], `${stage.path}/rootfs`];
    if (paths.length > 1 || !expected.includes(part.name)) {
      throw new DreyError("BAD_REQUEST", {
        message: `Cannot take part "${part.name}" of the image: "metadata" and then "rootfs" were expected`,
      });
    }
    size += await receivePart(part, { path, writer, ahead });
    filename ||= part.filename ?? "";
    paths.push(path);
  }
  ahead.end();
  const [metadata, rootfs] = paths;
  if (metadata === undefined || size === 0) {
    const found = metadata === undefined ? "the request holds no file" : "the file is empty";
    throw new DreyError("BAD_REQUEST", { message: `Cannot add an image: ${found}` });
  }
  const kept = undo.move();
  return {
    files: rootfs === undefined ? { metadata } : { metadata, rootfs },
    fingerprint: writer.fingerprint(),
    size,
    filename,
    ahead,
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  };
}

/** Writes a part to its place; answers with its size in bytes. */
async function receivePart(
  { content }: ImagePart,
  { path, writer, ahead }: { path: string; writer: ImageWriter; ahead: Ahead },
): Promise<number> {
  const info = "path" in content ? await Deno.stat(content.path) : undefined;
  // what is no file, a pipe for one, can be read once only
  const source = "path" in content && info?.isFile ? content.path : undefined;
  const origin = source !== undefined && info !== undefined && mayReadTwice(info)
    ? stillFile(source)
    : undefined;
  // of a copy the chunks are used again
  const onward = await ahead.file(path, source === undefined ? {} : { room: 1, ...origin && { origin } });
  const size = source === undefined
    ? await writer.write(path, "path" in content ? bytesOf(content.path) : content, onward.pass)
    : await writer.copy(path, source, onward);
  onward.end();
  return size;
}

/**
 * Whether what is unpacked from a file is surely what is hashed of it: others may change a file through memory without its
 * times telling. Root of a map, who unpacks, must be able to read it.
 */
function mayReadTwice({ uid, mode }: Deno.FileInfo): boolean {
  const isOurs = uid === 0 || uid === Deno.uid();
  return isOurs && mode !== null && (mode & 0o022) === 0 && (mode & 0o4) > 0;
}
