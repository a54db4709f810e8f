// A client of SFTP that says exactly what it is told to, over the socket of a `drey serve`.

import { createConnection, type Socket } from "node:net";

/** An answer: its type, and what follows the id of the request. */
export interface SftpAnswer {
  type: number;
  body: Uint8Array;
}

export interface SftpClient extends Disposable {
  /** sends a request and waits for its answer; a string is a string of the protocol, a number its 32 bits */
  ask(type: number, ...words: (string | number | bigint | Uint8Array)[]): Promise<SftpAnswer>;
  /** resolves when the server has closed the connection */
  readonly ended: Promise<void>;
}

const encoder = new TextEncoder();

/** A request or a word of it in the protocol's form. */
export function pack(...words: (string | number | bigint | Uint8Array)[]): Uint8Array {
  const parts = words.flatMap((word) => {
    if (typeof word === "number") return [number(word)];
    if (typeof word === "bigint") return [number(Number(word >> 32n)), number(Number(word & 0xffffffffn))];
    const bytes = typeof word === "string" ? encoder.encode(word) : word;
    return [number(bytes.length), bytes];
  });
  return Uint8Array.from(parts.flatMap((part) => [...part]));
}

function number(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value);
  return bytes;
}

/** Connects to the files of an instance by an upgrade, and agrees on version 3. */
export async function connectSftp(socket: string, name: string): Promise<SftpClient> {
  const connection = createConnection(socket);
  const reader = readerOf(connection);
  const { promise: ended, resolve } = Promise.withResolvers<void>();
  connection.on("close", () => resolve());
  connection.write(
    `GET /1.0/instances/${name}/sftp HTTP/1.1\r\nHost: x\r\nUpgrade: sftp\r\nConnection: Upgrade\r\n\r\n`,
  );
  const head = await reader.until("\r\n\r\n");
  if (!head.startsWith("HTTP/1.1 101 ") || !/^upgrade: sftp$/im.test(head)) {
    connection.destroy();
    throw new Error(`no upgrade: ${head}`);
  }
  let id = 0;
  const receive = async () => {
    const size = new DataView((await reader.take(4)).buffer).getUint32(0);
    const packet = await reader.take(size);
    return { type: packet[0] ?? 0, body: packet.slice(5) };
  };
  connection.write(pack(Uint8Array.of(1, 0, 0, 0, 3)));
  const version = await receive();
  if (version.type !== 2) throw new Error(`no version: ${version.type}`);
  return {
    ended,
    async ask(type, ...words) {
      connection.write(pack(Uint8Array.of(type, ...number(++id), ...pack(...words))));
      return await receive();
    },
    [Symbol.dispose]: () => connection.destroy(),
  };
}

function readerOf(connection: Socket) {
  let held = new Uint8Array();
  let isOver = false;
  let wake = () => {};
  connection.on("data", (bytes) => {
    held = Uint8Array.of(...held, ...bytes as Uint8Array);
    wake();
  });
  connection.on("error", () => {}); // "close" follows
  connection.on("close", () => {
    isOver = true;
    wake();
  });
  const more = () => {
    if (isOver) throw new Error("the connection was closed");
    return new Promise<void>((resolve) => wake = resolve);
  };
  return {
    async take(size: number): Promise<Uint8Array<ArrayBuffer>> {
      while (held.length < size) await more();
      const taken = held.slice(0, size);
      held = held.slice(size);
      return taken;
    },
    async until(mark: string): Promise<string> {
      for (;;) {
        const text = new TextDecoder("latin1").decode(held);
        const end = text.indexOf(mark);
        if (end >= 0) {
          held = held.slice(end + mark.length);
          return text.slice(0, end);
        }
        await more();
      }
    },
  };
}
