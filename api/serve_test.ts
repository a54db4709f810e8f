import { join } from "@std/path";
import { assert, assertEquals, assertMatch } from "@std/testing";

const entrance = new URL("../cli.ts", import.meta.url).pathname;

interface Running extends AsyncDisposable {
  child: Deno.ChildProcess;
  client: Deno.HttpClient;
}

function start(directory: string, ...args: string[]): Deno.ChildProcess {
  return new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--quiet", entrance, "serve", ...args],
    env: { DREY_DIR: directory, XDG_CONFIG_HOME: directory },
    stderr: "piped",
  }).spawn();
}

/** A server that listens; killed at the end if it is still there. */
async function serve(directory: string): Promise<Running> {
  const child = start(directory);
  const reader = child.stderr.getReader();
  const said = new TextDecoder().decode((await reader.read()).value);
  assertMatch(said, /level=info msg=Listening socket=/);
  reader.releaseLock();
  const path = join(directory, "unix.socket");
  const client = Deno.createHttpClient({ proxy: { transport: "unix", path } });
  return {
    child,
    client,
    async [Symbol.asyncDispose]() {
      client.close();
      try {
        child.kill("SIGKILL");
      } catch (error) {
        // it has ended already
        if (!(error instanceof TypeError)) throw error;
      }
      await child.status;
      await child.stderr.cancel();
    },
  };
}

async function temporaryDirectory(): Promise<AsyncDisposable & { path: string }> {
  const path = await Deno.makeTempDir({ prefix: "drey-serve-" });
  return { path, [Symbol.asyncDispose]: () => Deno.remove(path, { recursive: true }) };
}

Deno.test("drey serve listens for its user alone, refuses a second, and leaves nothing on SIGTERM", async () => {
  await using directory = await temporaryDirectory();
  await using first = await serve(directory.path);
  const socket = join(directory.path, "unix.socket");
  assertEquals((Deno.statSync(socket).mode ?? 0) & 0o777, 0o600);
  const response = await fetch("http://drey/1.0", { client: first.client });
  assertEquals((await response.json()).metadata.auth, "trusted");

  const second = await start(directory.path).output();
  assertEquals(second.code, 1);
  assertMatch(new TextDecoder().decode(second.stderr), /^Error: Cannot serve on .*another drey does/);
  assertEquals((await fetch("http://drey/", { client: first.client })).status, 200);

  first.child.kill("SIGTERM");
  assertEquals((await first.child.status).code, 0);
  assert(!await Deno.stat(socket).then(() => true, () => false));
});

Deno.test("drey serve takes over the socket of a server that was killed", async () => {
  await using directory = await temporaryDirectory();
  {
    await using killed = await serve(directory.path);
    killed.child.kill("SIGKILL");
    await killed.child.status;
  }
  assert(Deno.lstatSync(join(directory.path, "unix.socket")).isSocket);
  await using next = await serve(directory.path);
  assertEquals((await fetch("http://drey/1.0/instances", { client: next.client })).status, 200);
});

Deno.test("drey serve says what it cannot do, in one line", async () => {
  await using directory = await temporaryDirectory();
  await Deno.writeTextFile(join(directory.path, "file"), "precious");
  const cases: [string[], RegExp][] = [
    [["--nonsense"], /unexpected argument "--nonsense"/],
    [["--socket", join(directory.path, "x".repeat(120))], /at most 107 bytes/],
    [["--socket", join(directory.path, "file")], /there is something else/],
    [["--group", "no-such"], /there is no group "no-such"/],
    // of a group that one is not in, or that would not get there
    [["--group", "daemon"], /Cannot let in the group "daemon": (you are not in it|its members cannot enter)/],
    [["--install", "--group", "daemon"], /Cannot let in the group "daemon"/],
  ];
  for (const [args, expected] of cases) {
    const { code, stderr } = await start(directory.path, ...args).output();
    const said = new TextDecoder().decode(stderr).trim();
    assertEquals([code, said.split("\n").length], [1, 1], said);
    assertMatch(said, expected);
  }
  assertEquals(await Deno.readTextFile(join(directory.path, "file")), "precious");
});
