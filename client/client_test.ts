import { DreyError } from "../errors.ts";
import { assertEquals, assertRejects } from "@std/testing";
import type { Operation } from "../wire/operation.ts";
import { createClient } from "./client.ts";
import type { Transport } from "./transport.ts";

/** A door that remembers requests and answers what it is told. */
function fakeDoor(answer: (request: Request) => Response | Promise<Response>) {
  const seen: { line: string; body: string; headers: Record<string, string> }[] = [];
  const transport: Transport = {
    kind: "in-process",
    async fetch(request) {
      const { pathname, search } = new URL(request.url);
      const headers = Object.fromEntries(request.headers);
      seen.push({
        line: `${request.method} ${pathname}${search}`,
        body: await request.clone().text(),
        headers,
      });
      return await answer(request);
    },
    socket: () => Promise.reject(new Error("no streams here")),
    upgrade: () => Promise.reject(new Error("no streams here")),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
  return { transport, seen };
}

const sync = (metadata: unknown, headers = {}) =>
  Response.json({ type: "sync", status: "Success", status_code: 200, metadata }, { headers });
const failure = (code: number, error: string) =>
  Response.json({ type: "error", error_code: code, error, metadata: null }, { status: code });

const operation = (values: Partial<Operation>): Operation => ({
  id: "o1",
  class: "task",
  description: "",
  created_at: "",
  updated_at: "",
  status: "Running",
  status_code: 103,
  resources: null,
  metadata: null,
  may_cancel: false,
  err: "",
  location: "none",
  ...values,
});

Deno.test("call() fills the path, adds query and project, and returns the metadata", async () => {
  const { transport, seen } = fakeDoor(() => sync({ name: "a b" }));
  const client = createClient(transport, { project: "p" });
  const query = { recursion: 1, "all-projects": undefined };
  assertEquals(await client.call("instance.get", { params: { name: "a/b" }, query }) as unknown, {
    name: "a b",
  });
  assertEquals(seen[0]?.line, "GET /1.0/instances/a%2Fb?project=p&recursion=1");
});

Deno.test("call() sends no project to a route that knows none", async () => {
  const { transport, seen } = fakeDoor(() => sync([]));
  await createClient(transport, { project: "p" }).call("api.versions");
  assertEquals(seen[0]?.line, "GET /");
});

Deno.test("read() gives the ETag, and a change made with it says so", async () => {
  const { transport, seen } = fakeDoor(() => sync({}, { etag: '"e1"' }));
  const client = createClient(transport);
  const { etag } = await client.read("profile.get", { params: { name: "default" } });
  await client.call("profile.update", { params: { name: "default" }, body: { config: {} }, etag });
  assertEquals(seen[1]?.line, "PUT /1.0/profiles/default");
  assertEquals([seen[1]?.headers["if-match"], seen[1]?.body], ['"e1"', '{"config":{}}']);
});

Deno.test("an error of the API is a DreyError with the code of its status", async () => {
  const cases = [[400, "BAD_REQUEST"], [404, "NOT_FOUND"], [412, "PRECONDITION_FAILED"], [
    501,
    "NOT_SUPPORTED",
  ], [
    500,
    "SERVER_FAILED",
  ]] as const;
  for (const [status, code] of cases) {
    const client = createClient(fakeDoor(() => failure(status, "It went wrong")).transport);
    const error = await assertRejects(() => client.call("server.get"), DreyError, "It went wrong");
    assertEquals(error.code, code);
  }
});

Deno.test("an answer that is no envelope is named, not shown", async () => {
  const client = createClient(fakeDoor(() => new Response("<html>", { status: 502 })).transport);
  const error = await assertRejects(() => client.call("server.get"), DreyError, "answered 502");
  assertEquals(error.code, "NETWORK");
});

function operationDoor(ended: Operation) {
  return fakeDoor((request) => {
    if (request.method !== "GET") {
      const metadata = operation({});
      return Response.json({ type: "async", operation: "/1.0/operations/o1", metadata }, { status: 202 });
    }
    return sync(ended);
  });
}

Deno.test("start() and wait() take two requests and return the ended operation", async () => {
  const { transport, seen } = operationDoor(
    operation({ status: "Success", status_code: 200, metadata: { return: 3 } }),
  );
  const running = await createClient(transport).start("instance.delete", { params: { name: "c1" } });
  assertEquals((await running.wait()).metadata, { return: 3 });
  assertEquals(seen.map(({ line }) => line), [
    "DELETE /1.0/instances/c1",
    "GET /1.0/operations/o1/wait?timeout=-1",
  ]);
});

Deno.test("wait() throws what the operation says about its failure", async () => {
  const { transport } = operationDoor(operation({ status: "Failure", status_code: 400, err: "No space" }));
  const running = await createClient(transport).start("instance.delete", { params: { name: "c1" } });
  assertEquals((await assertRejects(() => running.wait(), DreyError, "No space")).code, "OPERATION_FAILED");
});

Deno.test("wait() tells a cancelled operation from a failed one", async () => {
  const { transport } = operationDoor(operation({ status: "Cancelled", status_code: 401 }));
  const running = await createClient(transport).start("instance.delete", { params: { name: "c1" } });
  assertEquals((await assertRejects(() => running.wait(), DreyError)).code, "CANCELLED");
});

Deno.test("wait() shows the operation as it changes, to who asks", async () => {
  const ended = Promise.withResolvers<Response>();
  const { transport } = fakeDoor((request) => {
    if (request.url.includes("/wait")) return ended.promise;
    const metadata = operation({ updated_at: "2", metadata: { download_progress: "50%" } });
    return request.method === "GET"
      ? sync(metadata)
      : Response.json({ type: "async", metadata: operation({}) });
  });
  const running = await createClient(transport).start("instance.delete", { params: { name: "c1" } });
  const seen: unknown[] = [];
  await running.wait({
    onUpdate({ metadata }) {
      seen.push(metadata);
      ended.resolve(sync(operation({ status: "Success", status_code: 200 })));
    },
  });
  assertEquals(seen, [{ download_progress: "50%" }]);
});

Deno.test("raw() returns bytes, and throws errors like any other call", async () => {
  const good = createClient(fakeDoor(() => new Response("log")).transport);
  assertEquals(await (await good.raw("instance.console.log", { params: { name: "c1" } })).text(), "log");
  const bad = createClient(fakeDoor(() => failure(404, "Instance not found")).transport);
  await assertRejects(
    () => bad.raw("instance.console.log", { params: { name: "c1" } }),
    DreyError,
    "not found",
  );
});
