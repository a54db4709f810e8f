// What comes packed, read plain: a program in the middle that is fed as bytes arrive and read as far as somebody wants.

import { concat } from "@std/bytes";
import { kill, spawn } from "../sys/run.ts";
import { type Compression, decompressor, headLength, invalid, readerMissing } from "./archive.ts";
import { mustNotBurst } from "./limits.ts";

export type Bytes = AsyncIterable<Uint8Array>;

/** A stream being decompressed; its program is gone when it is disposed. */
export interface Plain extends AsyncDisposable {
  bytes: Bytes;
  /** waits for the program, which knows whether all was whole. @throws {DreyError} `IMAGE_INVALID` */
  finish(): Promise<void>;
  /** after an error of whoever read: that error, or one that explains it */
  blame(error: unknown): Promise<unknown>;
}

/** Decompresses, and counts, so that nothing fills the disk. */
export function decompress(packed: Bytes, compression: Compression): Plain {
  let came = 0;
  const source = counted(packed, (bytes) => came = bytes);
  const mind = (bytes: Bytes) => counted(bytes, (plain) => mustNotBurst(plain, came));
  if (compression === "none") {
    return {
      bytes: mind(source),
      finish: () => Promise.resolve(),
      blame: (error) => Promise.resolve(error),
      [Symbol.asyncDispose]: () => Promise.resolve(),
    };
  }
  return startProgram(source, { argv: decompressor(compression), mind });
}

function startProgram(
  source: Bytes,
  { argv, mind }: { argv: [string, ...string[]]; mind(bytes: Bytes): Bytes },
): Plain {
  const child = spawn(["sh", "-c", 'exec "$@"', "sh", ...argv], {
    stdin: "piped",
    stdout: "piped",
    stderr: "null",
  });
  const feeding = feed(child.stdin, source);
  // told by finish() or blame(); whoever leaves early does not care
  feeding.catch(() => {});
  let isOver = false;
  const stop = async () => {
    if (isOver) return;
    isOver = true;
    // SIGPIPE is what the end of its reader would give it
    kill(child, "SIGPIPE");
    await child.status;
  };
  const verdict = async () => {
    isOver = true;
    const { code, signal } = await child.status;
    await feeding;
    if (code === 127) throw readerMissing(argv[0]);
    if (code !== 0 && signal !== "SIGPIPE") throw invalid("its data is damaged or cut off");
  };
  let ended = false;
  const watched = async function* (): Bytes {
    yield* child.stdout;
    ended = true;
  };
  return {
    bytes: mind(watched()),
    finish: verdict,
    async blame(error) {
      if (!ended) {
        await stop();
        return error;
      }
      return await verdict().then(() => error, (found) => found);
    },
    [Symbol.asyncDispose]: stop,
  };
}

/** Writes all there is, for as long as the program takes it. @throws what the content throws */
async function feed(stdin: WritableStream<Uint8Array>, content: Bytes): Promise<void> {
  const writer = stdin.getWriter();
  try {
    for await (const chunk of content) {
      if (!await writer.write(chunk).then(() => true, () => false)) break;
    }
  } finally {
    // it may have ended already, and says why by its status
    await writer.close().catch(() => {});
  }
}

async function* counted(content: Bytes, tell: (bytes: number) => void): Bytes {
  let bytes = 0;
  for await (const chunk of content) {
    bytes += chunk.length;
    tell(bytes);
    yield chunk;
  }
}

/** The first bytes of a stream, and all of it. */
export async function peek(content: Bytes): Promise<{ head: Uint8Array; whole: Bytes }> {
  const chunks = content[Symbol.asyncIterator]();
  let head = new Uint8Array();
  let isAtEnd = false;
  while (!isAtEnd && head.length < headLength) {
    const { value, done } = await chunks.next();
    if (done) isAtEnd = true;
    else head = concat([head, value]);
  }
  async function* whole(): Bytes {
    try {
      if (head.length > 0) yield head;
      if (!isAtEnd) yield* { [Symbol.asyncIterator]: () => chunks };
    } finally {
      // whoever leaves at the head leaves the rest as well
      await chunks.return?.();
    }
  }
  return { head, whole: whole() };
}
