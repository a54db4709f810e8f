// What QEMU writes of a machine's memory, told apart so far that empty pages can be left out: whoever reads it looks
// into each of them, and the kernel has to give the machine all of its memory for that. A machine that has just been
// made has nothing but empty pages anyway. Pure. migration/ram.c and migration/savevm.c of QEMU

const marks = { file: 0x5145564d, configuration: 7, start: 1, part: 2, end: 3, footer: 0x7e } as const;
const flags = { zero: 0x02, size: 0x04, page: 0x08, end: 0x10, again: 0x20 } as const;
const pageSize = 4096;

/** Something that is not as it was expected; such a stream is left as it is. */
class Unknown extends Error {}

/** A place in the stream, and what is read from there. */
interface Reader {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  at: number;
}

function number(reader: Reader, size: 1 | 4 | 8): number {
  const { view, at } = reader;
  reader.at += size;
  if (size === 1) return view.getUint8(at);
  return size === 4 ? view.getUint32(at) : Number(view.getBigUint64(at));
}

function word(reader: Reader): string {
  const length = number(reader, 1);
  reader.at += length;
  return new TextDecoder().decode(reader.bytes.subarray(reader.at - length, reader.at));
}

/** The stream in pieces, without the empty pages of the largest part of memory, as far as it is understood. */
export function withoutEmptyPages(bytes: Uint8Array): Uint8Array[] {
  try {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    return pieces({ bytes, view, at: 0 });
  } catch (error) {
    // of another QEMU, or cut off, which a view beyond the end tells by a range
    if (error instanceof Unknown || error instanceof RangeError) return [bytes];
    throw error;
  }
}

function pieces(reader: Reader): Uint8Array[] {
  if (number(reader, 4) !== marks.file) throw new Unknown("no memory of QEMU's");
  reader.at += 4;
  if (number(reader, 1) !== marks.configuration) throw new Unknown("no configuration");
  const name = number(reader, 4);
  reader.at += name;
  const section = beginning(reader);
  const largest = largestBlock(reader);
  const sieve: Sieve = { kept: [], from: 0, block: "", named: "", largest, filled: new Set() };
  for (let kind: number = marks.part; kind !== marks.end;) {
    if (number(reader, 1) !== marks.footer || number(reader, 4) !== section) throw new Unknown("no footer");
    kind = number(reader, 1);
    if (kind !== marks.part && kind !== marks.end || number(reader, 4) !== section) {
      throw new Unknown("no memory");
    }
    while (!record(reader, sieve));
  }
  sieve.kept.push(reader.bytes.subarray(sieve.from));
  return sieve.kept;
}

/** The head of the section that holds memory. */
function beginning(reader: Reader): number {
  if (number(reader, 1) !== marks.start) throw new Unknown("no section");
  const section = number(reader, 4);
  if (word(reader) !== "ram") throw new Unknown("no memory");
  reader.at += 8;
  return section;
}

/** Name of the largest part of memory, from the list of them. */
function largestBlock(reader: Reader): string {
  const total = number(reader, 8) - flags.size;
  let largest = { name: "", size: 0 };
  for (let seen = 0; seen < total;) {
    const block = { name: word(reader), size: number(reader, 8) };
    seen += block.size;
    if (block.size > largest.size) largest = block;
  }
  if (number(reader, 8) !== flags.end) throw new Unknown("more about memory");
  return largest.name;
}

interface Sieve {
  kept: Uint8Array[];
  /** where begins what is to be kept */
  from: number;
  /** what the record belongs to, and what whoever reads what is kept believes */
  block: string;
  named: string;
  largest: string;
  /** pages that had something in them before */
  filled: Set<number>;
}

/** Takes a record; true at the end of them. */
function record(reader: Reader, sieve: Sieve): boolean {
  const begin = reader.at;
  const head = number(reader, 8);
  const kind = head % pageSize;
  if (kind === flags.end) return true;
  const what = kind & ~flags.again;
  if (what !== flags.zero && what !== flags.page) throw new Unknown("a page of another kind");
  const address = head - kind;
  if ((kind & flags.again) === 0) sieve.block = word(reader);
  const content = reader.at;
  reader.at += what === flags.page ? pageSize : 1;
  const isOfLargest = sieve.block === sieve.largest;
  if (isOfLargest && what === flags.page) sieve.filled.add(address);
  const isLeftOut = isOfLargest && what === flags.zero && reader.bytes[content] === 0 &&
    !sieve.filled.has(address);
  if (isLeftOut) {
    if (begin > sieve.from) sieve.kept.push(reader.bytes.subarray(sieve.from, begin));
    sieve.from = reader.at;
  } else if (sieve.named !== sieve.block) {
    // the record that said whose it is may have been left out
    sieve.kept.push(reader.bytes.subarray(sieve.from, begin), named(address + what, sieve.block));
    sieve.from = content;
    sieve.named = sieve.block;
  }
  return false;
}

/** The head of a record that says whose it is. */
function named(head: number, block: string): Uint8Array {
  const name = new TextEncoder().encode(block);
  const bytes = new Uint8Array(9 + name.length);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(head));
  bytes[8] = name.length;
  bytes.set(name, 9);
  return bytes;
}
