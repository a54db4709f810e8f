// Operations seen by others than those who started them.

import { eventually } from "../support/eventually.ts";
import { assert, assertEquals, assertMatch } from "@std/testing";
import { createClient } from "../../client/client.ts";
import { overUnixSocket } from "../../client/unix.ts";
import type { Operation } from "../../wire/operation.ts";
import { type Drey, e2e } from "../support/drey.ts";
import { serve } from "../support/server.ts";

const needs = ["userns", "subids"] as const;

/** The operation of a command that another process runs in an instance. */
async function running(drey: Drey): Promise<Operation> {
  let one: Operation | undefined;
  await eventually("the operation is to be seen", async () => {
    const found: Operation[] = JSON.parse(await drey`operation list --format json`);
    one = found.find(({ description, status }) =>
      description === "Executing command" && status === "Running"
    );
    return one !== undefined;
  });
  return one as unknown as Operation;
}

await e2e(
  "an operation of another process is listed, waited for, and fails with it",
  { needs: [...needs, "lxc"] },
  async (drey) => {
    await using server = await serve(drey);
    await drey`launch tiny c1`;
    const child = drey.spawn(["exec", "c1", "--force-local", "--", "sleep", "1000"], {
      stdout: "null",
      stderr: "null",
    });
    const { id } = await running(drey);
    assertMatch(
      await server.lxc("operation", "list"),
      new RegExp(`${id} +\\| WEBSOCKET +\\| Executing command`),
    );
    assertMatch(await server.lxc("operation", "show", id), /status: Running/);
    assertMatch((await server.tries(["operation", "delete", id])).stderr, /cannot be cancelled/);
    await using client = createClient(overUnixSocket(server.socket));
    const wait = (timeout: number) => client.call("operation.wait", { params: { id }, query: { timeout } });
    const before = performance.now();
    assertEquals((await wait(1)).status, "Running");
    const waited = performance.now() - before;
    assert(waited > 900 && waited < 60_000, `${waited} ms`);
    const ended = wait(120);
    child.kill("SIGKILL");
    await child.status;
    const { status, err } = await ended;
    assertEquals([status, err], ["Failure", "The process that ran this operation ended before it was done"]);
    assertEquals(JSON.parse(await server.lxc("query", `/1.0/operations/${id}`)).status, "Failure");
  },
);

await e2e("an operation goes on when its client is gone", { needs }, async (drey) => {
  await using server = await serve(drey);
  const { operation } = await (async () => {
    await using client = createClient(overUnixSocket(server.socket));
    return await client.start("instances.create", {
      body: { name: "c1", source: { type: "image", alias: "tiny" }, start: true },
    });
  })();
  await using client = createClient(overUnixSocket(server.socket));
  const ended = await client.call("operation.wait", {
    params: { id: operation.id },
    query: { timeout: 120 },
  });
  assertEquals([ended.status, ended.resources], ["Success", { instances: ["/1.0/instances/c1"] }]);
  assertEquals(await drey`exec c1 -- hostname`, "c1\n");
});
