// Files as streams, in larger pieces than Deno's own, since each piece costs the same.

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

/** The same as a stream, for bodies of requests. */
export function streamOf(path: string): ReadableStream<Uint8Array<ArrayBuffer>> {
  return ReadableStream.from(bytesOf(path)) as ReadableStream<Uint8Array<ArrayBuffer>>;
}
