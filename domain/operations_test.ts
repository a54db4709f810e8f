import { assert, assertEquals, assertMatch, assertRejects } from "@std/testing";
import { DreyError } from "../errors.ts";
import type { Write } from "../store/store.ts";
import type { Event } from "../wire/event.ts";
import { temporaryContext } from "../tests/support/temporary_context.ts";
import { listenEvents } from "./events.ts";
import {
  cancelOperation,
  findConnection,
  getOperation,
  listOperations,
  startOperation,
  waitOperation,
} from "./operations.ts";
import { thisProcess } from "./owner.ts";

const start = { project: "default", description: "Testing" };

Deno.test("an operation is Running at once and Success at its end, with what it reported", async () => {
  await using context = await temporaryContext();
  const operation = await startOperation(context, {
    ...start,
    resources: { instances: ["/1.0/instances/c1"] },
    async run(task) {
      await task.update({ download_progress: "1%" });
      await task.update({ other: 1 });
      await task.setResources({ images: ["/1.0/images/abc"] });
    },
  });
  assertEquals([operation.status, operation.status_code, operation.class], ["Running", 103, "task"]);
  const ended = await waitOperation(context, operation.id);
  assertEquals([ended.status, ended.status_code, ended.err], ["Success", 200, ""]);
  assertEquals(ended.metadata, { download_progress: "1%", other: 1 });
  assertEquals(ended.resources, { images: ["/1.0/images/abc"] });
  assertEquals(await getOperation(context, operation.id), ended);
  assertEquals((await listOperations(context, "default")).length, 1);
  assertEquals(await listOperations(context, "other"), []);
});

Deno.test("an error becomes Failure with message, hint and status", async () => {
  await using context = await temporaryContext();
  const run = () => Promise.reject(new DreyError("NOT_FOUND", { message: "No such image", hint: "Look" }));
  const { id } = await startOperation(context, { ...start, run });
  const ended = await waitOperation(context, id);
  assertEquals([ended.status, ended.err, ended.err_code], ["Failure", "No such image. Look", 404]);
});

Deno.test("waitOperation() answers as it stands when its time is up", async () => {
  await using context = await temporaryContext();
  const { promise, resolve } = Promise.withResolvers<void>();
  const { id } = await startOperation(context, { ...start, run: () => promise });
  assertEquals((await waitOperation(context, id, { timeout: 0 })).status, "Running");
  resolve();
  assertEquals((await waitOperation(context, id)).status, "Success");
  const error = await assertRejects(() => waitOperation(context, "none"), DreyError);
  assertEquals(error.code, "NOT_FOUND");
});

Deno.test("cancelOperation() aborts the signal and ends as Cancelled", async () => {
  await using context = await temporaryContext();
  const { id } = await startOperation(context, {
    ...start,
    mayCancel: true,
    run: ({ signal }) =>
      new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason))),
  });
  await cancelOperation(context, id);
  const ended = await waitOperation(context, id);
  assertEquals([ended.status, ended.status_code], ["Cancelled", 401]);
  assertMatch(ended.err, /cancelled/);
  const again = await assertRejects(() => cancelOperation(context, id), DreyError);
  assertMatch(again.message, /Only running/);
  assertEquals(await context.store.list(["cancellations"]), []);
});

Deno.test("a request to cancel that comes too late leaves nothing behind", async () => {
  await using context = await temporaryContext();
  const { id } = await startOperation(context, {
    ...start,
    mayCancel: true,
    // as another process asks for it, in a moment in which nobody listens yet
    run: async (task) =>
      void await context.store.commit([], [{ key: ["cancellations", task.id], value: true }]),
  });
  assertEquals((await waitOperation(context, id)).status, "Success");
  assertEquals(await context.store.list(["cancellations"]), []);
});

Deno.test("an operation that may not be cancelled says so", async () => {
  await using context = await temporaryContext();
  const { promise, resolve } = Promise.withResolvers<void>();
  const { id } = await startOperation(context, { ...start, run: () => promise });
  const error = await assertRejects(() => cancelOperation(context, id), DreyError);
  assertEquals(error.code, "BAD_REQUEST");
  resolve();
  await waitOperation(context, id);
});

Deno.test("an operation whose process is gone has failed, for each reader, once", async () => {
  await using context = await temporaryContext();
  const { id } = await startOperation(context, { ...start, run: () => Promise.resolve() });
  const ended = await waitOperation(context, id);
  const dead = { ...thisProcess(), pid: 2 ** 22 - 1 };
  const operation = { ...ended, id: "dead", status: "Running", status_code: 103 };
  await context.store.commit([], [{
    key: ["operations", "dead"],
    value: { project: "default", owner: dead, operation },
  }]);
  const found = await getOperation(context, "dead");
  assertEquals([found.status, found.status_code], ["Failure", 400]);
  assertMatch(found.err, /process that ran this operation ended/);
  assertEquals(await getOperation(context, "dead"), found);
  assertEquals((await waitOperation(context, "dead")).status, "Failure");
});

Deno.test("waitOperation() sees the end of another process's operation, and its death", async () => {
  await using context = await temporaryContext();
  const module = (name: string) => new URL(name, import.meta.url).href;
  const program = `
    import { openStore } from "${module("../store/sqlite.ts")}";
    import { startOperation } from "${module("./operations.ts")}";
    const store = await openStore(${JSON.stringify(context.paths)});
    const start = { project: "default", description: "Elsewhere", mayCancel: true };
    const context = { store, now: () => new Date() };
    const wait = ({ signal }) => new Promise((_, no) => signal.addEventListener("abort", () => no(signal.reason)));
    const a = await startOperation(context, { ...start, run: wait });
    const b = await startOperation(context, { ...start, run: wait });
    console.log(a.id + " " + b.id);
  `;
  const config = new URL("../deno.json", import.meta.url).pathname;
  const child = new Deno.Command(Deno.execPath(), {
    args: ["eval", "--quiet", "--ext=js", `--config=${config}`, program],
    stdout: "piped",
  }).spawn();
  const reader = child.stdout.getReader();
  const [a = "", b = ""] = new TextDecoder().decode((await reader.read()).value).trim().split(" ");
  const waiting = waitOperation(context, a);
  await cancelOperation(context, a);
  assertEquals((await waiting).status, "Cancelled");
  const dying = waitOperation(context, b);
  child.kill("SIGKILL");
  assertEquals((await dying).status, "Failure");
  await child.status;
  await reader.cancel();
});

Deno.test("events tell each change of an operation", async () => {
  await using context = await temporaryContext();
  const stop = new AbortController();
  const events = listenEvents(
    context,
    { types: ["operation"], project: "default", allProjects: false },
    stop.signal,
  );
  await startOperation(context, { ...start, run: (task) => task.update({ a: 1 }) });
  await startOperation(context, { ...start, project: "other", run: () => Promise.resolve() });
  const seen: Event[] = [];
  for await (const event of events) {
    seen.push(event);
    if (seen.length === 3) break;
  }
  assertEquals(seen.map((event) => event.type === "operation" && event.metadata.status), [
    "Running",
    "Running",
    "Success",
  ]);
  stop.abort();
});

Deno.test("finished operations stay for a minute, then go with a later start", async () => {
  await using context = await temporaryContext();
  const run = () => Promise.resolve();
  const first = await startOperation(context, { ...start, run });
  await waitOperation(context, first.id);
  context.advance(50_000);
  await waitOperation(context, (await startOperation(context, { ...start, run })).id);
  assert((await getOperation(context, first.id)).status === "Success");
  context.advance(20_000);
  await waitOperation(context, (await startOperation(context, { ...start, run })).id);
  await assertRejects(() => getOperation(context, first.id), DreyError);
  const events = await context.store.list(["events"]);
  assertEquals(events.length, 4);
});

Deno.test("a stream needs one of the operation's secrets", async () => {
  await using context = await temporaryContext();
  const taken: string[] = [];
  const { promise, resolve } = Promise.withResolvers<void>();
  const { id } = await startOperation(context, {
    ...start,
    class: "websocket",
    metadata: { fds: { "0": "right" } },
    run: () => promise,
    connect: (secret) => Promise.resolve(void taken.push(secret)),
  });
  for (const secret of ["", "wrong"]) {
    const error = await assertRejects(() => findConnection(context, id, secret), DreyError);
    assertEquals(error.code, "FORBIDDEN");
  }
  await (await findConnection(context, id, "right"))({} as never);
  assertEquals(taken, ["right"]);
  resolve();
  await waitOperation(context, id);
  await assertRejects(() => findConnection(context, id, "right"), DreyError, "has ended");
});

Deno.test("however much has expired, each operation takes away a piece of it, and all goes in the end", async () => {
  await using context = await temporaryContext();
  const run = () => Promise.resolve();
  const { id } = await startOperation(context, { ...start, run });
  const operation = await waitOperation(context, id);
  const many = (count: number, noun: string, value: unknown): Write[] =>
    Array.from({ length: count }, (_, n) => ({ key: [noun, `0${n}`], value }));
  const record = { project: "default", owner: thisProcess(), operation };
  await context.store.commit([], [...many(200, "operations", record), ...many(1000, "events", {})]);
  context.advance(61_000);
  const writes: number[] = [];
  const commit = context.store.commit.bind(context.store);
  context.store.commit = (checks, list) => {
    writes.push(list.length);
    return commit(checks, list);
  };
  for (let n = 0; n < 40; n++) {
    const { id } = await startOperation(context, { ...start, run });
    await waitOperation(context, id);
  }
  assert(Math.max(...writes) < 50, writes.join());
  const now = new Date(context.now()).getTime();
  const left = (await context.store.list<{ timestamp: string }>(["events"])).map(({ value }) => value);
  assert(left.every(({ timestamp }) => now - Date.parse(timestamp) < 60_000));
  assertEquals((await context.store.list(["operations"])).length, 40);
});
