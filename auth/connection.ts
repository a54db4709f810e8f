// A connection of node's in the shape of Deno's: read and written piece by piece.

import type { Socket } from "node:net";
import type { Duplex } from "node:stream";

/** What a stream of bytes needs of a connection. */
export type Connection = Pick<Deno.Conn, "read" | "write" | "close" | "readable">;

/** `milliseconds` without a word after which the kernel asks whether the other end is there still */
const silence = 30_000;

/**
 * Has the kernel notice when the other end of a connection has vanished without a word, as hosts do that lose power or
 * their network: reading from it then fails.
 *
 * @see tcp(7), `tcp_keepalive_probes`
 */
export const noticeVanished = (socket: Socket): void => void socket.setKeepAlive(true, silence);

/** The connection as one of Deno's. Reading is by `read` or by `readable`, which share what arrives. */
export function connectionOf(duplex: Duplex): Connection {
  const chunks = duplex[Symbol.asyncIterator]() as AsyncIterator<Uint8Array>;
  let left = new Uint8Array();
  const read: Connection["read"] = async (buffer) => {
    if (left.length === 0) {
      const { done, value } = await chunks.next();
      if (done) return null;
      left = Uint8Array.from(value);
    }
    const count = Math.min(buffer.length, left.length);
    buffer.set(left.subarray(0, count));
    left = left.subarray(count);
    return count;
  };
  return {
    read,
    write: (bytes) => {
      const { promise, resolve, reject } = Promise.withResolvers<number>();
      duplex.write(bytes.slice(), (error) => error ? reject(error) : resolve(bytes.length));
      return promise;
    },
    close: () => void duplex.destroy(),
    readable: new ReadableStream({
      async pull(controller) {
        const buffer = new Uint8Array(65_536);
        const count = await read(buffer);
        if (count === null) controller.close();
        else controller.enqueue(buffer.slice(0, count));
      },
    }, { highWaterMark: 0 }),
  };
}
