// A plain tarball that lies whole in a file of ours: its headers are read, its contents passed over, and tar gets as much
// of it as was looked at, by the kernel.

import { type ByteSource, readTar } from "./tar.ts";
import type { Visit } from "./gate.ts";
import { startFileTar, type Way, type Work } from "./tar_program.ts";

/** most `bytes` that are read at once, which is more than most files are long */
const window = 16_384;
/** so many readings later others get their turn */
const patience = 64;

/** Reads exact amounts of a file, and nothing of what is passed over. */
class FileReader implements ByteSource, Disposable {
  readonly #file: Deno.FsFile;
  readonly #size: number;
  /** where in the file `#left` ends */
  #end = 0;
  #told = 0;
  #left = new Uint8Array();
  #count = 0;

  /** @param passed is told now and then up to where the file was looked at */
  constructor(path: string, private readonly passed?: (size: number) => Promise<void>) {
    this.#file = Deno.openSync(path);
    this.#size = this.#file.statSync().size;
  }

  async take(count: number): Promise<Uint8Array> {
    if (this.#left.length < count) await this.#read(Math.max(window, count));
    const taken = this.#left.subarray(0, count);
    this.#left = this.#left.subarray(count);
    return taken;
  }

  async skip(count: number): Promise<boolean> {
    const beyond = count - this.#left.length;
    this.#left = this.#left.subarray(Math.min(count, this.#left.length));
    this.#end += Math.max(0, beyond);
    const at = Math.min(this.#end - this.#left.length, this.#size);
    // each time wakes a process
    if (at - this.#told >= 1 << 20) await this.passed?.(this.#told = at);
    return this.#end <= this.#size;
  }

  /** Reads anew from where the next byte to be taken is. */
  async #read(most: number): Promise<void> {
    const from = this.#end - this.#left.length;
    const bytes = new Uint8Array(Math.max(0, Math.min(most, this.#size - from)));
    this.#file.seekSync(from, Deno.SeekMode.Start);
    let have = 0;
    while (have < bytes.length) {
      const rest = bytes.subarray(have);
      const count = ++this.#count % patience === 0 ? await this.#file.read(rest) : this.#file.readSync(rest);
      if (count === null) break;
      have += count;
    }
    this.#left = bytes.subarray(0, have);
    this.#end = from + have;
  }

  [Symbol.dispose](): void {
    this.#file.close();
  }
}

/**
 * Walks a plain tarball in a file.
 *
 * @throws {DreyError} `IMAGE_INVALID`, and whatever `visit` throws
 */
export async function walkTarFile(
  path: string,
  visit: Visit,
  passed?: (size: number) => Promise<void>,
): Promise<void> {
  using bytes = new FileReader(path, passed);
  for await (const { entry, read } of readTar(bytes)) await visit(entry, read);
}

/**
 * Extracts a plain tarball into a new directory.
 *
 * @param path a file that nobody can change any more
 * @throws {DreyError} `IMAGE_INVALID`, `NO_SPACE`, and whatever `visit` throws
 */
export async function untarFile(work: Work, path: string, { visit, ...way }: Way): Promise<void> {
  await using tar = startFileTar(work, path, way);
  const look: Visit = async (entry, read) => {
    await tar.meet(entry);
    await visit(entry, read);
  };
  await walkTarFile(path, look, (size) => tar.passTo(size));
  await tar.finish();
}
