import { assert, assertEquals, assertRejects } from "@std/testing";
import { DreyError } from "../errors.ts";
import type { Connection } from "./connection.ts";
import { openWebSocket } from "./websocket.ts";

/** A connection to a server that accepts the websocket and then says whatever `sends` makes. */
function connectionTo(sends: (asked: number) => Uint8Array | undefined) {
  const written: Uint8Array[] = [];
  const state = { reads: 0, isClosed: false };
  const silence = Promise.withResolvers<null>();
  const answer = async () => {
    const request = new TextDecoder().decode(written[0]);
    const key = /Sec-WebSocket-Key: (\S+)/.exec(request)?.[1] ?? "";
    const bytes = new TextEncoder().encode(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`);
    const accept = new Uint8Array(await crypto.subtle.digest("SHA-1", bytes)).toBase64();
    return new TextEncoder().encode(`HTTP/1.1 101 Yes\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`);
  };
  const connection: Connection = {
    async read(buffer) {
      const bytes = state.reads === 0 ? await answer() : sends(state.reads);
      state.reads++;
      if (bytes === undefined) return await silence.promise;
      buffer.set(bytes);
      return bytes.length;
    },
    write(bytes) {
      written.push(bytes.slice());
      return Promise.resolve(bytes.length);
    },
    close() {
      state.isClosed = true;
      silence.resolve(null);
    },
    readable: new ReadableStream(),
  };
  return { connection, written, state };
}

/** A binary frame of 60000 bytes. */
const large = new Uint8Array(60_004);
large.set([0x82, 126, 60_000 >> 8, 60_000 & 0xff]);

/** Lets everything go on that waits for nothing outside. */
const settled = () => new Promise((resolve) => setTimeout(resolve));

Deno.test("a websocket that nobody reads takes no more from its server than fits", async () => {
  const { connection, state } = connectionTo((reads) => {
    if (reads > 1000) throw new Error("still reading");
    return large;
  });
  const socket = await openWebSocket(connection, { address: "/1.0/events" });
  await settled();
  const before = state.reads;
  assert(before < 40, `${before} reads`);
  await settled();
  assertEquals(state.reads, before);
  let got = 0;
  for await (const message of socket.messages) {
    got += message.length;
    if (got > 6_000_000) break;
  }
  assert(state.reads > before);
  socket.close();
  connection.close();
  await socket.closed;
});

Deno.test("a websocket answers a ping that comes while nobody reads it", async () => {
  const { connection, written } = connectionTo((reads) =>
    reads === 1 ? Uint8Array.of(0x89, 1, 7) : undefined
  );
  const socket = await openWebSocket(connection, { address: "/1.0/events" });
  while (written.length < 2) await settled();
  assertEquals(written[1]?.subarray(0, 2), Uint8Array.of(0x8a, 0x81));
  connection.close();
  await socket.closed;
  await assertRejects(() => socket.send("late"), DreyError, "the other side closed the stream");
});

Deno.test("a websocket tells its reader of what is no frame, and closes the connection", async () => {
  const { connection, state } = connectionTo(() => Uint8Array.of(0xff, 0xff));
  const socket = await openWebSocket(connection, { address: "/1.0/events" });
  await assertRejects(
    async () => {
      for await (const _ of socket.messages);
    },
    DreyError,
    "The server sent",
  );
  await socket.closed;
  assert(state.isClosed);
});

Deno.test("a server that answers with another key opens no websocket", async () => {
  const { connection, state } = connectionTo(() => undefined);
  const read = connection.read;
  connection.read = async (buffer) => {
    await read(buffer);
    const bytes = new TextEncoder().encode("HTTP/1.1 101 Yes\r\nSec-WebSocket-Accept: nonsense\r\n\r\n");
    buffer.set(bytes);
    return bytes.length;
  };
  await assertRejects(() => openWebSocket(connection, { address: "/1.0/events" }), DreyError, "no proper");
  assert(state.isClosed);
});

Deno.test("a websocket is asked for no longer than its signal allows, and ends with it", async () => {
  const { connection, state } = connectionTo(() => undefined);
  const stop = new AbortController();
  const socket = await openWebSocket(connection, { address: "/1.0/events", signal: stop.signal });
  stop.abort();
  for await (const message of socket.messages) throw new Error(`${message}`);
  connection.close();
  await socket.closed;

  const { connection: mute, state: muted } = connectionTo(() => undefined);
  const closed = Promise.withResolvers<null>();
  const late = new AbortController();
  const asked = openWebSocket({
    ...mute,
    read: () => closed.promise,
    close() {
      mute.close();
      closed.resolve(null);
    },
  }, { address: "/1.0/events", signal: late.signal });
  await settled();
  late.abort(new Error("no longer wanted"));
  await assertRejects(() => asked, Error, "no longer wanted");
  assertEquals([state.isClosed, muted.isClosed], [true, true]);
});
