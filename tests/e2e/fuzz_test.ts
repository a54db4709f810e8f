// Bad input: whatever is thrown at the socket, the server answers in its own words, goes on, and keeps nothing of it.

import { eventually } from "../support/eventually.ts";
import { assert, assertEquals } from "@std/testing";
import { join } from "@std/path";
import { e2e } from "../support/drey.ts";
import { nonsense, pick, randomFrom } from "../support/fuzz.ts";
import { type RawAnswer, requestBytes, sendBytes } from "../support/raw_http.ts";
import { serve, type TestServer } from "../support/server.ts";
import { overUnixSocket } from "../../client/unix.ts";
import type { Event } from "../../wire/event.ts";
import { type Route, routes } from "../../wire/routes.ts";

const needs = ["userns", "subids"] as const;
const seed = Number(Deno.env.get("FUZZ_SEED") ?? 20261121);
/** `milliseconds` of nonsense */
const duration = Number(Deno.env.get("FUZZ_MS") ?? 20_000);

/** These look at the host or change it, or never end. */
const left = ["doctor", "doctor.fix", "events.listen", "operation.wait"];
const known = ["c1", "default", "tiny", "p1", "web", "custom", "root", "name", "console.log"];

await e2e("nonsense is refused, and leaves the server as it was", { needs }, async (drey) => {
  await using server = await serve(drey);
  await drey`launch tiny c1`;
  await drey`profile create p1`;
  const secret = crypto.randomUUID();
  await Deno.writeTextFile(join(drey.directory, "canary"), secret);
  const bugs = await listenForBugs(server);
  const before = await usage(server);

  const table = Object.entries(routes as Record<string, Route>).filter(([name]) => !left.includes(name));
  const random = randomFrom(seed);
  const until = performance.now() + duration;
  /** `MiB` after each hundred requests */
  const used: number[] = [];
  let sent = 0;
  const worker = async () => {
    // a slow machine takes longer for the least that says something
    while (performance.now() < until || sent < 500) {
      const [name, route] = pick(random, table);
      const request = nonsense(random, route, known);
      const answer = await sendBytes(server.socket, requestBytes(request));
      if (++sent % 100 === 0) used.push((await usage(server)).memory);
      mustBeSane(answer, { name, route, told: `${route.method} ${request.target} seed ${seed}` });
      assert(!answer.body.includes(secret), `${request.target} told what is outside of the instance`);
    }
  };
  await Promise.all(Array.from({ length: 4 }, worker));

  await settle(server);
  assertEquals(await bugs(), []);
  assertEquals((await ask(server, "GET /1.0")).status, 200);
  await mustBeFlat(server, before);
  // the collector takes its time, so that the first requests leave more than later ones add
  const middle = used.length >> 1;
  const [early, late] = [Math.max(...used.slice(0, middle)), Math.max(...used.slice(middle))];
  assert(late < early + 64, `${early} MiB, then ${late} MiB`);
});

await e2e("connections that misbehave do no harm", { needs }, async (drey) => {
  await using server = await serve(drey);
  await drey`launch tiny c1`;
  const before = await usage(server);
  const random = randomFrom(seed);
  const encoder = new TextEncoder();
  const upgrade = "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n";
  const key = "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n";
  const openings = [
    "GET /1.0 HTTP/1.1\r\nHost: dr",
    "GET /1.0 HTTP/1.1\r\nHost: drey\r\nContent-Length: 100\r\n\r\n{",
    "POST /1.0/profiles HTTP/1.1\r\nHost: drey\r\nContent-Length: 100\r\n\r\n{",
    "POST /1.0/profiles HTTP/1.1\r\nHost: drey\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    "POST /1.0/images HTTP/1.1\r\nHost: drey\r\nContent-Length: 1000000\r\n\r\nabc",
    "GET /1.0\r\n\r\n",
    "\0\0\0\0",
    `GET /1.0 HTTP/1.1\r\nHost: drey\r\nX: ${"y".repeat(100_000)}\r\n\r\n`,
    `GET /${"z".repeat(100_000)} HTTP/1.1\r\nHost: drey\r\n\r\n`,
    `GET /1.0/events HTTP/1.1\r\nHost: drey\r\n${upgrade}${key}\r\n`,
    `GET /1.0/events HTTP/1.1\r\nHost: drey\r\n${upgrade}\r\n`,
    `GET /1.0/events HTTP/1.1\r\nHost: drey\r\n${upgrade}${key}\r\n\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff`,
    `GET /1.0/operations/x/websocket?secret=y HTTP/1.1\r\nHost: drey\r\n${upgrade}${key}\r\n`,
    `GET /1.0/instances HTTP/1.1\r\nHost: drey\r\n${upgrade}${key}\r\n`,
    "GET /1.0/events HTTP/1.1\r\nHost: drey\r\nUpgrade: nonsense\r\nConnection: Upgrade\r\n\r\n",
  ];
  const open: Deno.Conn[] = [];
  for (let round = 0; round < 8; round++) {
    for (const opening of openings) {
      const connection = await Deno.connect({ transport: "unix", path: server.socket });
      await write(connection, encoder.encode(opening));
      if (random() < 0.5) open.push(connection);
      else connection.close();
    }
    assertEquals((await ask(server, "GET /1.0/instances/c1")).status, 200, "while others misbehave");
  }
  for (const connection of open) connection.close();
  assertEquals(await drey`exec c1 -- echo alive`, "alive\n");
  await mustBeFlat(server, before);
});

await e2e("a file of an instance is never one of the host's", { needs }, async (drey) => {
  await using server = await serve(drey);
  await drey`launch tiny c1`;
  const canary = join(drey.directory, "canary");
  await Deno.writeTextFile(canary, "the host's");
  const files = "/1.0/instances/c1/files?path=";
  const send = (method: string, path: string, headers: Record<string, string> = {}, body?: string) =>
    sendBytes(
      server.socket,
      requestBytes({
        method,
        target: `${files}${encodeURIComponent(path)}`,
        headers,
        ...(body === undefined ? {} : { body: new TextEncoder().encode(body) }),
      }),
    );
  const up = "../".repeat(20);
  assertEquals((await send("POST", "/root/link", { "x-lxd-type": "symlink" }, canary)).status, 200);
  assertEquals((await send("POST", "/root/up", { "x-lxd-type": "symlink" }, up)).status, 200);
  const ways = [
    canary,
    `${up}${canary}`,
    `/root/${up}${canary}`,
    "/root/link",
    `/root/up${canary}`,
    `/proc/1/root${canary}`,
    `/proc/self/cwd/${canary}`,
    `/root/link/../${canary}`,
  ];
  for (const way of ways) {
    assert(!(await send("GET", way)).body.includes("the host's"), way);
    await send("POST", way, { "x-lxd-type": "file" }, "overwritten");
    await send("DELETE", way);
    assertEquals(await Deno.readTextFile(canary), "the host's", way);
  }
});

async function write(connection: Deno.Conn, bytes: Uint8Array): Promise<void> {
  try {
    for (let at = 0; at < bytes.length;) at += await connection.write(bytes.subarray(at));
  } catch (error) {
    const isHungUp = error instanceof Deno.errors.BrokenPipe || error instanceof Deno.errors.ConnectionReset;
    if (!isHungUp) throw error;
  }
}

function ask(server: TestServer, line: string): Promise<RawAnswer> {
  const [method = "GET", target = "/"] = line.split(" ");
  return sendBytes(server.socket, requestBytes({ method, target, headers: {} }));
}

/** An answer is a refusal with an envelope, or what the route promises; never a fault of drey's own. */
function mustBeSane(
  { status, body }: RawAnswer,
  { route, told }: { name: string; route: Route; told: string },
): void {
  assert(status >= 200 && (status < 500 || [501, 502, 507].includes(status)), `${told}: ${status} ${body}`);
  assert(!/^\s+at .*(file:|ext:|node:)/m.test(body), `${told}: ${body}`);
  if (status < 400 || route.method === "HEAD") return;
  const envelope = JSON.parse(body);
  assertEquals([envelope.type, envelope.error_code, envelope.metadata], ["error", status, null], told);
  assert(envelope.error !== "", told);
}

/** Faults of drey's own are told on the log with their stack. */
async function listenForBugs(server: TestServer): Promise<() => Promise<string[]>> {
  const transport = overUnixSocket(server.socket);
  const stream = await transport.socket("/1.0/events?type=logging&all-projects=true");
  const heard: Event[] = [];
  const listening = (async () => {
    for await (const message of stream.messages) heard.push(JSON.parse(String(message)));
  })();
  return async () => {
    stream.close();
    await listening;
    await transport[Symbol.asyncDispose]();
    return heard.flatMap(({ type, metadata }) =>
      type === "logging" && metadata.level === "error"
        ? [`${metadata.message}\n${metadata.context?.stack ?? ""}`]
        : []
    );
  };
}

/** Waits until the operations that the nonsense began have ended. */
async function settle(server: TestServer): Promise<void> {
  await eventually("all operations have ended", async () => {
    const { body } = await ask(server, "GET /1.0/operations?all-projects=true");
    return !JSON.parse(body).metadata.running;
  });
}

interface Usage {
  /** what the server has open */
  descriptors: string[];
  /** MiB */
  memory: number;
}

async function usage({ pid }: TestServer): Promise<Usage> {
  const status = await Deno.readTextFile(`/proc/${pid}/status`);
  return {
    descriptors: openFiles(pid),
    memory: Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1]) / 1024,
  };
}

function openFiles(pid: number): string[] {
  return [...Deno.readDirSync(`/proc/${pid}/fd`)].flatMap(({ name }) => {
    try {
      return [Deno.readLinkSync(`/proc/${pid}/fd/${name}`).replace(/\d+/g, "N")];
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return [];
      throw error;
    }
  }).toSorted();
}

/** Connections may take a moment to be noticed as gone. */
async function mustBeFlat(server: TestServer, before: Usage): Promise<void> {
  let after = await usage(server);
  const isFlat = async () => {
    after = await usage(server);
    return after.descriptors.length <= before.descriptors.length + 3;
  };
  await eventually("no descriptor is left open", isFlat).catch(() =>
    assertEquals(after.descriptors, before.descriptors)
  );
}
