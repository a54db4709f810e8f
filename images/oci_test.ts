import { assertEquals, assertRejects, assertThrows } from "@std/testing";
import { DreyError } from "../errors.ts";
import { parseConfig, parseManifest, pickPlatform, quoteWords, splitWords } from "./oci.ts";
import { openRegistry, parseReference } from "./oci_registry.ts";

const digest = (digit: string) => `sha256:${digit.repeat(64)}`;

Deno.test("parseReference() completes the names of Docker Hub and keeps those of others", () => {
  const hub = parseReference("https://docker.io", "nginx:alpine");
  assertEquals(hub, {
    base: "https://registry-1.docker.io",
    host: "docker.io",
    repository: "library/nginx",
    reference: "alpine",
  });
  assertEquals(parseReference("https://docker.io", "org/app").repository, "org/app");
  const other = parseReference("http://127.0.0.1:5000/team", `app@${digest("a")}`);
  assertEquals([other.base, other.repository, other.reference], [
    "http://127.0.0.1:5000",
    "team/app",
    digest("a"),
  ]);
  for (const name of ["", "UPPER", "a b", "../x", "x:", "x@sha256:1"]) {
    assertThrows(() => parseReference("https://docker.io", name), DreyError, "Cannot read the image name");
  }
});

Deno.test("pickPlatform() takes the plain Linux of an architecture and says what there is otherwise", () => {
  const entry = (architecture: string, digit: string, more = {}) => ({
    digest: digest(digit),
    platform: { os: "linux", architecture, ...more },
  });
  const manifests = [
    entry("amd64", "2", { variant: "v3" }),
    entry("amd64", "1"),
    entry("arm64", "3", { variant: "v8" }),
    { digest: digest("4"), platform: { os: "windows", architecture: "amd64" } },
  ];
  assertEquals(pickPlatform({ manifests }, "x86_64"), digest("1"));
  assertEquals(pickPlatform({ manifests }, "aarch64"), digest("3"));
  assertThrows(() => pickPlatform({ manifests }, "riscv64"), DreyError, "linux/amd64, linux/arm64, windows");
});

Deno.test("parseManifest() and parseConfig() refuse what is not for us", () => {
  const layer = { mediaType: "x", digest: digest("1"), size: 1 };
  assertEquals(parseManifest({ config: layer, layers: [layer, layer] }).layers.length, 2);
  assertThrows(() => parseManifest({ schemaVersion: 1, fsLayers: [] }), DreyError, "Docker's schema 1");
  assertThrows(() => parseManifest({ config: layer }), DreyError, "no layers");
  assertThrows(() => parseManifest({ config: { ...layer, size: -1 }, layers: [] }), DreyError, "SHA-256");
  assertThrows(() => parseConfig({ os: "windows" }), DreyError, "not for Linux");
  const config = parseConfig({ architecture: "amd64", config: { Env: ["A=b=c", "D"], ExposedPorts: null } });
  assertEquals([config.env, config.workdir, config.ports], [{ A: "b=c", D: "" }, "/", []]);
});

Deno.test("splitWords() reads what quoteWords() writes, and what people write", () => {
  const words = ["/bin/sh", "-c", "echo 'a b' \"$x\" \\ é", "", "it's"];
  assertEquals(splitWords(quoteWords(words)), words);
  assertEquals(splitWords(`a "b c"d  e\\ f`), ["a", "b cd", "e f"]);
  assertThrows(() => splitWords("a 'b"), DreyError, "a quote is open");
});

Deno.test("openRegistry() proves who we are to the token server a registry names", async () => {
  const manifest = JSON.stringify({
    config: { mediaType: "c", digest: digest("1"), size: 1 },
    layers: [],
  });
  const seen: string[] = [];
  const basic = new TextEncoder().encode("me:sécret:✓").toBase64();
  await using server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, (request) => {
    const { pathname, search, origin } = new URL(request.url);
    const proof = request.headers.get("authorization") ?? "";
    seen.push(`${request.method} ${pathname}${search} ${proof}`.trim());
    if (pathname === "/token") {
      return proof === `Basic ${basic}`
        ? Response.json({ token: "t0ken" })
        : new Response("", { status: 401 });
    }
    if (proof === "Bearer t0ken") return new Response(manifest);
    const challenge = `Bearer realm="${origin}/token",service="test",scope="repository:app:pull"`;
    return new Response("", { status: 401, headers: { "www-authenticate": challenge } });
  });
  const name = parseReference(`http://127.0.0.1:${server.addr.port}`, "app:1");
  const credentials = { user: "me", password: "sécret:✓" };
  const found = await (await openRegistry(name, { credentials })).manifest("x86_64");
  assertEquals(found.text, manifest);
  assertEquals(seen, [
    "HEAD /v2/app/manifests/1",
    `GET /token?service=test&scope=repository%3Aapp%3Apull Basic ${basic}`,
    "GET /v2/app/manifests/1 Bearer t0ken",
  ]);
  const error = await assertRejects(() => openRegistry(name), DreyError);
  assertEquals(error.code, "FORBIDDEN");
});

Deno.test("what a registry sends us on to learns nothing of what is kept for the registry", async () => {
  const heard: string[] = [];
  const listen = (answer: (request: Request) => Response) =>
    Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, async (request) => {
      heard.push(`${request.headers.get("authorization") ?? ""} ${await request.text()}`);
      return answer(request);
    });
  const challenge = (origin: string) =>
    new Response("", { status: 401, headers: { "www-authenticate": `Bearer realm="${origin}/token"` } });
  const at = (server: Deno.HttpServer<Deno.NetAddr>) => `http://127.0.0.1:${server.addr.port}`;
  await using other = listen((request) => challenge(new URL(request.url).origin));
  await using sending = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    ({ url }) => {
      const { pathname, origin } = new URL(url);
      const isOurs = pathname.startsWith("/v2/own/");
      return isOurs ? challenge(origin) : Response.redirect(`${at(other)}${pathname}`, 307);
    },
  );
  const open = (name: string, user: string) =>
    assertRejects(
      () => openRegistry(parseReference(at(sending), name), { credentials: { user, password: "s3cret" } }),
      DreyError,
    );
  for (const user of ["me", "<token>"]) {
    assertEquals((await open("app", user)).code, "FORBIDDEN");
    assertEquals((await open("own/app", user)).code, user === "me" ? "FORBIDDEN" : "NETWORK");
  }
  assertEquals(heard, [" ", " ", " "]);
});

Deno.test("a registry whose answers are no JSON, or no token, is told from a mistake of ours", async () => {
  for (const [token, manifest] of [["null", "{}"], ['{"token":{}}', "{}"], ['{"token":"t"}', "{"]]) {
    await using server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, (request) => {
      const { pathname, origin } = new URL(request.url);
      if (pathname === "/token") return new Response(token);
      if (request.headers.has("authorization")) return new Response(manifest);
      const headers = { "www-authenticate": `Bearer realm="${origin}/token"` };
      return new Response("", { status: 401, headers });
    });
    const name = parseReference(`http://127.0.0.1:${server.addr.port}`, "app");
    const read = async () => (await openRegistry(name)).manifest("x86_64");
    assertEquals((await assertRejects(read, DreyError)).code, "NETWORK");
  }
});
