// Frames of websockets as a client writes and reads them, RFC 6455. By hand, since Deno's own websockets read on
// whether anybody takes what they read or not, and npm's `ws` takes longer to load than a command to run.

import { DreyError } from "../errors.ts";

export const opcodes = { text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const;

/** What a frame brings; fragments have been put together. */
export interface Frame {
  opcode: number;
  payload: Uint8Array;
}

/** `bytes` of one message a server may send */
const maxPayload = 16 * 1024 * 1024;

/** A frame on its way to a server: the last of its message, and masked. */
export function frameOf(opcode: number, payload: Uint8Array): Uint8Array {
  const { length } = payload;
  const lengthSize = length < 126 ? 0 : length < 65_536 ? 2 : 8;
  const headSize = 2 + lengthSize + 4;
  // what is masked by words must begin at one
  const start = (4 - headSize % 4) % 4;
  const from = start + headSize;
  const buffer = new Uint8Array(from + Math.ceil(length / 4) * 4);
  const view = new DataView(buffer.buffer, start);
  view.setUint8(0, 0x80 | opcode);
  view.setUint8(1, 0x80 | (lengthSize === 0 ? length : lengthSize === 2 ? 126 : 127));
  if (lengthSize === 2) view.setUint16(2, length);
  if (lengthSize === 8) view.setBigUint64(2, BigInt(length));
  const mask = crypto.getRandomValues(buffer.subarray(from - 4, from));
  buffer.set(payload, from);
  const words = new Uint32Array(buffer.buffer, from);
  const [word = 0] = new Uint32Array(mask.slice().buffer);
  for (let at = 0; at < words.length; at++) words[at] = (words[at] ?? 0) ^ word;
  return buffer.subarray(start, from + length);
}

/**
 * Every message and every frame about the connection, in order, until the connection ends. Nothing is read before it is
 * asked for.
 *
 * @param read fills a buffer from its beginning; null at the end
 * @param first what was read already
 * @throws {DreyError} `NETWORK` if what comes is no frame of a server
 */
export async function* readFrames(
  read: (buffer: Uint8Array) => Promise<number | null>,
  first: Uint8Array,
): AsyncGenerator<Frame> {
  const bytes = new ExactReader(read, first);
  let held: { opcode: number; parts: Uint8Array[]; size: number } | undefined;
  for (let head; (head = await bytes.take(2)) !== undefined;) {
    const { opcode, isLast, isControl, size: short } = readHead(head);
    const size = await sizeOf(bytes, short);
    if (size === undefined) return;
    if (size + (held?.size ?? 0) > maxPayload) throw wrong("a message that is too long");
    const payload = await bytes.take(size);
    if (payload === undefined) return;
    if (isControl) {
      yield { opcode, payload };
      continue;
    }
    if ((opcode === 0) !== (held !== undefined)) throw wrong("a fragment in the wrong place");
    held ??= { opcode, parts: [], size: 0 };
    held.size += size;
    held.parts.push(payload);
    if (held.parts.length > maxFragments) throw wrong("a message in too many pieces");
    if (!isLast) continue;
    yield { opcode: held.opcode, payload: joined(held.parts, held.size) };
    held = undefined;
  }
}

/** pieces a message may come in: empty ones would have no end either */
const maxFragments = 65_536;

function readHead(head: Uint8Array): { opcode: number; isLast: boolean; isControl: boolean; size: number } {
  const [one = 0, two = 0] = head;
  const [opcode, isLast, size] = [one & 0x0f, (one & 0x80) !== 0, two & 0x7f];
  const isControl = opcode >= 8;
  if ((one & 0x70) !== 0 || (two & 0x80) !== 0) throw wrong("a frame that was not agreed on");
  if (isControl && (!isLast || size > 125)) throw wrong("a control frame of several parts");
  if (isControl ? opcode > opcodes.pong : opcode > opcodes.binary) throw wrong("a frame of an unknown kind");
  return { opcode, isLast, isControl, size };
}

async function sizeOf(bytes: ExactReader, short: number): Promise<number | undefined> {
  if (short < 126) return short;
  const more = await bytes.take(short === 126 ? 2 : 8);
  if (more === undefined) return undefined;
  const view = new DataView(more.buffer, more.byteOffset);
  // beyond 2^53 the number is no longer exact, and too long all the same
  return short === 126 ? view.getUint16(0) : Number(view.getBigUint64(0));
}

function joined(parts: readonly Uint8Array[], size: number): Uint8Array {
  const [only] = parts;
  if (parts.length === 1 && only !== undefined) return only;
  const whole = new Uint8Array(size);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

const wrong = (what: string) => new DreyError("NETWORK", { message: `The server sent ${what} on a stream` });

/** Bytes of a connection in the portions that are asked for. */
class ExactReader {
  readonly #read: (buffer: Uint8Array) => Promise<number | null>;
  #buffer = new Uint8Array(128 * 1024);
  #start = 0;
  #end = 0;

  constructor(read: (buffer: Uint8Array) => Promise<number | null>, first: Uint8Array) {
    this.#read = read;
    this.#makeRoom(first.length);
    this.#buffer.set(first);
    this.#end = first.length;
  }

  /** So many bytes, the caller's own; undefined if the connection ends before. */
  async take(size: number): Promise<Uint8Array | undefined> {
    if (this.#end - this.#start < size) this.#makeRoom(size);
    while (this.#end - this.#start < size) {
      const count = await this.#read(this.#buffer.subarray(this.#end));
      if (count === null) return undefined;
      this.#end += count;
    }
    this.#start += size;
    return this.#buffer.slice(this.#start - size, this.#start);
  }

  /** Moves what is held to the beginning of a buffer where so many bytes fit in. */
  #makeRoom(size: number): void {
    const held = this.#buffer.subarray(this.#start, this.#end);
    if (size > this.#buffer.length) this.#buffer = new Uint8Array(size);
    this.#buffer.set(held);
    [this.#start, this.#end] = [0, held.length];
  }
}
