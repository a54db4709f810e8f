// Tarballs on their way to the tar that unpacks them, in one pass: decompressed, and each entry looked at before its
// first byte is let through. tar works in the jail; the gate says what is wrong before tar could do it.

import type { Compression } from "./archive.ts";
import { type Bytes, decompress } from "./decompress.ts";
import { ByteReader, readTar } from "./tar.ts";
import { startFileTar, startTar, TarEnded, type Visit, type Way, type Work } from "./tar_program.ts";

export type { Visit };

/**
 * Walks a compressed tarball.
 *
 * @throws {DreyError} `IMAGE_INVALID`, and whatever `visit` throws
 */
export async function walkTar(packed: Bytes, compression: Compression, visit: Visit): Promise<void> {
  await using plain = decompress(packed, compression);
  try {
    for await (const { entry, read } of readTar(new ByteReader(plain.bytes))) await visit(entry, read);
  } catch (error) {
    throw await plain.blame(error);
  }
  await plain.finish();
}

/**
 * Extracts a tarball into a new directory.
 *
 * @throws {DreyError} `IMAGE_INVALID`, `NO_SPACE`, and whatever `visit` throws
 */
export async function untar(
  work: Work,
  packed: Bytes,
  { compression, path, visit, ...way }: Way & {
    compression: Compression;
    /** file that holds, from its start, whatever of `packed` has come */
    path?: string;
  },
): Promise<void> {
  if (compression === "none" && path !== undefined) {
    await using tar = startFileTar(work, path, way);
    let size = 0;
    const passed = past(packed, (chunk) => tar.passTo(size += chunk.length));
    for await (const { entry, read } of readTar(new ByteReader(passed))) {
      await tar.meet(entry);
      await visit(entry, read);
    }
    return await tar.finish();
  }
  await using plain = decompress(packed, compression);
  await using tar = startTar(work, way);
  try {
    const passed = past(plain.bytes, (chunk) => tar.write(chunk));
    for await (const { entry, read } of readTar(new ByteReader(passed))) await visit(entry, read);
  } catch (error) {
    if (error instanceof TarEnded) return await tar.finish();
    throw await plain.blame(error);
  }
  await plain.finish();
  await tar.finish();
}

/** Hands on each chunk once the reader asks for the next: all entries that begin in it have been looked at then. */
async function* past(chunks: Bytes, write: (chunk: Uint8Array) => Promise<void>): Bytes {
  for await (const chunk of chunks) {
    yield chunk;
    await write(chunk);
  }
}
