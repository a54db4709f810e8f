// A volume that is one file, a disk or a disc, over the stream `fs`: its bytes from the first to the last, as LXD sends
// them. What comes as zeros becomes holes.

import { formatSize } from "../../config/size.ts";
import { DreyError } from "../../errors.ts";
import type { Counted } from "./carry.ts";
import type { Frames } from "./channels.ts";

/** `bytes` that are sent at once */
const piece = 1 << 18;
/** `bytes` that a hole has at least */
const page = 4096;

interface Carried {
  frames: Frames;
  signal: AbortSignal;
  counted: Counted;
}

/** Sends a file and the mark of its end. */
export async function sendDisk(path: string, { frames, signal, counted }: Carried): Promise<void> {
  using file = await Deno.open(path);
  const buffer = new Uint8Array(piece);
  for (;;) {
    signal.throwIfAborted();
    const count = await file.read(buffer);
    if (count === null) break;
    // whoever sends it may still hold it when the next piece is read
    await frames.write(buffer.slice(0, count));
    counted(count);
  }
  await frames.end();
}

/**
 * Makes a file what comes up to the next mark.
 *
 * @param carried `limit` is how many bytes may come: zeros take no room that would end them
 * @throws {DreyError} `BAD_REQUEST` if more comes
 */
export async function receiveDisk(
  path: string,
  { frames, signal, counted, limit }: Carried & { limit: number },
): Promise<void> {
  using file = await Deno.open(path, { write: true, create: true, truncate: true, mode: 0o600 });
  let size = 0;
  for await (const chunk of frames.read()) {
    signal.throwIfAborted();
    size += chunk.length;
    if (size > limit) {
      throw new DreyError("BAD_REQUEST", {
        message: `The other server sends a disk of more than ${formatSize(limit)}, which it did not announce`,
      });
    }
    await writeWithHoles(file, chunk);
    counted(chunk.length);
  }
  await file.truncate(size);
}

async function writeWithHoles(file: Deno.FsFile, chunk: Uint8Array): Promise<void> {
  for (let at = 0; at < chunk.length;) {
    const hole = runOf(chunk, at, isEmpty);
    if (hole > at) await file.seek(hole - at, Deno.SeekMode.Current);
    const end = runOf(chunk, hole, (piece) => !isEmpty(piece));
    for (at = hole; at < end;) at += await file.write(chunk.subarray(at, end));
  }
}

/** Where pages end to be such, from a place on. */
function runOf(chunk: Uint8Array, start: number, isSuch: (piece: Uint8Array) => boolean): number {
  let end = start;
  while (end < chunk.length && isSuch(chunk.subarray(end, end + page))) end += page;
  return Math.min(end, chunk.length);
}

function isEmpty(piece: Uint8Array): boolean {
  for (let at = 0; at < piece.length; at++) if (piece[at] !== 0) return false;
  return true;
}
