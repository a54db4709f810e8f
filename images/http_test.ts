import { assertEquals, assertRejects } from "@std/testing";
import { ask, readJson, readText } from "./http.ts";
import { openRegistry, parseReference } from "./oci_registry.ts";

/** A server that answers every request alike. */
function serve(answer: (request: Request) => Response) {
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, answer);
  return {
    address: `http://127.0.0.1:${server.addr.port}`,
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}

Deno.test("no address that a server names is a file of this host", async () => {
  for (const url of ["file:///etc/hostname", "data:text/plain,x", "FILE:///etc/hostname", "/etc/hostname"]) {
    await assertRejects(() => ask(url), Error, "no web address");
  }
  await using moved = serve(() =>
    new Response(null, { status: 302, headers: { location: "file:///etc/hosts" } })
  );
  await assertRejects(() => ask(moved.address), Error);
});

Deno.test("a registry cannot send us for tokens to where none are", async () => {
  let asked = 0;
  for (const realm of ["file:///etc/hostname", "data:application/json,{}", "nowhere"]) {
    await using registry = serve(() => {
      asked++;
      return new Response(null, { status: 401, headers: { "www-authenticate": `Bearer realm="${realm}"` } });
    });
    await assertRejects(
      () => openRegistry(parseReference(registry.address, "org/app")),
      Error,
      "names a token server that cannot be used",
    );
  }
  assertEquals(asked, 3);
});

Deno.test("what is said to one server is not said to the one it sends us to", async () => {
  const told: (string | null)[] = [];
  await using other = serve(({ headers }) => {
    told.push(headers.get("authorization"));
    return new Response("{}");
  });
  await using first = serve(() => new Response(null, { status: 307, headers: { location: other.address } }));
  await readJson(await ask(first.address, { headers: { authorization: "Basic c2VjcmV0" } }));
  assertEquals(told, [null]);
});

Deno.test("an answer that never ends is left", async () => {
  let sent = 0;
  await using endless = serve(() => {
    const body = new ReadableStream({
      pull(controller) {
        sent += 1 << 16;
        controller.enqueue(new Uint8Array(1 << 16).fill(32));
      },
    });
    return new Response(body);
  });
  const response = await ask(endless.address);
  await assertRejects(() => readText(response, 1 << 20), Error, "longer than 1048576 bytes");
  assertEquals(sent < 1 << 28, true);
});
