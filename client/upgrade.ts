// A connection that HTTP leaves to another protocol: the request written and the answer read by hand, since fetch()
// knows websockets only.

import { DreyError } from "../errors.ts";
import { routes } from "../wire/routes.ts";
import type { Socket } from "../wire/socket.ts";
import { throwIfError } from "./answers.ts";
import type { Connection } from "./connection.ts";
import { addressOf, type RouteCall } from "./transport.ts";

/** `bytes` the head of an answer may have */
const longestHead = 65_536;

/**
 * Asks for the upgrade; the connection is closed with the stream, or if it is refused.
 *
 * @throws {DreyError} what the server answered if it refused
 */
export async function openUpgrade(
  connection: Connection,
  call: RouteCall,
  host = "drey",
): Promise<Socket> {
  using closing = new DisposableStack();
  closing.adopt(connection, closeOnce);
  const protocol = routes[call.name].kind;
  const request = `GET ${
    addressOf(call)
  } HTTP/1.1\r\nHost: ${host}\r\nUpgrade: ${protocol}\r\nConnection: Upgrade\r\n\r\n`;
  await writeAll(connection, new TextEncoder().encode(request));
  const { head, rest } = await readHead(connection);
  const status = Number(/^HTTP\/1\.1 (\d{3})/.exec(head)?.[1]);
  if (status !== 101) {
    const body = new TextDecoder().decode(rest) + await new Response(connection.readable).text();
    await throwIfError(new Response(body, { status: status >= 400 ? status : 502 }));
  }
  closing.move();
  return socketOver(connection, rest, call.signal);
}

async function readHead(connection: Connection): Promise<{ head: string; rest: Uint8Array }> {
  let held = new Uint8Array();
  const buffer = new Uint8Array(16_384);
  while (held.length < longestHead) {
    const count = await connection.read(buffer);
    if (count === null) break;
    held = Uint8Array.of(...held, ...buffer.subarray(0, count));
    const text = new TextDecoder("latin1").decode(held);
    const end = text.indexOf("\r\n\r\n");
    if (end >= 0) return { head: text.slice(0, end), rest: held.slice(end + 4) };
  }
  throw new DreyError("NETWORK", { message: "The server closed the connection before it answered" });
}

function socketOver(connection: Connection, first: Uint8Array, signal?: AbortSignal): Socket {
  const { promise: closed, resolve } = Promise.withResolvers<void>();
  const close = () => {
    closeOnce(connection);
    resolve();
  };
  signal?.addEventListener("abort", close, { once: true });
  async function* messages(): AsyncGenerator<Uint8Array> {
    if (first.length > 0) yield first;
    const buffer = new Uint8Array(65_536);
    try {
      for (let count; (count = await connection.read(buffer)) !== null;) yield buffer.slice(0, count);
    } catch (error) {
      if (!isGone(error)) throw error;
    } finally {
      close();
    }
  }
  return {
    messages: messages(),
    closed,
    close,
    async send(message) {
      await writeAll(connection, typeof message === "string" ? new TextEncoder().encode(message) : message);
    },
  };
}

async function writeAll(connection: Connection, bytes: Uint8Array): Promise<void> {
  for (let sent = 0; sent < bytes.length;) sent += await connection.write(bytes.subarray(sent));
}

function closeOnce(connection: Connection): void {
  try {
    connection.close();
  } catch (error) {
    if (!isGone(error)) throw error;
  }
}

const gone = [
  Deno.errors.BadResource,
  Deno.errors.Interrupted,
  Deno.errors.ConnectionReset,
  Deno.errors.BrokenPipe,
];
const isGone = (error: unknown) => gone.some((kind) => error instanceof kind);
