// HTTP over a unix socket byte by byte, for requests that no honest client would send.

import { concat } from "@std/bytes";

export interface RawAnswer {
  /** 0 if the server hung up without an answer */
  status: number;
  headers: string;
  body: string;
}

/** Sends bytes and reads until the server closes the connection. */
export async function sendBytes(socket: string, bytes: Uint8Array): Promise<RawAnswer> {
  using connection = await Deno.connect({ transport: "unix", path: socket });
  const sent = writeAll(connection, bytes);
  const text = await readAll(connection);
  await sent;
  return parseAnswer(text);
}

/** A request that asks for the connection to be closed after its answer. */
export function requestBytes(
  { method, target, headers, body }: {
    method: string;
    target: string;
    headers: Record<string, string>;
    body?: Uint8Array;
  },
): Uint8Array {
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`).join("");
  const length = body === undefined ? "" : `content-length: ${body.length}\r\n`;
  const head = new TextEncoder().encode(
    `${method} ${target} HTTP/1.1\r\nhost: drey\r\nconnection: close\r\n${lines}${length}\r\n`,
  );
  return concat([head, body ?? new Uint8Array()]);
}

/** The server may answer and hang up before it has read all of it. */
async function writeAll(connection: Deno.Conn, bytes: Uint8Array): Promise<void> {
  try {
    for (let at = 0; at < bytes.length;) at += await connection.write(bytes.subarray(at));
  } catch (error) {
    if (!isHungUp(error)) throw error;
  }
}

async function readAll(connection: Deno.Conn): Promise<string> {
  const decoder = new TextDecoder();
  const buffer = new Uint8Array(64 * 1024);
  let text = "";
  try {
    for (;;) {
      const length = await connection.read(buffer);
      if (length === null) return text + decoder.decode();
      text += decoder.decode(buffer.subarray(0, length), { stream: true });
    }
  } catch (error) {
    if (!isHungUp(error)) throw error;
    return text;
  }
}

const isHungUp = (error: unknown) =>
  error instanceof Deno.errors.BrokenPipe || error instanceof Deno.errors.ConnectionReset ||
  error instanceof Deno.errors.BadResource || error instanceof Deno.errors.Interrupted;

function parseAnswer(text: string): RawAnswer {
  const end = text.indexOf("\r\n\r\n");
  const headers = end === -1 ? text : text.slice(0, end);
  const rest = end === -1 ? "" : text.slice(end + 4);
  const status = Number(/^HTTP\/1\.1 (\d{3})/.exec(headers)?.[1] ?? 0);
  const isChunked = /^transfer-encoding: *chunked/im.test(headers);
  return { status, headers, body: isChunked ? unchunk(rest) : rest };
}

/** Good enough for text of one byte per character and for telling JSON from what is none. */
function unchunk(text: string): string {
  let body = "";
  for (let rest = text;;) {
    const match = /^([0-9a-f]+)\r\n/i.exec(rest);
    const size = parseInt(match?.[1] ?? "0", 16);
    if (match === null || size === 0) return body;
    const bytes = new TextEncoder().encode(rest.slice(match[0].length));
    body += new TextDecoder().decode(bytes.subarray(0, size));
    rest = new TextDecoder().decode(bytes.subarray(size + 2));
  }
}
