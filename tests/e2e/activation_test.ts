// drey serve as systemd runs it: started by whoever connects, gone when nobody needs it, told to read its settings anew.

import { eventually } from "../support/eventually.ts";
import { assert, assertEquals, assertMatch } from "@std/testing";
import { join } from "@std/path";
import { type Drey, e2e } from "../support/drey.ts";
import { openTls } from "../support/raw_https.ts";
import { freePort } from "../support/server.ts";
import { fingerprintOf } from "../../auth/tls.ts";

const needs = ["userns", "subids"] as const;

interface Started extends AsyncDisposable {
  child: Deno.ChildProcess;
  /** what it has said so far */
  log(): string;
  until(pattern: RegExp): Promise<void>;
}

function follow(child: Deno.ChildProcess): Started {
  let text = "";
  const reading = (async () => {
    for await (const chunk of child.stderr.pipeThrough(new TextDecoderStream())) text += chunk;
  })();
  return {
    child,
    log: () => text,
    async until(pattern) {
      await eventually(`${pattern} is on the log`, () => pattern.test(text), 50);
    },
    async [Symbol.asyncDispose]() {
      try {
        child.kill("SIGTERM");
      } catch (error) {
        // it has ended by itself
        if (!(error instanceof TypeError)) throw error;
      }
      await child.status;
      await reading;
    },
  };
}

function activate(drey: Drey, ...flags: string[]): Started {
  const socket = join(drey.directory, "unix.socket");
  const [program = "", ...args] = [
    "systemd-socket-activate",
    "-l",
    socket,
    ...drey.commandLine(["serve", ...flags]),
  ];
  // systemd-socket-activate hands on few variables
  const keep = ["DREY_DIR", "DREY_CONF", "HOME", "DENO_DIR", "USER", "PATH"].flatMap((name) => ["-E", name]);
  const child = new Deno.Command(program, {
    args: [...keep, ...args],
    env: drey.environment,
    stdin: "null",
    stdout: "null",
    stderr: "piped",
  }).spawn();
  return follow(child);
}

await e2e(
  "a server that a socket started serves, ends when idle, and leaves its instances",
  { needs: [...needs, "socket-activate"] },
  async (drey) => {
    const socket = join(drey.directory, "unix.socket");
    await using server = activate(drey, "--idle", "1", "--verbose");
    await server.until(/Listening on/);
    // somebody who is connected keeps it from ending before it was looked at
    const visitor = await Deno.connect({ transport: "unix", path: socket });
    await drey`launch tiny c1`;
    assertMatch(server.log(), /level=info msg=Listening socket="descriptor 3"/);
    // the instance does not hold the socket that was handed over
    const status = JSON.parse(await drey`list --format json`)[0].state;
    const inode = (await Deno.readLink(`/proc/${server.child.pid}/fd/3`)).match(/\d+/)?.[0];
    for (const pid of await processesOf(drey)) assert(!(await holds(pid, inode)), `${pid} holds the socket`);
    assertEquals(typeof status.pid, "number");
    // somebody must be there when a snapshot is due
    await drey`config set c1 snapshots.schedule=@daily`;
    visitor.close();
    await server.until(/msg=Staying why="snapshots.schedule of instance \\"c1\\""/);
    await drey`config unset c1 snapshots.schedule`;
    await server.until(/msg=Ending why=idle/);
    assertEquals((await server.child.status).code, 0);
    // whoever made the socket keeps it
    assert((await Deno.lstat(socket)).isSocket);
    assertEquals(await drey`exec c1 -- echo alive`, "alive\n");
  },
);

/** Processes whose environment or arguments name the test's directory, but for the server. */
async function processesOf(drey: Drey): Promise<string[]> {
  const found: string[] = [];
  for await (const { name } of Deno.readDir("/proc")) {
    if (!/^\d+$/.test(name) || Number(name) === Deno.pid) continue;
    const line = await Deno.readTextFile(`/proc/${name}/cmdline`).catch(() => "");
    if (line.includes(drey.directory) && !line.includes("serve")) found.push(name);
  }
  return found;
}

async function holds(pid: string, inode: string | undefined): Promise<boolean> {
  assert(inode !== undefined);
  try {
    for await (const { name } of Deno.readDir(`/proc/${pid}/fd`)) {
      const target = await Deno.readLink(`/proc/${pid}/fd/${name}`).catch(() => "");
      if (target === `socket:[${inode}]`) return true;
    }
  } catch (error) {
    // not ours to see, or gone
    if (!(error instanceof Deno.errors.PermissionDenied || error instanceof Deno.errors.NotFound)) {
      throw error;
    }
  }
  return false;
}

await e2e(
  "SIGHUP makes a server take up a new certificate, SIGTERM ends it",
  { needs, images: [] },
  async (drey) => {
    await using server = follow(drey.spawn(["serve", "--verbose"], { stdout: "null", stderr: "piped" }));
    await server.until(/msg=Listening socket=/);
    const address = `127.0.0.1:${freePort()}`;
    await drey`config set core.https_address=${address}`;
    await server.until(new RegExp(`msg=Listening https=${address}`));
    const shown = async () => {
      const socket = await openTls(address);
      const { raw } = socket.getPeerCertificate();
      socket.destroy();
      return fingerprintOf(Uint8Array.from(raw));
    };
    const before = await shown();
    for (const name of ["server.crt", "server.key"]) await Deno.remove(join(drey.directory, name));
    server.child.kill("SIGHUP");
    await server.until(/msg=Reloaded/);
    assert(await shown() !== before);
    await drey`profile create p1`;
    await server.until(
      /level=debug msg=Request method=POST path=\/1\.0\/profiles status=201 ms=\d+ door=unix/,
    );
    server.child.kill("SIGTERM");
    assertEquals((await server.child.status).code, 0);
    await server.until(/msg=Ending why=SIGTERM/);
  },
);

await e2e(
  "HTTPS follows its setting, and one that cannot be is refused",
  { needs, images: [] },
  async (drey) => {
    await using server = follow(drey.spawn(["serve"], { stdout: "null", stderr: "piped" }));
    await server.until(/msg=Listening socket=/);
    const [first, second] = [`127.0.0.1:${freePort()}`, `127.0.0.1:${freePort()}`];
    await drey`config set core.https_address=${first}`;
    (await openTls(first)).destroy();
    // by another process, without the server
    await drey`config set core.https_address=${second} --force-local`;
    await server.until(new RegExp(`msg=Listening https=${second}`));
    (await openTls(second)).destroy();
    const taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const refused = await drey.tries`config set core.https_address=127.0.0.1:${taken.addr.port}`;
    taken.close();
    assertEquals(refused.code, 1);
    assertMatch(refused.stderr, /Cannot listen on/);
    assertEquals(await drey`config get core.https_address`, `${second}\n`);
    (await openTls(second)).destroy();
    for (
      const [key, value] of [["core.trust_password", "x"], ["core.https_address", "no address"], [
        "core.x",
        "1",
      ]]
    ) {
      assertEquals((await drey.tries`config set ${`${key}=${value}`}`).code, 1, key);
    }
    await drey`config unset core.https_address`;
    await server.until(/HTTPS is off/);
    assertEquals(await drey`config show`, "config: {}\n");
  },
);
