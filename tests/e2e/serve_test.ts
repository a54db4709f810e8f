// The same life of an instance through a server: by drey, by LXD's own client, and by both doors at once.

import { assertEquals, assertMatch } from "@std/testing";
import { join } from "@std/path";
import { type Drey, e2e } from "../support/drey.ts";
import { serve } from "../support/server.ts";

const needs = ["userns", "subids"] as const;

async function statusOf(drey: Drey, name: string): Promise<string | undefined> {
  return JSON.parse(await drey`list ${name} --format json`)[0]?.status;
}

await e2e("an instance lives its whole life through a server", { needs }, async (drey) => {
  await using _server = await serve(drey);
  await drey`launch tiny c1`;
  assertEquals(await drey`exec c1 -- hostname`, "c1\n");
  assertEquals((await drey.tries`exec c1 -- sh -c ${"exit 7"}`).code, 7);
  const { stdout } = await drey.run(["exec", "c1", "--", "cat"], { stdin: "through\n" });
  assertEquals(stdout, "through\n");
  await drey`config set c1 user.team=web`;
  assertEquals(await drey`config get c1 user.team`, "web\n");
  await drey`restart -f c1`;
  await drey`stop c1`;
  assertEquals(await statusOf(drey, "c1"), "Stopped");
  await drey`rename c1 c2`;
  await drey`start c2`;
  assertEquals(await statusOf(drey, "c2"), "Running");
  const refused = await drey.tries`delete c2`;
  assertEquals(refused.code, 1);
  assertMatch(refused.stderr, /running/);
  await drey`delete -f c2`;
  assertEquals(await statusOf(drey, "c2"), undefined);
});

await e2e(
  "LXD's own client leads an instance through its life",
  { needs: [...needs, "lxc"] },
  async (drey) => {
    const [image] = JSON.parse(await drey`image list --format json`);
    await using server = await serve(drey);
    const { lxc, tries } = server;
    await lxc("launch", image.fingerprint, "c1");
    await lxc("launch", "tiny", "c2");
    const list = async () =>
      JSON.parse(await lxc("list", "--format", "json")) as { name: string; status: string }[];
    assertEquals((await list()).map(({ name, status }) => `${name} ${status}`), ["c1 Running", "c2 Running"]);
    assertEquals(await lxc("exec", "c1", "--", "hostname"), "c1\n");
    assertEquals((await tries(["exec", "c1", "--", "sh", "-c", "exit 7"])).code, 7);
    assertEquals((await tries(["exec", "c1", "--", "no-such-program"])).code, 127);
    assertEquals(
      (await tries(["exec", "c1", "--", "wc", "-c"], { stdin: "x".repeat(300_000) })).stdout.trim(),
      "300000",
    );
    assertEquals(
      (await tries(["exec", "c1", "--env", "A=1", "--cwd", "/tmp", "--", "sh", "-c", "echo $A; pwd"])).stdout,
      "1\n/tmp\n",
    );
    await lxc("config", "set", "c1", "user.team=web");
    assertEquals(await lxc("config", "get", "c1", "user.team"), "web\n");
    assertMatch(await lxc("config", "show", "c1"), /user.team: web/);
    await lxc("restart", "-f", "c1");
    assertEquals(await lxc("exec", "c1", "--", "hostname"), "c1\n");
    await lxc("stop", "c1");
    await lxc("start", "c1");
    assertMatch(await lxc("info", "c1"), /Status: RUNNING/i);
    await lxc("stop", "-f", "c1");
    await lxc("rename", "c1", "c3");
    await lxc("delete", "c3");
    await lxc("delete", "-f", "c2");
    assertEquals(await list(), []);
  },
);

await e2e("both doors open on the same instances at the same time", { needs }, async (drey) => {
  await using _server = await serve(drey);
  const ends = await Promise.all([
    drey.tries`launch tiny c1`,
    drey.tries`launch tiny c2 --force-local`,
    drey.tries`launch tiny c3`,
    drey.tries`launch tiny c4 --force-local`,
  ]);
  assertEquals(ends.map(({ stderr, code }) => code === 0 ? "" : stderr), ["", "", "", ""]);
  const names = async (flags: string[]) =>
    (JSON.parse(await drey`list ${flags} --format json`) as { name: string }[]).map(({ name }) => name);
  assertEquals(await names([]), ["c1", "c2", "c3", "c4"]);
  assertEquals(await names(["--force-local"]), ["c1", "c2", "c3", "c4"]);
  assertEquals(await drey`exec c2 -- hostname`, "c2\n");
  assertEquals(await drey`exec c1 --force-local -- hostname`, "c1\n");
  const raced = await Promise.all([drey.tries`launch tiny c5`, drey.tries`launch tiny c5 --force-local`]);
  assertEquals(raced.map(({ code }) => code).toSorted(), [0, 1]);
  await Promise.all([drey`delete -f c1 c3 c5`, drey`delete -f c2 c4 --force-local`]);
  assertEquals(await names([]), []);
});

await e2e("a server that is told to end leaves its instances running", { needs }, async (drey) => {
  {
    await using _server = await serve(drey);
    await drey`launch tiny c1`;
    const socket = join(drey.directory, "unix.socket");
    assertEquals((await Deno.stat(socket)).mode! & 0o777, 0o600);
    const second = await drey.tries`serve`;
    assertEquals(second.code, 1);
    assertMatch(second.stderr, /^Error: [^\n]*\n$/);
  }
  assertEquals([...Deno.readDirSync(drey.directory)].filter(({ name }) => name === "unix.socket"), []);
  assertEquals(await drey`exec c1 -- echo alive`, "alive\n");
  {
    await using _server = await serve(drey);
    assertEquals(await drey`exec c1 -- echo alive`, "alive\n");
  }
  await drey`stop c1`;
});

await e2e("a server takes the instances that others ended for what they are", { needs }, async (drey) => {
  await using _server = await serve(drey);
  await drey`launch tiny c1`;
  await drey`stop -f c1 --force-local`;
  assertEquals(await statusOf(drey, "c1"), "Stopped");
  await drey`start c1 --force-local`;
  assertEquals(await drey`exec c1 -- echo alive`, "alive\n");
});
