import { assertEquals, assertRejects } from "@std/testing";
import { socketPair } from "../api/sockets.ts";
import type { Socket } from "../wire/socket.ts";
import { type Client, createClient } from "./client.ts";
import { capture, execute } from "./streams.ts";

/** A server end of an exec: its sockets by stream, and the end of the operation. */
function fakeExec(
  names: readonly string[],
  opening: (name: string) => Promise<void> = () => Promise.resolve(),
) {
  const theirs: Record<string, Socket> = {};
  const ended = Promise.withResolvers<number>();
  const connected = Promise.withResolvers<void>();
  const posted: unknown[] = [];
  const client: Client = createClient({
    kind: "in-process",
    async fetch(request) {
      if (request.method === "POST") {
        posted.push(await request.json());
        const fds = Object.fromEntries(names.map((name) => [name, `secret ${name}`]));
        return Response.json({ type: "async", metadata: { id: "o1", metadata: { fds } } });
      }
      const metadata = {
        id: "o1",
        status: "Success",
        status_code: 200,
        metadata: { return: await ended.promise },
      };
      return Response.json({ type: "sync", metadata });
    },
    upgrade: () => Promise.reject(new Error("not asked for here")),
    async socket(path) {
      const name = new URL(`http://x${path}`).searchParams.get("secret")?.replace("secret ", "") ?? "";
      await opening(name);
      const [ours, their] = socketPair();
      theirs[name] = their;
      if (Object.keys(theirs).length === names.length) connected.resolve();
      return ours;
    },
    [Symbol.asyncDispose]: () => Promise.resolve(),
  });
  return { client, theirs, posted, connected: connected.promise, end: ended.resolve };
}

const bytes = (text: string) => new TextEncoder().encode(text);
const text = (data: Uint8Array) => new TextDecoder().decode(data);

async function readAll(socket: Socket | undefined): Promise<string[]> {
  const seen: string[] = [];
  for await (const message of socket?.messages ?? []) {
    seen.push(typeof message === "string" ? `text "${message}"` : text(message));
    if (message === "") break;
  }
  return seen;
}

Deno.test("execute() carries input, output and errors, marks the end of the input, and returns the status", async () => {
  const exec = fakeExec(["0", "1", "2", "control"]);
  const seen: string[] = [];
  const running = execute(exec.client, { name: "c1", post: { command: ["cat"] } }, {
    stdin: ReadableStream.from([bytes("in")]),
    stdout: (data) => void seen.push(`out ${text(data)}`),
    stderr: (data) => void seen.push(`err ${text(data)}`),
  });
  await exec.connected;
  assertEquals(await readAll(exec.theirs["0"]), ["in", 'text ""']);
  await exec.theirs["1"]?.send(bytes("a"));
  await exec.theirs["1"]?.send("");
  await exec.theirs["2"]?.send(bytes("b"));
  await exec.theirs["2"]?.send("");
  exec.end(7);
  assertEquals(await running, 7);
  assertEquals(seen.sort(), ["err b", "out a"]);
  assertEquals(exec.posted, [{ command: ["cat"], "wait-for-websocket": true }]);
});

Deno.test("execute() waits for output that arrives after the command has ended", async () => {
  const exec = fakeExec(["0", "1", "2"]);
  const seen: string[] = [];
  const running = execute(exec.client, { name: "c1", post: { command: ["ls"] } }, {
    stdout: (data) => void seen.push(text(data)),
    stderr: () => {},
  });
  await exec.connected;
  exec.end(0);
  await new Promise((resolve) => setTimeout(resolve, 20));
  await exec.theirs["1"]?.send(bytes("late"));
  for (const name of ["1", "2"]) await exec.theirs[name]?.send("");
  assertEquals(await running, 0);
  assertEquals(seen, ["late"]);
});

Deno.test("execute() with a terminal reads where it writes, and sends sizes and signals as strings and numbers", async () => {
  const exec = fakeExec(["0", "control"]);
  const seen: string[] = [];
  const running = execute(exec.client, { name: "c1", post: { command: ["sh"], interactive: true } }, {
    stdout: (data) => void seen.push(text(data)),
    stderr: () => {},
    onControl(control) {
      control.resize(80, 24);
      control.signal(2);
    },
  });
  await exec.connected;
  const orders: unknown[] = [];
  for await (const message of exec.theirs.control?.messages ?? []) {
    if (orders.push(JSON.parse(String(message))) === 2) break;
  }
  assertEquals(orders, [
    { command: "window-resize", args: { width: "80", height: "24" } },
    { command: "signal", signal: 2 },
  ]);
  await exec.theirs["0"]?.send(bytes("$ "));
  await exec.theirs["0"]?.send("");
  exec.end(0);
  assertEquals(await running, 0);
  assertEquals(seen, ["$ "]);
});

Deno.test("execute() opens the input last, so that no command is over before it can be controlled", async () => {
  const control = Promise.withResolvers<void>();
  const opened: string[] = [];
  const exec = fakeExec(["0", "1", "2", "control"], async (name) => {
    if (name === "control") await control.promise;
    opened.push(name);
  });
  const running = execute(exec.client, { name: "c1", post: { command: ["true"] } }, {
    stdout: () => {},
    stderr: () => {},
  });
  while (opened.length < 2) await Promise.resolve();
  control.resolve();
  await exec.connected;
  assertEquals(opened, ["1", "2", "control", "0"]);
  await Promise.all([exec.theirs["1"]?.send(""), exec.theirs["2"]?.send("")]);
  exec.end(0);
  assertEquals(await running, 0);
});

Deno.test("execute() that is aborted closes its streams and rejects with the reason", async () => {
  const exec = fakeExec(["0", "1", "2", "control"]);
  const stop = new AbortController();
  const running = execute(exec.client, { name: "c1", post: { command: ["sleep"] } }, { signal: stop.signal });
  await exec.connected;
  stop.abort(new Error("enough"));
  await assertRejects(() => running, Error, "enough");
  await Promise.all(Object.values(exec.theirs).map((socket) => socket.closed));
  exec.end(137);
  const early = execute(exec.client, { name: "c1", post: { command: ["sleep"] } }, { signal: stop.signal });
  await assertRejects(() => early, Error, "enough");
  assertEquals(exec.posted.length, 1);
});

Deno.test("execute() whose input cannot be read tells why, and leaves nothing open", async () => {
  const exec = fakeExec(["0", "1", "2", "control"]);
  const stdin = ReadableStream.from((function* () {
    yield bytes("first");
    throw new Error("the disk is gone");
  })());
  const running = execute(exec.client, { name: "c1", post: { command: ["cat"] } }, { stdin });
  await assertRejects(() => running, Error, "the disk is gone");
  await Promise.all(Object.values(exec.theirs).map((socket) => socket.closed));
  exec.end(137);
});

Deno.test("execute() whose command does not read its input returns the status all the same", async () => {
  const exec = fakeExec(["0", "1", "2"]);
  const endless = ReadableStream.from((function* () {
    for (;;) yield bytes("more");
  })());
  const running = execute(exec.client, { name: "c1", post: { command: ["true"] } }, { stdin: endless });
  await exec.connected;
  exec.theirs["0"]?.close();
  for (const name of ["1", "2"]) await exec.theirs[name]?.send("");
  exec.end(0);
  assertEquals(await running, 0);
});

Deno.test("capture() keeps both outputs as text, also where a letter comes in two pieces", async () => {
  const exec = fakeExec(["0", "1", "2"]);
  const running = capture(exec.client, { name: "c1", post: { command: ["echo"] } });
  await exec.connected;
  const word = bytes("grün");
  for (const piece of [word.slice(0, 3), word.slice(3), ""]) await exec.theirs["1"]?.send(piece);
  for (const piece of [bytes("oh"), ""]) await exec.theirs["2"]?.send(piece);
  exec.end(3);
  assertEquals(await running, { status: 3, stdout: "grün", stderr: "oh" });
});

Deno.test("execute() leaves no stream open where another one is refused", async () => {
  const refused = (name: string) =>
    name === "1" ? Promise.reject(new Error("no such stream")) : Promise.resolve();
  const exec = fakeExec(["0", "1", "2", "control"], refused);
  await assertRejects(
    () => execute(exec.client, { name: "c1", post: { command: ["cat"] } }),
    Error,
    "no such stream",
  );
  await Promise.all(["2", "control"].map((name) => exec.theirs[name]?.closed));
});
