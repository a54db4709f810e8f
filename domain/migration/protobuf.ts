// Messages of protocol buffers, as far as LXD's migration uses them: numbers, texts and messages within messages. Pure.
// https://protobuf.dev/programming-guides/encoding/

/** What a field holds: a whole number, which also stands for a boolean, a text, or the bytes of a message. */
export type FieldValue = number | boolean | string | Uint8Array;

/** A message as the fields it has, by number; one that is repeated comes several times. */
export type MessageFields = readonly (readonly [number: number, value: FieldValue | undefined])[];

const [varint, fixed64, delimited, fixed32] = [0, 1, 2, 5];

/** What a message of the other side may have at most: `bytes`, and fields with those of the messages in it. */
const most = { bytes: 4 << 20, fields: 1 << 18 };

const decoder = new TextDecoder();

/** The bytes of a message; fields that are `undefined` are left out. */
export function writeMessage(fields: MessageFields): Uint8Array {
  const bytes: number[] = [];
  for (const [number, value] of fields) {
    if (value === undefined) continue;
    if (typeof value === "number" || typeof value === "boolean") {
      writeVarint(bytes, BigInt(number << 3 | varint));
      writeVarint(bytes, BigInt.asUintN(64, BigInt(Number(value))));
      continue;
    }
    const content = typeof value === "string" ? new TextEncoder().encode(value) : value;
    writeVarint(bytes, BigInt(number << 3 | delimited));
    writeVarint(bytes, BigInt(content.length));
    for (const byte of content) bytes.push(byte);
  }
  return Uint8Array.from(bytes);
}

function writeVarint(bytes: number[], value: bigint): void {
  for (; value > 0x7fn; value >>= 7n) bytes.push(Number(value & 0x7fn) | 0x80);
  bytes.push(Number(value));
}

/** A message that has been read. A field of another kind than is asked for counts as absent, as in LXD. */
export interface ReadMessage {
  number(field: number): number | undefined;
  boolean(field: number): boolean | undefined;
  text(field: number): string | undefined;
  texts(field: number): string[];
  message(field: number): ReadMessage | undefined;
  messages(field: number): ReadMessage[];
}

/**
 * @param left what of its fields is still to be read at most, with all messages it is part of
 * @throws {RangeError} if the bytes are no message, or one that would take long to read
 */
export function readMessage(bytes: Uint8Array, left = { fields: most.fields }): ReadMessage {
  if (bytes.length > most.bytes) throw new RangeError(`a message of more than ${most.bytes} bytes`);
  const numbers = new Map<number, bigint>();
  const contents = new Map<number, Uint8Array[]>();
  const reader = { bytes, at: 0 };
  while (reader.at < bytes.length) {
    if (left.fields-- === 0) throw new RangeError(`a message of more than ${most.fields} fields`);
    const key = Number(readVarint(reader));
    const [field, kind] = [key >>> 3, key & 7];
    if (kind === varint) numbers.set(field, readVarint(reader));
    else if (kind === delimited) {
      const known = contents.get(field) ?? [];
      known.push(take(reader, Number(readVarint(reader))));
      contents.set(field, known);
    } else if (kind === fixed64 || kind === fixed32) take(reader, kind === fixed64 ? 8 : 4);
    else throw new RangeError(`a field of kind ${kind}`);
  }
  const all = (field: number) => contents.get(field) ?? [];
  const number = (field: number) => {
    const value = numbers.get(field);
    return value === undefined ? undefined : Number(BigInt.asIntN(64, value));
  };
  const texts = (field: number) => all(field).map((content) => decoder.decode(content));
  const messages = (field: number) => all(field).map((content) => readMessage(content, left));
  return {
    number,
    boolean: (field) => numbers.has(field) ? number(field) !== 0 : undefined,
    text: (field) => texts(field).at(-1),
    texts,
    message: (field) => messages(field).at(-1),
    messages,
  };
}

interface Reader {
  readonly bytes: Uint8Array;
  at: number;
}

function take(reader: Reader, size: number): Uint8Array {
  const end = reader.at + size;
  if (end > reader.bytes.length) throw new RangeError("a message that is cut short");
  const taken = reader.bytes.subarray(reader.at, end);
  reader.at = end;
  return taken;
}

function readVarint(reader: Reader): bigint {
  let value = 0n;
  for (let shift = 0n; shift < 70n; shift += 7n) {
    const byte = take(reader, 1)[0] ?? 0;
    value |= BigInt(byte & 0x7f) << shift;
    if (byte < 0x80) return BigInt.asUintN(64, value);
  }
  throw new RangeError("a number that does not end");
}
