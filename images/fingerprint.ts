// Fingerprints: SHA-256 over the bytes of an image's files, metadata first, computed while they are written.

import { DreyError } from "../errors.ts";
import { copyFile } from "../sys/copy_file.ts";
import { bytesOf, growingBytes } from "../sys/file_bytes.ts";
import { Growth } from "../sys/growth.ts";
import { closeFd, O_RDONLY, openFd } from "../sys/descriptors.ts";
import { openSha256, type Sha256 } from "../sys/sha256.ts";

/** Somebody else who wants the bytes; the writer waits for it. */
export type Pass = (chunk: Uint8Array) => Promise<unknown>;
type PassOn = (chunk: Uint8Array) => Promise<boolean>;

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
   * @param onward `pass` may keep a chunk until the next but one is passed, and tells whether it wants more; `lies` is told
   * when all of it is there
   */
  copy(path: string, from: string, onward: { pass: PassOn; lies(): void }): Promise<number>;
  /** 64 hexadecimal digits over everything written so far */
  fingerprint(): string;
}

/** A writer for the files of one image. */
export async function imageWriter(): Promise<ImageWriter> {
  const hash = await openSha256();
  return {
    async write(path, content, pass) {
      using file = await Deno.open(path, { write: true, createNew: true });
      let size = 0;
      for await (const chunk of content) {
        const hashing = hash.update(chunk);
        size += chunk.length;
        try {
          await writeAll(file, chunk);
          await pass?.(chunk);
        } finally {
          await hashing;
        }
      }
      // whatever the umask: root of a map is to read it; the directory keeps others out
      await Deno.chmod(path, 0o644);
      return size;
    },
    async copy(path, from, { pass, lies }) {
      await Deno.writeFile(path, new Uint8Array(), { createNew: true });
      await Deno.chmod(path, 0o644);
      const growth = new Growth();
      const copying = copyFile(from, path, (size) => growth.grow(size)).then(
        () => {
          growth.end();
          lies();
        },
        (error) => growth.fail(full(error) ?? error),
      );
      const works = [handOn(path, growth, pass), hashGrowing(hash, path, growth), copying];
      // nothing works here any more when this is over
      for (const work of await Promise.allSettled(works)) if (work.status === "rejected") throw work.reason;
      return growth.size;
    },
    fingerprint: () => hash.hex(),
  };
}

/** Hands on what is there of a file, for as long as somebody takes it. */
async function handOn(path: string, growth: Growth, pass: PassOn): Promise<void> {
  for await (const chunk of growingBytes(path, growth)) if (!await pass(chunk)) return;
}

async function hashGrowing(hash: Sha256, path: string, growth: Growth): Promise<void> {
  const fd = openFd(path, O_RDONLY);
  try {
    for (let from = 0, to; (to = await growth.until(from + 1)) > from; from = to) {
      await hash.updateFrom(fd, { from, to });
    }
  } finally {
    closeFd(fd);
  }
}

/** The fingerprint of files that are there already. */
export async function fingerprintOf(paths: readonly string[]): Promise<string> {
  const hash = await openSha256();
  for (const path of paths) {
    for await (const chunk of bytesOf(path)) await hash.update(chunk);
  }
  return hash.hex();
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
