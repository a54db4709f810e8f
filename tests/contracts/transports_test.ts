// What every door to the API must do, run through each of them.

import { makeCertificate } from "../../auth/tls.ts";
import { runServer } from "../../api/serve.ts";
import { createClient } from "../../client/client.ts";
import type { Client } from "../../client/client.ts";
import { connect } from "../../client/connect.ts";
import { overHttps } from "../../client/https.ts";
import { openInProcess } from "../../client/in_process.ts";
import { lookAtServer } from "../../auth/connect.ts";
import { answers, overUnixSocket } from "../../client/unix.ts";
import { DreyError } from "../../errors.ts";
import type { Profile } from "../../wire/profile.ts";
import { assert, assertEquals, assertRejects } from "@std/testing";
import { freePort } from "../support/server.ts";

interface Door extends AsyncDisposable {
  client: Client;
}

/** A state directory of its own for what runs meanwhile. */
function temporaryState(): Disposable & { path: string } {
  const path = Deno.makeTempDirSync({ prefix: "drey-test-" });
  const before = Deno.env.get("DREY_DIR");
  Deno.env.set("DREY_DIR", path);
  return {
    path,
    [Symbol.dispose]() {
      if (before === undefined) Deno.env.delete("DREY_DIR");
      else Deno.env.set("DREY_DIR", before);
      Deno.removeSync(path, { recursive: true });
    },
  };
}

async function serveAt(socket: string): Promise<AsyncDisposable> {
  const stop = new AbortController();
  const ready = Promise.withResolvers<void>();
  const server = runServer({ socket, signal: stop.signal, onReady: () => ready.resolve() });
  await Promise.race([ready.promise, server]);
  return {
    async [Symbol.asyncDispose]() {
      stop.abort();
      await server;
    },
  };
}

const doors: Record<string, () => Promise<Door>> = {
  async "in process"() {
    await using stack = new AsyncDisposableStack();
    stack.use(temporaryState());
    const client = stack.use(createClient(await openInProcess()));
    return Object.assign(stack.move(), { client });
  },
  async "in process, by requests"() {
    await using stack = new AsyncDisposableStack();
    stack.use(temporaryState());
    const { call: _short, ...door } = await openInProcess();
    const client = stack.use(createClient(door));
    return Object.assign(stack.move(), { client });
  },
  async "over a unix socket"() {
    await using stack = new AsyncDisposableStack();
    const socket = `${stack.use(temporaryState()).path}/unix.socket`;
    stack.use(await serveAt(socket));
    const client = stack.use(createClient(overUnixSocket(socket)));
    return Object.assign(stack.move(), { client });
  },
  "over HTTPS": openHttps,
};

/** A server that listens on the loopback address, and a client whose certificate it trusts. */
async function openHttps(): Promise<Door> {
  await using stack = new AsyncDisposableStack();
  const state = stack.use(temporaryState());
  stack.use(await serveAt(`${state.path}/unix.socket`));
  const host = `127.0.0.1:${freePort()}`;
  const identity = await makeCertificate({ commonName: "tester", use: "client" });
  {
    await using owner = createClient(overUnixSocket(`${state.path}/unix.socket`));
    await owner.call("server.patch", { body: { config: { "core.https_address": host } } });
    const body = { name: "tester", certificate: identity.certificate };
    await owner.call("certificates.create", { body });
  }
  const address = `https://${host}`;
  const { certificate } = await lookAtServer(address);
  const client = stack.use(createClient(overHttps({ address, certificate, identity })));
  return Object.assign(stack.move(), { client });
}

for (const [where, open] of Object.entries(doors)) {
  const contract = (name: string, run: (client: Client) => Promise<void>) =>
    Deno.test(`${where}: ${name}`, async () => {
      await using door = await open();
      await run(door.client);
    });

  contract("what is written is read back, and listed", async (client) => {
    await client.call("profiles.create", { body: { name: "small", config: { "limits.cpu": "1" } } });
    const { config } = await client.call("profile.get", { params: { name: "small" } });
    assertEquals(config, { "limits.cpu": "1" });
    const listed = await client.call("profiles.list", { query: { recursion: 1 } }) as Profile[];
    assertEquals(listed.map(({ name }) => name).sort(), ["default", "small"]);
  });

  contract("an error is a DreyError with the code of its status", async (client) => {
    const missing = await assertRejects(
      () => client.call("profile.get", { params: { name: "nobody" } }),
      DreyError,
    );
    assertEquals(missing.code, "NOT_FOUND");
    const wrong = await assertRejects(
      () => client.call("profiles.create", { body: { name: "x", config: { "no.such": "1" } } }),
      DreyError,
    );
    assertEquals(wrong.code, "BAD_REQUEST");
  });

  contract("a change made with a stale ETag is refused", async (client) => {
    const params = { name: "default" };
    const { etag } = await client.read("profile.get", { params });
    assert(etag !== "");
    await client.call("profile.update", {
      params,
      body: { description: "one", config: {}, devices: {} },
      etag,
    });
    const late = await assertRejects(
      () =>
        client.call("profile.update", {
          params,
          body: { description: "two", config: {}, devices: {} },
          etag,
        }),
      DreyError,
    );
    assertEquals(late.code, "PRECONDITION_FAILED");
  });

  contract("names with slashes and percent signs arrive as they are", async (client) => {
    const error = await assertRejects(
      () => client.call("image.alias.get", { params: { name: "debian/12%2F" } }),
      DreyError,
    );
    assertEquals(error.code, "NOT_FOUND");
  });

  contract("a big body arrives whole, one that is too big is refused", async (client) => {
    const description = "x".repeat(1 << 19);
    await client.call("profiles.create", { body: { name: "big", description } });
    assertEquals((await client.call("profile.get", { params: { name: "big" } })).description.length, 1 << 19);
    const body = { name: "bigger", description: "x".repeat(2 << 20) };
    assertEquals(
      (await assertRejects(() => client.call("profiles.create", { body }), DreyError)).code,
      "TOO_LARGE",
    );
  });

  contract("an event that happens is told to who listens", async (client) => {
    const socket = await client.socket("/1.0/events?type=lifecycle");
    const first = (async () => {
      for await (const message of socket.messages) return JSON.parse(String(message));
    })();
    await client.call("profiles.create", { body: { name: "heard" } });
    assertEquals((await first).metadata.action, "profile-created");
    socket.close();
    await socket.closed;
  });

  contract("a listener that is aborted ends", async (client) => {
    const stop = new AbortController();
    const socket = await client.socket("/1.0/events", stop.signal);
    stop.abort();
    for await (const _ of socket.messages);
    await socket.closed;
  });

  contract("a stream that is refused is an error, not a stream", async (client) => {
    await assertRejects(() => client.socket("/1.0/operations/nothing/websocket?secret=x"), DreyError);
  });

  contract("an upgrade that is refused is an error, not a stream", async (client) => {
    const error = await assertRejects(
      () => client.upgrade("instance.sftp", { params: { name: "nobody" } }),
      DreyError,
    );
    assertEquals([error.code, error.message], ["NOT_FOUND", 'Instance "nobody" not found']);
  });

  contract("an operation that fails says why", async (client) => {
    const source = { type: "image", alias: "no-such-image" } as const;
    const failing = async () =>
      await (await client.start("instances.create", { body: { name: "c1", source } })).wait();
    await assertRejects(failing, DreyError, "no-such-image");
  });
}

Deno.test("connect() takes a server that listens, and does without one that has died", async () => {
  using state = temporaryState();
  const socket = `${state.path}/unix.socket`;
  const kindNow = async () => {
    await using client = await connect();
    return client.transport.kind;
  };
  assertEquals(await kindNow(), "in-process");
  {
    await using _server = await serveAt(socket);
    assertEquals(await kindNow(), "unix");
  }
  assertEquals(await kindNow(), "in-process");
  // what a server that was killed leaves behind
  Deno.listen({ transport: "unix", path: socket }).close();
  assertEquals(await answers(socket), false);
  assertEquals(await kindNow(), "in-process");
  await using client = createClient(overUnixSocket(socket));
  await assertRejects(() => client.call("server.get"), DreyError, "nobody listens there");
});
