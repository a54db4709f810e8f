// Requests over TLS as somebody who keeps to no rules would write them.

import { connect, type TLSSocket } from "node:tls";
import type { KeyPair } from "../../auth/tls.ts";

export interface RawAnswer {
  status: number;
  head: string;
  body: string;
}

/** Opens a connection whose other side is not verified. */
export function openTls(address: string, identity?: KeyPair): Promise<TLSSocket> {
  const [host = "", port = ""] = address.split(":");
  const { promise, resolve, reject } = Promise.withResolvers<TLSSocket>();
  const socket = connect({
    host,
    port: Number(port),
    rejectUnauthorized: false,
    ...(identity && { cert: identity.certificate, key: identity.key }),
  });
  socket.once("secureConnect", () => resolve(socket));
  socket.on("error", reject);
  return promise;
}

/** Sends a request line with headers and a body, and reads until the server ends the connection. */
export async function askRaw(
  address: string,
  line: string,
  options: { headers?: Record<string, string>; body?: string; identity?: KeyPair } = {},
): Promise<RawAnswer> {
  const { headers = {}, body = "", identity } = options;
  const socket = await openTls(address, identity);
  const all = { host: address, connection: "close", "content-length": String(body.length), ...headers };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
  socket.write(`${line} HTTP/1.1\r\n${lines.join("")}\r\n${body}`);
  const text = await readAll(socket);
  const end = text.indexOf("\r\n\r\n");
  const head = text.slice(0, end);
  return {
    head,
    body: unchunked(head, text.slice(end + 4)),
    status: Number(/^HTTP\/1\.1 (\d+)/.exec(head)?.[1]),
  };
}

/** Everything until the connection ends, however it does. */
export async function readAll(socket: TLSSocket): Promise<string> {
  let text = "";
  const { promise, resolve } = Promise.withResolvers<void>();
  socket.on("data", (bytes: Uint8Array) => text += new TextDecoder().decode(bytes));
  socket.on("close", () => resolve());
  await promise;
  return text;
}

function unchunked(head: string, body: string): string {
  if (!/transfer-encoding: chunked/i.test(head)) return body;
  let [text, rest] = ["", body];
  for (let size = parseInt(rest, 16); size > 0; size = parseInt(rest, 16)) {
    const start = rest.indexOf("\r\n") + 2;
    text += rest.slice(start, start + size);
    rest = rest.slice(start + size + 2);
  }
  return text;
}
