// A stream of bytes on a connection that HTTP leaves to another protocol, such as SFTP.

import { findRoute } from "../wire/find_route.ts";
import type { Socket } from "../wire/socket.ts";
import type { Connection } from "../auth/connection.ts";
import { askUpgrade, closeAtAbort, closeOnce, isGone, writeAll } from "../auth/upgrade.ts";
import { throwIfError } from "./answers.ts";
import { addressOf, type RouteCall } from "./transport.ts";

/**
 * Asks for the upgrade; the connection is closed with the stream, or if it is refused.
 *
 * @throws {DreyError} what the server answered if it refused
 * @throws the reason of the call's signal if it is aborted first
 */
export async function openUpgrade(connection: Connection, call: RouteCall, host?: string): Promise<Socket> {
  using closing = new DisposableStack();
  closing.adopt(connection, closeOnce);
  const protocol = (await findRoute(call.name)).kind;
  const { rest } = await askUpgrade(connection, {
    address: addressOf(call),
    protocol,
    host,
    signal: call.signal,
    refused: throwIfError,
  });
  closing.move();
  const socket = socketOver(connection, rest);
  closeAtAbort(socket, call.signal);
  return socket;
}

function socketOver(connection: Connection, first: Uint8Array): Socket {
  const { promise: closed, resolve } = Promise.withResolvers<void>();
  const close = () => {
    closeOnce(connection);
    resolve();
  };
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
