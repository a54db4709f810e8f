// Files as streams, in larger pieces than Deno's own, since each piece costs the same.

import type { Growth } from "./growth.ts";

const piece = 1 << 17;

/** A file from its start to its end. */
export async function* bytesOf(path: string): AsyncGenerator<Uint8Array> {
  using file = await Deno.open(path);
  while (true) {
    // a new one each time: whoever reads may keep it for a while
    const chunk = new Uint8Array(piece);
    const count = await file.read(chunk);
    if (count === null) return;
    yield chunk.subarray(0, count);
  }
}

/**
 * A file that grows, read into the same few pieces of memory again and again, which the kernel would have to clear: what
 * was handed on may be kept until three more have been asked for.
 */
export async function* growingBytes(path: string, growth: Growth): AsyncGenerator<Uint8Array> {
  const ring = Array.from({ length: 4 }, () => new Uint8Array(1 << 20));
  using file = await Deno.open(path);
  for (let size = 0, turn = 0; await growth.until(size + 1) > size; turn++) {
    const chunk = ring[turn % ring.length]!;
    const count = await file.read(chunk);
    if (count === null) return;
    size += count;
    yield chunk.subarray(0, count);
  }
}

/** The same as a stream, for bodies of requests. */
export function streamOf(path: string): ReadableStream<Uint8Array<ArrayBuffer>> {
  return ReadableStream.from(bytesOf(path)) as ReadableStream<Uint8Array<ArrayBuffer>>;
}
