// drey as the client of a drey on another machine: its certificate is accepted once, and from then on it is that one
// or none.

import { assertEquals, assertMatch } from "@std/testing";
import { join } from "@std/path";
import { type Drey, e2e } from "../support/drey.ts";
import { eventually } from "../support/eventually.ts";
import { freePort, serve } from "../support/server.ts";
import type { RunResult } from "../../sys/run.ts";

const needs = ["userns", "subids"] as const;

type Run = (line: string, options?: { stdin?: string }) => Promise<RunResult>;

/** Settings and a state of their own, as on another machine. */
function environment(drey: Drey, name = "elsewhere"): Record<string, string> {
  const directory = join(drey.directory, name);
  return { DREY_DIR: directory, DREY_CONF: join(directory, "config") };
}

/** A drey with such an environment. */
function elsewhere(drey: Drey, name?: string): Run {
  const env = environment(drey, name);
  return (line, options = {}) => drey.run(line.split(" "), { ...options, env });
}

async function must(run: Promise<RunResult>): Promise<string> {
  const { code, stdout, stderr } = await run;
  if (code !== 0) throw new Error(`It ended with ${code}:\n${stderr}${stdout}`);
  return stdout;
}

/** How an exec ends whose command does not care for a signal, once it is sent again. */
async function endedByTwo(signal: Deno.Signal, drey: Drey): Promise<number> {
  const script = "trap : TERM; echo ready; while :; do sleep 1; done";
  const argv = ["exec", "far:c1", "--", "sh", "-c", script];
  const child = drey.spawn(argv, { stdout: "piped", env: environment(drey) });
  const output = child.stdout.getReader();
  await output.read();
  let isOver = false;
  const ended = child.status.finally(() => isOver = true);
  while (!isOver) {
    child.kill(signal);
    // two at once may be the shell's and the kernel's: a second is one that comes a second later, and on a busy machine
    // the command may hear of both at once
    await Promise.race([ended, new Promise((resolve) => setTimeout(resolve, 1100))]);
  }
  await output.cancel();
  return (await ended).code;
}

await e2e("drey leads instances of another machine, added by a token", { needs }, async (drey) => {
  await using _server = await serve(drey);
  await drey`config set core.https_address=127.0.0.1:${freePort()}`;
  const token = (await drey`config trust add --name me`).trim();
  const run = elsewhere(drey);
  await must(run(`remote add far ${token}`));
  await must(run("launch far:tiny far:c1"));
  assertEquals(await must(run("exec far:c1 -- hostname")), "c1\n");
  assertEquals((await run("exec far:c1 -- sh -c false")).code, 1);
  const big = await must(run("exec far:c1 -- wc -c", { stdin: "x".repeat(300_000) }));
  assertEquals(big.trim(), "300000");
  const file = join(drey.directory, "pushed");
  await Deno.writeTextFile(file, "over there\n");
  await must(run(`file push ${file} far:c1/root/pushed`));
  assertEquals(await must(run("file pull far:c1/root/pushed -")), "over there\n");
  assertEquals(await endedByTwo("SIGTERM", drey), 143);
  await must(run("config set far:c1 user.team=web"));
  assertEquals(await drey`config get c1 user.team`, "web\n");
  await must(run("remote switch far"));
  assertEquals(JSON.parse(await must(run("list --format json")))[0].name, "c1");
  await must(run("stop -f c1"));
  await must(run(`export c1 ${file}`));
  await must(run("delete c1"));
  await must(run(`import ${file}`));
  assertEquals((await drey`list --format csv -c n`).trim(), "c1");
  await must(run("delete c1"));
  await must(run("remote switch local"));
  assertMatch((await elsewhere(drey, "third")(`remote add far ${token}`)).stderr, /not authorized/);
});

await e2e(
  "a server's certificate is accepted by its fingerprint, and then pinned",
  { needs },
  async (drey) => {
    await using _server = await serve(drey);
    const address = `127.0.0.1:${freePort()}`;
    await drey`config set core.https_address=${address}`;
    const { environment } = JSON.parse(await drey`query /1.0`);
    const fingerprint = environment.certificate_fingerprint;
    const run = elsewhere(drey);
    const refused = await run(`remote add far ${address} --public`, { stdin: "n\n" });
    assertMatch(refused.stderr, new RegExp(`Certificate fingerprint: ${fingerprint}`));
    assertMatch(refused.stderr, /was not accepted/);
    assertMatch(
      (await run(`remote add far ${address} --public`, { stdin: "00ff\n" })).stderr,
      /was not accepted/,
    );
    assertEquals((await run("list far:")).code, 1);
    const token = (await drey`config trust add --name me`).trim();
    await must(run(`remote add far ${address} --token ${token}`));
    assertEquals(await must(run("query far:/1.0/instances")), "[]\n");

    // a server that somebody puts in its place
    for (const name of ["server.crt", "server.key"]) await Deno.remove(join(drey.directory, name));
    await drey`config unset core.https_address`;
    await drey`config set core.https_address=${address}`;
    const other = await run("list far:");
    assertEquals(other.code, 1);
    assertMatch(other.stderr, /another certificate than the one that was accepted/);
    assertMatch((await run(`remote add fake ${token}`)).stderr, /not the one that made the token/);
  },
);

await e2e("tokens are listed, revoked, and confine a client to projects", { needs }, async (drey) => {
  await using _server = await serve(drey);
  await drey`config set core.https_address=127.0.0.1:${freePort()}`;
  await drey`project create web`;
  assertMatch((await drey.tries`config trust add ci`).stderr, /"ci".*config trust add --name ci$/m);
  const token = (await drey`config trust add --name ci --restricted --projects web`).trim();
  assertMatch(await drey`config trust list-tokens`, /\| ci /);
  const run = elsewhere(drey);
  // there is no default project to be seen: the one there is, is meant
  assertMatch((await run(`remote add far ${token}`)).stderr, /Commands will work in the project web/);
  assertEquals(await must(run("list far: --format json")), "[]\n");
  assertMatch((await run("list far: --project default")).stderr, /not authorized/);
  assertMatch((await run("config set far: user.x=1")).stderr, /not authorized/);
  const [trusted] = JSON.parse(await drey`config trust list --format json`);
  const listening = drey.spawn(["monitor", "far:", "--type", "lifecycle", "--format", "json"], {
    env: environment(drey),
    stdout: "piped",
  });
  const heard = listening.stdout.getReader();
  const first = heard.read();
  let isHeard = false;
  void first.then(() => isHeard = true);
  await eventually("it listens", async () => {
    await drey`profile set default user.time=${Date.now()} --project web`;
    return isHeard;
  });
  assertMatch(new TextDecoder().decode((await first).value), /profile-updated/);
  assertEquals([trusted.name, trusted.restricted, trusted.projects], ["ci", true, ["web"]]);
  await drey`config trust remove ${trusted.fingerprint.slice(0, 12)}`;
  assertMatch((await run("list far:")).stderr, /not authorized/);
  // who was listening hears no more
  await listening.status;
  await heard.cancel();
  await drey`config trust add --name late`;
  await drey`config trust revoke-token late`;
  assertEquals(await drey`config trust list-tokens --format csv`, "");
  await drey`project delete web`;
});
