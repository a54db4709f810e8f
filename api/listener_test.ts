import { eventually } from "../tests/support/eventually.ts";
import type { Server } from "node:http";
import { assert, assertEquals, assertMatch, assertRejects } from "@std/testing";
import { DreyError } from "../errors.ts";
import type { Socket } from "../wire/socket.ts";
import type { App } from "./app.ts";
import { failure, responseOf } from "./envelope.ts";
import { createListener } from "./listener.ts";

const caller = { uid: 1, protocol: "unix", username: "tester" } as const;

interface Door extends AsyncDisposable {
  path: string;
  client: Deno.HttpClient;
  server: Server;
  /** what was reported */
  faults: unknown[];
}

/** An app behind a real socket; what it throws is answered as the API would. */
async function openDoor(fetch: App["fetch"], patience?: number): Promise<Door> {
  const directory = await Deno.makeTempDir({ prefix: "drey-door-" });
  const path = `${directory}/s`;
  const faults: unknown[] = [];
  const server = createListener({
    fetch: (...args) => fetch(...args).catch((error) => responseOf(failure(error))),
    report: (fault) => Promise.resolve(void faults.push(fault)),
  }, { identify: () => caller, ...(patience !== undefined && { patience }) });
  await new Promise<void>((resolve) => server.listen(path, resolve));
  const client = Deno.createHttpClient({ proxy: { transport: "unix", path } });
  return {
    path,
    client,
    server,
    faults,
    async [Symbol.asyncDispose]() {
      client.close();
      server.close();
      server.closeAllConnections();
      await Deno.remove(directory, { recursive: true });
    },
  };
}

function openWebSocket(door: Door): Promise<WebSocket> {
  const socket = new WebSocket("ws://drey/1.0/x", { client: door.client });
  socket.binaryType = "arraybuffer";
  const { promise, resolve, reject } = Promise.withResolvers<WebSocket>();
  socket.onopen = () => resolve(socket);
  socket.onerror = (event) => reject(new Error((event as ErrorEvent).message));
  return promise;
}

/** An app that gives each stream to `serve`. */
const streams = (serve: (socket: Socket) => Promise<void>): App["fetch"] => async (_, env) => {
  serve(await env.accept("websocket")).catch(() => {});
  return new Response(null, { status: 204 });
};

Deno.test("what goes wrong in the middle of a body breaks the answer off and is reported", async () => {
  const fault = new Error("the disk has gone");
  await using door = await openDoor(() => {
    async function* broken() {
      yield await Promise.resolve(new TextEncoder().encode("the first half"));
      throw fault;
    }
    return Promise.resolve(new Response(ReadableStream.from(broken())));
  });
  await assertRejects(async () => await (await fetch("http://drey/1.0", { client: door.client })).text());
  assertEquals(door.faults, [fault]);
});

Deno.test("what Incus' clients say in headers of their own is heard as LXD's", async () => {
  await using door = await openDoor((request) =>
    Promise.resolve(new Response(request.headers.get("x-lxd-name")))
  );
  const answer = await fetch("http://drey/1.0", { client: door.client, headers: { "X-Incus-name": "v9" } });
  assertEquals(await answer.text(), "v9");
});

Deno.test("a request arrives as it was sent, and its answer likewise", async () => {
  await using door = await openDoor(async (request) => {
    const { pathname, search } = new URL(request.url);
    const seen = [request.method, pathname, search, request.headers.get("x-a"), await request.text()];
    return new Response(JSON.stringify(seen), { status: 202, headers: { location: "/there" } });
  });
  const response = await fetch("http://drey/1.0/a%2Fb?c=d%20e", {
    client: door.client,
    method: "PUT",
    body: "x".repeat(300_000),
    headers: { "x-a": "1" },
  });
  assertEquals([response.status, response.headers.get("location")], [202, "/there"]);
  const [method, path, search, header, body] = await response.json();
  assertEquals([method, path, search, header, body.length], ["PUT", "/1.0/a%2Fb", "?c=d%20e", "1", 300_000]);
});

Deno.test("a body that is left unread does not keep the answer, or the next one, from its client", async () => {
  const apps: App["fetch"][] = [
    () => Promise.resolve(new Response("no", { status: 413 })),
    async (request) => {
      // one piece, then no more
      for await (const _ of request.body ?? []) break;
      return new Response("no", { status: 413 });
    },
  ];
  for (const app of apps) {
    await using door = await openDoor(app);
    for (let n = 0; n < 3; n++) {
      const body = "GET / HTTP/1.1\r\n\r\n".repeat(200_000);
      const response = await fetch("http://drey/1.0", { client: door.client, method: "POST", body });
      assertEquals([response.status, await response.text()], [413, "no"]);
    }
  }
});

Deno.test("a client that goes away aborts its request", async () => {
  const [begun, gone] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  await using door = await openDoor(async (request) => {
    request.signal.addEventListener("abort", () => gone.resolve());
    begun.resolve();
    await gone.promise;
    return new Response();
  });
  const stop = new AbortController();
  const asked = fetch("http://drey/1.0", { client: door.client, signal: stop.signal });
  await Promise.race([begun.promise, asked]);
  stop.abort();
  await assertRejects(() => asked);
  await gone.promise;
});

Deno.test("messages cross a websocket both ways as they are, empty ones too", async () => {
  await using door = await openDoor(streams(async (socket) => {
    for await (const message of socket.messages) await socket.send(message);
  }));
  const socket = await openWebSocket(door);
  const sent: (string | Uint8Array<ArrayBuffer>)[] = [
    "a",
    "",
    new Uint8Array(),
    new Uint8Array(2 ** 20).fill(7),
  ];
  const back = Promise.withResolvers<unknown[]>();
  const arrived: unknown[] = [];
  socket.onmessage = ({ data }) => {
    if (arrived.push(typeof data === "string" ? data : new Uint8Array(data)) === sent.length) {
      back.resolve(arrived);
    }
  };
  for (const message of sent) socket.send(message);
  assertEquals(await back.promise, sent);
  const closed = new Promise((resolve) => socket.onclose = resolve);
  socket.close();
  await closed;
});

Deno.test("a writer waits for a slow reader on the other side of a websocket", async () => {
  let sent = 0;
  await using door = await openDoor(streams(async (socket) => {
    for (; sent < 4000; sent++) await socket.send(new Uint8Array(64 * 1024));
  }));
  const connection = await Deno.connect({ transport: "unix", path: door.path });
  const key = "dGhlIHNhbXBsZSBub25jZQ==";
  const request = `GET /1.0/x HTTP/1.1\r\nHost: drey\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
    `Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${key}\r\n\r\n`;
  await connection.write(new TextEncoder().encode(request));
  await eventually("the sender has to wait", async () => {
    const before = sent;
    await new Promise((resolve) => setTimeout(resolve, 300));
    return sent > 0 && sent === before;
  });
  assert(sent < 500, `${sent} messages were sent to nobody`);
  connection.close();
});

Deno.test("a stream that is refused answers with an error, on the upgrade too", async () => {
  const refuse = () => Promise.reject(new DreyError("FORBIDDEN", { message: "no" }));
  await using door = await openDoor(refuse);
  await assertRejects(() => openWebSocket(door));
  const connection = await Deno.connect({ transport: "unix", path: door.path });
  const request = "GET /1.0/x HTTP/1.1\r\nHost: drey\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";
  await connection.write(new TextEncoder().encode(request));
  const text = await new Response(connection.readable).text();
  assert(text.startsWith("HTTP/1.1 403 "), text);
  assert(text.includes('"error_code":403'), text);
});

Deno.test("an answer to who asked for an upgrade in vain is sent as it is read", async () => {
  let made = 0;
  const { promise: isCancelled, resolve: cancel } = Promise.withResolvers<void>();
  const endless = () => {
    made++;
    return new Uint8Array(1 << 16);
  };
  await using door = await openDoor(() =>
    Promise.resolve(
      new Response(
        new ReadableStream({ pull: (control) => control.enqueue(endless()), cancel }, { highWaterMark: 0 }),
      ),
    )
  );
  const connection = await Deno.connect({ transport: "unix", path: door.path });
  await connection.write(
    new TextEncoder().encode(
      "GET /1.0/x HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
    ),
  );
  const buffer = new Uint8Array(1 << 16);
  await connection.read(buffer);
  assertMatch(new TextDecoder().decode(buffer), /^HTTP\/1.1 200 -\r\nconnection: close\r\n/);
  assert(made < 100, `${made} pieces wait for who has read one`);
  connection.close();
  await isCancelled;
});

Deno.test("a stream's address without an upgrade is a bad request", async () => {
  await using door = await openDoor(streams(() => Promise.resolve()));
  const response = await fetch("http://drey/1.0/x", { client: door.client });
  assertEquals([response.status, (await response.json()).error_code], [400, 400]);
});

/** What a client is told that sends this and then nothing more, until the server ends the connection. */
async function saidTo(door: Pick<Door, "path">, text: string): Promise<string> {
  using connection = await Deno.connect({ transport: "unix", path: door.path });
  const decoder = new TextDecoder();
  const buffer = new Uint8Array(65_536);
  let said = "";
  try {
    await connection.write(new TextEncoder().encode(text));
    for (let count; (count = await connection.read(buffer)) !== null;) {
      said += decoder.decode(buffer.subarray(0, count));
    }
  } catch (error) {
    // the server need not read what it refuses
    if (!(error instanceof Deno.errors.ConnectionReset || error instanceof Deno.errors.BrokenPipe)) {
      throw error;
    }
  }
  return said;
}

Deno.test("clients that do not go on are let go", async () => {
  let left = 0;
  await using door = await openDoor(async (request) => {
    const body = await request.text().catch(() => {
      left++;
      return "";
    });
    return new Response(`${body.length}`);
  }, 300);
  const head = "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 6\r\n";
  for (const text of ["", head, `${head}\r\nabc`]) {
    assert(!/^HTTP\/1\.1 2/.test(await saidTo(door, text)), text);
  }
  assertEquals(left, 1);
});

Deno.test("a client that goes on slowly is not let go", async () => {
  const pieces = ["POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 6\r\n\r\n", "a", "b", "c", "d", "e", "f"];
  for (let patience = 300;; patience *= 2) {
    await using door = await openDoor(async (request) => new Response(await request.text()), patience);
    // from before there is a connection, since its patience begins there
    let last = performance.now();
    using slow = await Deno.connect({ transport: "unix", path: door.path });
    let longest = 0;
    for (const text of pieces) {
      await slow.write(new TextEncoder().encode(text)).catch(() => 0); // let go
      await new Promise((resolve) => setTimeout(resolve, patience / 3));
      const now = performance.now();
      longest = Math.max(longest, now - last);
      last = now;
    }
    const buffer = new Uint8Array(1000);
    const count = await slow.read(buffer).catch(() => 0) ?? 0;
    const isAnswered = /^HTTP\/1\.1 200 /.test(new TextDecoder().decode(buffer.subarray(0, count)));
    // a process that was held up itself has not been slow, but silent
    if (!isAnswered && longest > patience / 2) continue;
    return assert(isAnswered);
  }
});

Deno.test("nonsense and heads without end are refused, and reach nobody", async () => {
  let reached = 0;
  await using door = await openDoor(() => {
    reached++;
    return Promise.resolve(new Response("no"));
  });
  const texts = [
    "\0\x01\x02 nonsense\r\n\r\n",
    `GET / HTTP/1.1\r\nHost: x\r\nX: ${"y".repeat(100_000)}\r\n\r\n`,
    "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
  ];
  for (const text of texts) assertMatch(await saidTo(door, text), /^(HTTP\/1\.1 4\d\d |$)/);
  assertEquals(reached, 0);
});

Deno.test("somebody who may not come in gets no word", async () => {
  const directory = await Deno.makeTempDir({ prefix: "drey-door-" });
  const path = `${directory}/s`;
  const app = { fetch: () => Promise.resolve(new Response("secret")), report: () => Promise.resolve() };
  const server = createListener(app, { identify: () => undefined });
  try {
    await new Promise<void>((resolve) => server.listen(path, resolve));
    for (const more of ["", "Connection: Upgrade\r\nUpgrade: websocket\r\n"]) {
      assertEquals(await saidTo({ path }, `GET / HTTP/1.1\r\nHost: x\r\n${more}\r\n`), "");
    }
  } finally {
    server.close();
    server.closeAllConnections();
    await Deno.remove(directory, { recursive: true });
  }
});
