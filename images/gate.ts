// Tarballs on their way to the tar that unpacks them, in one pass: decompressed, and each entry looked at before its
// first byte is let through. tar works in the jail; the gate says what is wrong before tar could do it.

import type { Compression } from "./archive.ts";
import { type Bytes, decompress } from "./decompress.ts";
import { ByteReader, readTar, type TarEntry } from "./tar.ts";
import { startTar, type Tar, TarEnded, type Work } from "./tar_program.ts";

/** Looks at an entry and throws at what must not be; `read` gives the content of a small file. */
export type Visit = (entry: TarEntry, read: () => Promise<Uint8Array>) => void | Promise<void>;

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
  { compression, into, visit, after = "", path }: {
    compression: Compression;
    into: string;
    visit: Visit;
    /** a little shell that follows in the same jail, in the work directory */
    after?: string;
    /** file that holds, from its start, whatever of `packed` has come */
    path?: string;
  },
): Promise<void> {
  await using plain = decompress(packed, compression);
  await using tar = startTar(work, { into, after, ...compression === "none" && path && { path } });
  try {
    for await (const { entry, read } of readTar(new ByteReader(past(plain.bytes, tar)))) {
      await visit(entry, read);
    }
  } catch (error) {
    if (error instanceof TarEnded) return await tar.finish();
    throw await plain.blame(error);
  }
  await plain.finish();
  await tar.finish();
}

/** Hands on each chunk once the reader asks for the next: all entries that begin in it have been looked at then. */
async function* past(chunks: Bytes, tar: Tar): Bytes {
  for await (const chunk of chunks) {
    yield chunk;
    await tar.write(chunk);
  }
}
