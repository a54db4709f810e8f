// The tar format, read header by header from a stream, and written for one small file: tar(5). Names are kept
// as one character per byte, so that no two names on disk look alike here.

import { concat } from "@std/bytes";
import { invalid } from "./archive.ts";

export type TarEntryType =
  | "file"
  | "hardlink"
  | "symlink"
  | "char"
  | "block"
  | "directory"
  | "fifo"
  | "other";

export interface TarEntry {
  name: string;
  type: TarEntryType;
  /** target of a link, else empty */
  target: string;
  /** bytes of content in the archive */
  size: number;
  /** whether it says more of who may use it than its mode does */
  hasAcl?: boolean;
}

/** Where an archive is read from, front to back. */
export interface ByteSource {
  /** the next `count` bytes, which nobody may keep beyond the next call; fewer only at the end */
  take(count: number): Promise<Uint8Array>;
  /** passes over `count` bytes; tells whether they were all there */
  skip(count: number): Promise<boolean>;
}

/** `bytes` that everything in a tarball is a multiple of */
export const block = 512;
export const types: Record<string, TarEntryType> = {
  "0": "file",
  "\0": "file",
  "1": "hardlink",
  "2": "symlink",
  "3": "char",
  "4": "block",
  "5": "directory",
  "6": "fifo",
  "7": "file",
  S: "file",
};

/** Reads exact amounts from a stream of chunks. */
export class ByteReader implements ByteSource {
  #chunks: AsyncIterator<Uint8Array>;
  #left: Uint8Array = new Uint8Array();

  constructor(stream: AsyncIterable<Uint8Array>) {
    this.#chunks = stream[Symbol.asyncIterator]();
  }

  /** the next `count` bytes; fewer only where the stream ends */
  async take(count: number): Promise<Uint8Array> {
    if (this.#left.length >= count) return this.#cut(count);
    const parts: Uint8Array[] = [];
    for (let have = 0; have < count;) {
      if (this.#left.length === 0 && !await this.#more()) break;
      const part = this.#cut(Math.min(count - have, this.#left.length));
      parts.push(part);
      have += part.length;
    }
    return parts.length === 1 && parts[0] !== undefined ? parts[0] : concat(parts);
  }

  /** passes over `count` bytes; tells whether they were all there */
  async skip(count: number): Promise<boolean> {
    for (let left = count; left > 0;) {
      if (this.#left.length === 0 && !await this.#more()) return false;
      left -= this.#cut(Math.min(left, this.#left.length)).length;
    }
    return true;
  }

  /** the next bytes as they come, up to `count`; none where the stream ends */
  async some(count: number): Promise<Uint8Array> {
    if (this.#left.length === 0 && !await this.#more()) return this.#left;
    return this.#cut(Math.min(count, this.#left.length));
  }

  #cut(count: number): Uint8Array {
    const part = this.#left.subarray(0, count);
    this.#left = this.#left.subarray(count);
    return part;
  }

  async #more(): Promise<boolean> {
    const next = await this.#chunks.next();
    if (next.done === true) return false;
    this.#left = next.value;
    return true;
  }
}

/** `bytes` of a content that are handed on at once */
const piece = 1 << 20;

/** An entry that was met, with the ways to its content. */
export interface MetEntry {
  entry: TarEntry;
  /** the whole content, for small files */
  read(): Promise<Uint8Array>;
  /** the content in pieces, none of which may be kept beyond the next */
  stream(): AsyncGenerator<Uint8Array>;
}

/**
 * Walks the entries of a tarball.
 *
 * @throws {DreyError} `IMAGE_INVALID` if it is no tarball or ends in the middle
 */
export async function* readTar(bytes: ByteSource): AsyncGenerator<MetEntry> {
  let extra: Extension = {};
  while (true) {
    const header = await bytes.take(block);
    if (header.length < block) throw invalid("the tarball is cut off");
    // two empty blocks end a tarball; readers, like tar itself, are content with one
    if (isEmpty(header)) return await drain(bytes);
    const raw = parseHeader(header);
    if ("xgLK".includes(raw.flag)) {
      const content = await bytes.take(padded(raw.size));
      if (content.length < padded(raw.size)) throw invalid("the tarball is cut off");
      extra = { ...extra, ...parseExtension(raw.flag, content.subarray(0, raw.size)) };
      continue;
    }
    const entry: TarEntry = {
      name: extra.path ?? raw.name,
      type: types[raw.flag] ?? "other",
      target: extra.linkpath ?? raw.target,
      size: extra.size === undefined ? raw.size : Number(extra.size),
      ...extra.hasAcl && { hasAcl: true },
    };
    extra = {};
    if (raw.sparseContinues) await skipSparseMap(bytes);
    let left = entry.type === "file" || entry.type === "other" ? padded(entry.size) : 0;
    const read = async () => {
      const content = await bytes.take(left);
      if (content.length < left) throw invalid("the tarball is cut off");
      left = 0;
      return content.slice(0, entry.size);
    };
    const stream = async function* () {
      const padding = left - Math.min(left, entry.size);
      while (left > padding) {
        const part = await bytes.take(Math.min(left - padding, piece));
        if (part.length === 0) throw invalid("the tarball is cut off");
        left -= part.length;
        yield part;
      }
    };
    yield { entry, read, stream };
    if (!await bytes.skip(left)) throw invalid(`the tarball is cut off in "${entry.name}"`);
  }
}

/** A tar archive of ordinary files, owned by root. */
export function writeTar(files: readonly { name: string; content: Uint8Array; mtime: Date }[]): Uint8Array {
  const parts = files.flatMap(({ name, content, mtime }) => {
    const tail = new Uint8Array(padded(content.length) - content.length);
    return [tarHeader({ name, size: content.length, mtime }), content, tail];
  });
  return concat([...parts, new Uint8Array(2 * block)]);
}

/** The same without the end mark, for more to follow. */
export function writeTarHead(files: Parameters<typeof writeTar>[0]): Uint8Array {
  return writeTar(files).subarray(0, -2 * block);
}

/** The header of a file, or of a directory if the name ends so; of 100 bytes at most. The content follows, {@link padded}. */
export function tarHeader({ name, size, mtime }: { name: string; size: number; mtime: Date }): Uint8Array {
  const header = new Uint8Array(block);
  const put = (at: number, text: string) => header.set(new TextEncoder().encode(text), at);
  const octal = (value: number, width: number) => value.toString(8).padStart(width, "0");
  put(0, name);
  const isDirectory = name.endsWith("/");
  put(100, isDirectory ? "0000755\0" : "0000644\0");
  put(108, "0000000\0");
  put(116, "0000000\0");
  if (size < 8 ** 11) put(124, `${octal(size, 11)}\0`);
  else {
    header[124] = 0x80;
    new DataView(header.buffer).setBigUint64(128, BigInt(size));
  }
  put(136, `${octal(Math.floor(mtime.getTime() / 1000), 11)}\0`);
  put(148, "        ");
  put(156, isDirectory ? "5" : "0");
  put(257, "ustar\x0000");
  put(148, `${octal(checksum(header), 6)}\0 `);
  return header;
}

/** The fields of a header. @throws {DreyError} `IMAGE_INVALID` */
export function parseHeader(header: Uint8Array) {
  const text = (at: number, length: number) => latin1(untilZero(header.subarray(at, at + length)));
  if (number(header.subarray(148, 156)) !== checksum(header)) throw invalid("it is not a whole tarball");
  const flag = latin1(header.subarray(156, 157));
  const isPosix = text(257, 8) === "ustar";
  const prefix = isPosix ? text(345, 155) : "";
  return {
    name: prefix === "" ? text(0, 100) : `${prefix}/${text(0, 100)}`,
    size: number(header.subarray(124, 136)),
    flag,
    target: text(157, 100),
    sparseContinues: flag === "S" && header[482] === 1,
  };
}

/** Sum of the header's bytes with its own checksum field taken as blanks. */
export function checksum(header: Uint8Array): number {
  let sum = 8 * 32;
  for (let at = 0; at < block; at++) if (at < 148 || at >= 156) sum += header[at] ?? 0;
  return sum;
}

const isEmpty = (header: Uint8Array) => header.every((byte) => byte === 0);

/** A number field: octal text, or GNU's big-endian bytes behind a high bit. */
export function number(field: Uint8Array): number {
  const first = field[0] ?? 0;
  if ((first & 0x80) === 0) return parseInt(latin1(untilZero(field)).trim() || "0", 8);
  const value = field.reduce((sum, byte, index) => sum * 256 + (index === 0 ? byte & 0x3f : byte), 0);
  if ((first & 0x40) !== 0 || !Number.isSafeInteger(value)) throw invalid("a size in the tarball is absurd");
  return value;
}

type Extension = Partial<{ path: string; linkpath: string; size: string; hasAcl: boolean }>;

/** What an extended header says of the entry behind it. */
export function parseExtension(flag: string, content: Uint8Array): Extension {
  const text = latin1(content);
  if (flag === "L") return { path: text.replace(/\0.*$/s, "") };
  if (flag === "K") return { linkpath: text.replace(/\0.*$/s, "") };
  const records: Record<string, string> = {};
  for (let rest = text; rest !== "";) {
    const length = parseInt(rest, 10);
    const record = rest.slice(0, length);
    const [, key, value] = /^\d+ ([^=]+)=(.*)\n$/s.exec(record) ?? [];
    if (key === undefined || value === undefined) throw invalid("the tarball has a broken extended header");
    records[key] = value;
    rest = rest.slice(length);
  }
  const { path, linkpath, size, "GNU.sparse.name": sparse } = records;
  return {
    ...(sparse ?? path) === undefined ? {} : { path: sparse ?? path },
    ...linkpath === undefined ? {} : { linkpath },
    ...size === undefined ? {} : { size },
    ...Object.keys(records).some((key) => key.startsWith("SCHILY.acl.")) && { hasAcl: true },
  };
}

async function skipSparseMap(bytes: ByteSource): Promise<void> {
  while (true) {
    const map = await bytes.take(block);
    if (map.length < block) throw invalid("the tarball is cut off");
    if (map[504] !== 1) return;
  }
}

/** Reads what follows the end mark, so that the program which feeds us ends of its own will. */
async function drain(bytes: ByteSource): Promise<void> {
  while (await bytes.skip(65536));
}

/** Bytes that a content takes in the archive. */
export const padded = (size: number) => Math.ceil(size / block) * block;

function untilZero(field: Uint8Array): Uint8Array {
  const end = field.indexOf(0);
  return end < 0 ? field : field.subarray(0, end);
}

function latin1(bytes: Uint8Array): string {
  if (bytes.length <= 512) return String.fromCharCode(...bytes);
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return text;
}
