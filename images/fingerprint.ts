// Fingerprints: SHA-256 over the bytes of an image's files, metadata first, computed while they are written.

import { createHash, type Hash } from "node:crypto";
import { DreyError } from "../errors.ts";

/** Somebody else who wants the bytes; the writer waits for it. */
export type Pass = (chunk: Uint8Array) => Promise<unknown>;

/** Writes the files of one image, one after the other, and knows their common digest. */
export interface ImageWriter {
  /**
   * writes one file to its end; answers with its size in bytes
   *
   * @param pass is handed each chunk as well, once it is in the file
   */
  write(path: string, content: AsyncIterable<Uint8Array>, pass?: Pass): Promise<number>;
  /**
   * the same for a file that is there already, which the kernel copies
   *
   * @param copied is told when all of it lies at its path
   */
  copy(path: string, from: string, copied: () => void): Promise<number>;
  /** 64 hexadecimal digits over everything written so far */
  fingerprint(): string;
}

/** A writer for the files of one image. */
export function imageWriter(): ImageWriter {
  const hash = createHash("sha256");
  return {
    async write(path, content, pass) {
      using file = await Deno.open(path, { write: true, createNew: true });
      let size = 0;
      for await (const chunk of content) {
        hash.update(chunk);
        size += chunk.length;
        await writeAll(file, chunk);
        await pass?.(chunk);
      }
      // whatever the umask: root of a map is to read it; the directory keeps others out
      await Deno.chmod(path, 0o644);
      return size;
    },
    async copy(path, from, copied) {
      await copyFile(from, path);
      await Deno.chmod(path, 0o644);
      copied();
      return await hashFile(hash, path);
    },
    fingerprint: () => hash.copy().digest("hex"),
  };
}

/** The fingerprint of files that are there already. */
export async function fingerprintOf(paths: readonly string[]): Promise<string> {
  const hash = createHash("sha256");
  for (const path of paths) await hashFile(hash, path);
  return hash.digest("hex");
}

/** Adds a file to a digest; answers with its size in bytes. */
async function hashFile(hash: Hash, path: string): Promise<number> {
  using file = await Deno.open(path);
  const piece = new Uint8Array(1 << 20);
  let size = 0;
  for (let count; (count = await file.read(piece)) !== null;) {
    hash.update(piece.subarray(0, count));
    size += count;
  }
  return size;
}

/** Copies a file, sharing its blocks where the file system can. @throws {DreyError} `NO_SPACE` */
async function copyFile(from: string, to: string): Promise<void> {
  try {
    await Deno.copyFile(from, to);
  } catch (error) {
    throw full(error) ?? error;
  }
}

/** Writes a chunk whole. @throws {DreyError} `NO_SPACE` */
export async function writeAll(file: Deno.FsFile, chunk: Uint8Array): Promise<void> {
  try {
    for (let done = 0; done < chunk.length;) done += await file.write(chunk.subarray(done));
  } catch (error) {
    throw full(error) ?? error;
  }
}

/** The error of a full disk, if that is what it says. */
function full(error: unknown): DreyError | undefined {
  if (!(error instanceof Error) || !/ENOSPC|EDQUOT|os error (28|122)/.test(error.message)) return undefined;
  return new DreyError("NO_SPACE", { message: "Cannot store the image: the disk is full", cause: error });
}
