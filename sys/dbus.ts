// D-Bus, as little of it as it takes to ask systemd something: one connection, method calls, signals.
// https://dbus.freedesktop.org/doc/dbus-specification.html

import { DreyError } from "../errors.ts";

/** A value with its D-Bus type, as far as drey needs them. */
export type Value =
  | { type: "s" | "o" | "g"; value: string }
  | { type: "u"; value: number }
  | { type: "b"; value: boolean }
  | { type: "v"; value: Value }
  | { type: "struct"; value: Value[] }
  | { type: "array"; of: string; value: Value[] };

export interface Message {
  kind: "call" | "return" | "error" | "signal";
  /** serial of the call this answers */
  replyTo: number;
  member: string;
  errorName: string;
  /** the strings and object paths the body begins with */
  strings: string[];
}

export interface Call {
  destination: string;
  path: string;
  interface: string;
  member: string;
  signature: string;
  body: Value[];
}

/** Writes values at the alignments the wire wants: each number at a multiple of its size, little-endian. */
class Writer {
  private bytes: number[] = [];

  align(to: number): void {
    while (this.bytes.length % to !== 0) this.bytes.push(0);
  }

  number(value: number): void {
    this.align(4);
    for (let shift = 0; shift < 32; shift += 8) this.bytes.push((value >>> shift) & 0xff);
  }

  byte(value: number): void {
    this.bytes.push(value);
  }

  text(text: string, short = false): void {
    const encoded = new TextEncoder().encode(text);
    if (short) this.byte(encoded.length);
    else this.number(encoded.length);
    this.bytes.push(...encoded, 0);
  }

  value(value: Value): void {
    switch (value.type) {
      case "s":
      case "o":
        return this.text(value.value);
      case "g":
        return this.text(value.value, true);
      case "u":
        return this.number(value.value);
      case "b":
        return this.number(value.value ? 1 : 0);
      case "v":
        this.text(signatureOf(value.value), true);
        return this.value(value.value);
      case "struct":
        this.align(8);
        return value.value.forEach((item) => this.value(item));
      case "array":
        return this.array(value.of.startsWith("(") || value.of.startsWith("{") ? 8 : 4, value.value);
    }
  }

  private array(alignment: number, items: Value[]): void {
    this.number(0);
    const lengthAt = this.bytes.length - 4;
    this.align(alignment);
    const start = this.bytes.length;
    for (const item of items) this.value(item);
    const length = this.bytes.length - start;
    for (let index = 0; index < 4; index++) this.bytes[lengthAt + index] = (length >>> (8 * index)) & 0xff;
  }

  finish(): Uint8Array<ArrayBuffer> {
    return Uint8Array.from(this.bytes);
  }
}

function signatureOf(value: Value): string {
  if (value.type === "array") return `a${value.of}`;
  if (value.type === "struct") return `(${value.value.map(signatureOf).join("")})`;
  return value.type;
}

/** A method call as it goes over the wire. */
function encodeCall(call: Call, serial: number): Uint8Array<ArrayBuffer> {
  const body = new Writer();
  for (const value of call.body) body.value(value);
  const bodyBytes = body.finish();
  const field = (code: number, value: Value) => ({ code, value });
  const fields = [
    field(1, { type: "o", value: call.path }),
    field(2, { type: "s", value: call.interface }),
    field(3, { type: "s", value: call.member }),
    field(6, { type: "s", value: call.destination }),
    ...(call.signature === "" ? [] : [field(8, { type: "g", value: call.signature })]),
  ];
  const header = new Writer();
  for (const byte of ["l".charCodeAt(0), 1, 0, 1]) header.byte(byte);
  header.number(bodyBytes.length);
  header.number(serial);
  const list = new Writer();
  for (const { code, value } of fields) {
    list.align(8);
    list.byte(code);
    list.value({ type: "v", value });
  }
  const listBytes = list.finish();
  header.number(listBytes.length);
  for (const byte of listBytes) header.byte(byte);
  header.align(8);
  return new Uint8Array([...header.finish(), ...bodyBytes]);
}

const kinds = { 1: "call", 2: "return", 3: "error", 4: "signal" } as const;

/**
 * The first message in a buffer and how many bytes it took, or undefined while it is not whole.
 *
 * @throws {DreyError} `STATE_BROKEN` for a message in the other byte order, which no local peer sends
 */
function decodeMessage(bytes: Uint8Array): { message: Message; length: number } | undefined {
  if (bytes.length < 16) return undefined;
  if (bytes[0] !== "l".charCodeAt(0)) {
    throw new DreyError("STATE_BROKEN", { message: "Cannot read the answer of systemd: unknown byte order" });
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const align = (at: number, to: number) => Math.ceil(at / to) * to;
  const fieldsEnd = 16 + view.getUint32(12, true);
  const bodyStart = align(fieldsEnd, 8);
  const length = bodyStart + view.getUint32(4, true);
  if (bytes.length < length) return undefined;
  const text = (at: number, size: number) => new TextDecoder().decode(bytes.subarray(at, at + size));
  const fields = new Map<number, string | number>();
  for (let at = 16; at < fieldsEnd;) {
    at = align(at, 8);
    const code = bytes[at] ?? 0;
    const type = text(at + 2, 1);
    at += 4; // code, length of the signature, signature, its zero
    if (type === "u") {
      at = align(at, 4);
      fields.set(code, view.getUint32(at, true));
      at += 4;
    } else if (type === "g") {
      const size = bytes[at] ?? 0;
      fields.set(code, text(at + 1, size));
      at += size + 2;
    } else {
      at = align(at, 4);
      const size = view.getUint32(at, true);
      fields.set(code, text(at + 4, size));
      at += 4 + size + 1;
    }
  }
  const strings: string[] = [];
  let at = bodyStart;
  for (const type of String(fields.get(8) ?? "")) {
    at = align(at, 4);
    if (type === "u") {
      at += 4;
    } else if (type === "s" || type === "o") {
      const size = view.getUint32(at, true);
      strings.push(text(at + 4, size));
      at += 4 + size + 1;
    } else break;
  }
  const kind = kinds[(bytes[1] ?? 0) as keyof typeof kinds];
  const message: Message = {
    kind,
    replyTo: Number(fields.get(5) ?? 0),
    member: String(fields.get(3) ?? ""),
    errorName: String(fields.get(4) ?? ""),
    strings,
  };
  return { message, length };
}

/** A connection to one peer, without a bus between. */
export interface Connection extends Disposable {
  call(call: Call): Promise<Message>;
  /** the next signal of this name for which `wanted` holds, from the connection's start on */
  signal(member: string, wanted: (message: Message) => boolean): Promise<Message>;
}

/**
 * Connects to a socket and proves who we are, by the credentials the kernel gives with it.
 *
 * @throws {Deno.errors.NotFound} if there is no such socket
 */
export async function connectPeer(socket: string, uid: number): Promise<Connection> {
  const connection = await Deno.connect({ transport: "unix", path: socket });
  const hex = new TextEncoder().encode(String(uid)).toHex();
  await writeAll(connection, new TextEncoder().encode(`\0AUTH EXTERNAL ${hex}\r\nBEGIN\r\n`));
  const messages = readMessages(connection);
  const signals: Message[] = [];
  let serial = 0;
  const next = async (): Promise<Message> => {
    const { done, value } = await messages.next();
    if (done) throw new DreyError("STATE_BROKEN", { message: "systemd closed the connection" });
    if (value.kind === "signal") signals.push(value);
    return value;
  };
  return {
    async call(call) {
      const mine = ++serial;
      await writeAll(connection, encodeCall(call, mine));
      for (;;) {
        const message = await next();
        if (message.replyTo === mine && (message.kind === "return" || message.kind === "error")) {
          return message;
        }
      }
    },
    async signal(member, wanted) {
      for (let seen = 0;; seen++) {
        while (seen >= signals.length) await next();
        const message = signals[seen];
        if (message !== undefined && message.member === member && wanted(message)) return message;
      }
    },
    [Symbol.dispose]: () => connection.close(),
  };
}

async function writeAll(connection: Deno.Conn, bytes: Uint8Array): Promise<void> {
  for (let written = 0; written < bytes.length;) written += await connection.write(bytes.subarray(written));
}

async function* readMessages(connection: Deno.Conn): AsyncGenerator<Message> {
  let buffer = new Uint8Array();
  let authenticated = false;
  const chunk = new Uint8Array(16_384);
  for (;;) {
    for (;;) {
      if (!authenticated) {
        const end = buffer.indexOf("\n".charCodeAt(0));
        if (end < 0) break;
        buffer = buffer.slice(end + 1);
        authenticated = true;
      }
      const decoded = decodeMessage(buffer);
      if (decoded === undefined) break;
      buffer = buffer.slice(decoded.length);
      yield decoded.message;
    }
    const size = await connection.read(chunk);
    if (size === null) return;
    buffer = new Uint8Array([...buffer, ...chunk.subarray(0, size)]);
  }
}
