// A few kilobytes that come packed, read plain without a stream, the first of which takes 10 ms. Whoever wants to know what
// is wrong with them asks decompress.ts.

import { concat } from "@std/bytes";
import { DreyError } from "../errors.ts";
import { type PipedChild, type Sink, type Source, startOnPipes } from "../sys/piped_child.ts";
import { fullPath } from "../sys/run.ts";
import { type Compression, decompressor } from "./archive.ts";

/** The plain bytes; undefined if they are more than so many, damaged, or of a kind nobody here can read. */
export async function decompressSmall(
  packed: Uint8Array,
  compression: Compression,
  most: number,
): Promise<Uint8Array | undefined> {
  if (compression === "none") return packed;
  const child = start(decompressor(compression));
  if (child === undefined) return undefined;
  const fed = feed(child.input, packed);
  const plain = await readUpTo(child.output, most);
  // whoever writes on is ended by that, or knows that nobody reads
  await Promise.all([child.output.close(), child.errors.close()]);
  await fed;
  return await child.ended === 0 ? plain : undefined;
}

function start(argv: readonly string[]): PipedChild | undefined {
  try {
    return startOnPipes(argv, { env: { PATH: fullPath() }, inherited: [] });
  } catch (error) {
    if (error instanceof DreyError && error.code === "TOOL_MISSING") return undefined;
    throw error;
  }
}

async function feed(input: Sink, bytes: Uint8Array): Promise<void> {
  try {
    await input.write(bytes);
  } catch (error) {
    // what it does not take it says by its status
    if (!(error instanceof Deno.errors.BrokenPipe)) throw error;
  } finally {
    await input.close().catch(() => {}); // of one that has ended
  }
}

async function readUpTo(output: Source, most: number): Promise<Uint8Array | undefined> {
  const parts: Uint8Array[] = [];
  let size = 0;
  for (let part; (part = await output.read()) !== undefined;) {
    size += part.length;
    if (size > most) return undefined;
    parts.push(part);
  }
  return concat(parts);
}
