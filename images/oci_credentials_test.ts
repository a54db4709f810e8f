import { assertEquals, assertRejects } from "@std/testing";
import { DreyError } from "../errors.ts";
import { readCredentials } from "./oci_credentials.ts";
import { openRegistry, parseReference } from "./oci_registry.ts";

Deno.test("readCredentials() finds what a login has kept", async () => {
  const home = await Deno.makeTempDir();
  await Deno.mkdir(`${home}/.docker`);
  const auths = {
    "https://index.docker.io/v1/": { auth: btoa("hub:pass") },
    "r.example:5000": { auth: btoa("me:a:b") },
  };
  await Deno.writeTextFile(`${home}/.docker/config.json`, JSON.stringify({ auths }));
  const env = (name: string) => name === "HOME" ? home : undefined;
  assertEquals(await readCredentials({ host: "docker.io", repository: "library/nginx" }, env), {
    user: "hub",
    password: "pass",
  });
  assertEquals(await readCredentials({ host: "r.example:5000", repository: "a" }, env), {
    user: "me",
    password: "a:b",
  });
  assertEquals(await readCredentials({ host: "other", repository: "a" }, env), undefined);
  await Deno.remove(home, { recursive: true });
});

/** A home with an auth file, and helpers as shell scripts on the PATH. */
async function withHelpers(
  file: unknown,
  helpers: Record<string, string>,
  test: (find: (host: string, repository?: string) => ReturnType<typeof readCredentials>) => Promise<void>,
): Promise<void> {
  const home = await Deno.makeTempDir();
  const path = Deno.env.get("PATH") ?? "";
  try {
    await Deno.mkdir(`${home}/.docker`);
    await Deno.writeTextFile(`${home}/.docker/config.json`, JSON.stringify(file));
    for (const [name, script] of Object.entries(helpers)) {
      const program = `${home}/docker-credential-${name}`;
      await Deno.writeTextFile(program, `#!/bin/sh\n${script}\n`, { mode: 0o755 });
      await Deno.chmod(program, 0o755);
    }
    Deno.env.set("PATH", `${home}:${path}`);
    const env = (name: string) => name === "HOME" ? home : undefined;
    await test((host, repository = "org/app") => readCredentials({ host, repository }, env));
  } finally {
    Deno.env.set("PATH", path);
    await Deno.remove(home, { recursive: true });
  }
}

const answering =
  'read -r name || :; printf \'{"ServerURL":"%s","Username":"me","Secret":"for %s"}\' "$name" "$name"';

Deno.test("readCredentials() asks the helper of a registry before the file, and the general one after it", async () => {
  const file = {
    auths: { "r.example": { auth: btoa("plain:word") }, "s.example": { auth: btoa("plain:word") } },
    credHelpers: { "r.example": "one" },
    credsStore: "all",
  };
  await withHelpers(file, { one: answering, all: answering }, async (find) => {
    assertEquals(await find("r.example"), { user: "me", password: "for r.example" });
    assertEquals(await find("s.example"), { user: "plain", password: "word" });
    assertEquals(await find("docker.io"), { user: "me", password: "for https://index.docker.io/v1/" });
  });
});

Deno.test("readCredentials() goes without a helper that knows nothing, and says which one fails", async () => {
  const file = { credHelpers: { "r.example": "none", "s.example": "broken", "t.example": "away" } };
  const helpers = {
    none: "echo credentials not found in native keychain; exit 1",
    broken: "echo the keyring is locked >&2; exit 1",
  };
  await withHelpers(file, helpers, async (find) => {
    assertEquals(await find("r.example"), undefined);
    await assertRejects(() => find("s.example"), DreyError, "the keyring is locked");
    await assertRejects(() => find("t.example"), DreyError, "docker-credential-away is not installed");
  });
  await withHelpers(
    { credsStore: "away" },
    {},
    async (find) => assertEquals(await find("r.example"), undefined),
  );
});

Deno.test("readCredentials() takes what is kept for a part of a registry before what is kept for all of it", async () => {
  const auth = (user: string) => ({ auth: btoa(`${user}:x`) });
  const auths = { "r.example": auth("all"), "r.example/org": auth("org"), "r.example/org/app": auth("app") };
  await withHelpers({ auths }, {}, async (find) => {
    assertEquals((await find("r.example", "org/app"))?.user, "app");
    assertEquals((await find("r.example", "org/other"))?.user, "org");
    assertEquals((await find("r.example", "organ"))?.user, "all");
  });
});

Deno.test("an identity token is given for one that opens the repository", async () => {
  const asked: string[] = [];
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, async (request) => {
    const { pathname, origin } = new URL(request.url);
    if (pathname === "/token") {
      asked.push(`${request.method} ${await request.text()}`);
      return Response.json({ access_token: "opens" });
    }
    if (request.headers.get("authorization") === "Bearer opens") return new Response("a blob");
    const challenge = `Bearer realm="${origin}/token",service="here"`;
    return new Response(null, { status: 401, headers: { "www-authenticate": challenge } });
  });
  const name = parseReference(`http://127.0.0.1:${server.addr.port}`, "app");
  const credentials = { user: "<token>", password: "s3cret" };
  const registry = await openRegistry(name, { credentials });
  assertEquals(registry.blobSource("sha256:0").headers, { authorization: "Bearer opens" });
  const form = new URLSearchParams(asked[0]?.replace("POST ", ""));
  assertEquals([form.get("grant_type"), form.get("refresh_token"), form.get("service"), form.get("scope")], [
    "refresh_token",
    "s3cret",
    "here",
    "repository:app:pull",
  ]);
  await server.shutdown();
});
