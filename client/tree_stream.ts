// Whole trees of files in one stream, between two dreys: an entry is a line of words, and for a file its bytes.

import { concat } from "@std/bytes";
import { DreyError } from "../errors.ts";

export interface TreeEntry {
  type: "file" | "directory" | "symlink";
  /** -1 leaves it to the other side */
  mode: number;
  uid: number;
  gid: number;
  /** bytes of content that follow */
  size: number;
  /** path below the top; empty for the top itself */
  name: string;
  /** of a symlink */
  target: string;
}

const encoder = new TextEncoder();
const special: Record<string, string> = { "%": "%25", "\t": "%09", "\n": "%0a", "\r": "%0d", "\0": "%00" };
const escapeWord = (word: string) => word.replace(/[%\t\n\r\0]/g, (c) => special[c] ?? c);

/** The line of an entry. */
export function encodeEntry({ type, mode, uid, gid, size, name, target }: TreeEntry): Uint8Array {
  const words = [type, String(mode), String(uid), String(gid), String(size), name, target];
  return encoder.encode(`${words.map(escapeWord).join("\t")}\n`);
}

/** The line that ends a stream. */
export const endOfTree = encoder.encode("end\t0\t0\t0\t0\t\t\n");

/** Puts small pieces together, so that each write is worth its while. */
export async function* gathered(pieces: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  const limit = 1 << 20;
  let held = new Uint8Array(limit);
  let size = 0;
  for await (const piece of pieces) {
    if (size + piece.length > limit) {
      if (size > 0) yield held.subarray(0, size);
      [held, size] = [new Uint8Array(limit), 0];
      if (piece.length >= limit) {
        yield piece as Uint8Array<ArrayBuffer>; // never shared memory
        continue;
      }
    }
    held.set(piece, size);
    size += piece.length;
  }
  if (size > 0) yield held.subarray(0, size);
}

/** `bytes` of an entry's line: a name and a target have 4096 each at most, three times that when escaped */
const longestLine = 65_536;

/** Reads entries and their contents from a stream. */
export class TreeReader {
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  #held: Uint8Array = new Uint8Array();

  constructor(stream: ReadableStream<Uint8Array>) {
    this.#reader = stream.getReader();
  }

  /** the next entry; undefined at the end. @throws {DreyError} `SERVER_FAILED` if the stream breaks off */
  async next(): Promise<TreeEntry | undefined> {
    let end = this.#held.indexOf(10);
    for (; end < 0; end = this.#held.indexOf(10)) {
      if (this.#held.length > longestLine) throw broken();
      const more = await this.#more();
      this.#held = concat([this.#held, more]);
    }
    const line = new TextDecoder().decode(this.#held.subarray(0, end));
    this.#held = this.#held.subarray(end + 1);
    const words = line.split("\t").map((word) =>
      word.replace(/%([0-9a-f]{2})/g, (_, hex) => String.fromCharCode(parseInt(hex, 16)))
    );
    const [type = "", mode, uid, gid, size, name = "", target = ""] = words;
    if (type === "end") return undefined;
    if (type !== "file" && type !== "directory" && type !== "symlink") throw broken();
    return { type, mode: Number(mode), uid: Number(uid), gid: Number(gid), size: Number(size), name, target };
  }

  /** so many bytes of content, as they come */
  async *content(size: number): AsyncGenerator<Uint8Array> {
    for (let left = size; left > 0;) {
      if (this.#held.length === 0) this.#held = await this.#more();
      const part = this.#held.subarray(0, Math.min(left, this.#held.length));
      this.#held = this.#held.subarray(part.length);
      left -= part.length;
      yield part;
    }
  }

  async #more(): Promise<Uint8Array> {
    const { done, value } = await this.#reader.read();
    if (done) throw broken();
    return value;
  }
}

const broken = () => new DreyError("SERVER_FAILED", { message: "The server's stream of files broke off" });
