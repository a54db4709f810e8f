// Snapshots, copies and what becomes of them, through drey and through LXD's own client.

import { assert, assertEquals, assertMatch } from "@std/testing";
import { type Drey, e2e } from "../support/drey.ts";
import { inOneMinute, passTwoMinutes, stopClock } from "../support/schedule.ts";
import { serve } from "../support/server.ts";

const needs = ["userns"] as const;

const write = (drey: Drey, name: string, text: string) =>
  drey.run(["exec", name, "--", "sh", "-c", `echo ${text} >/root/f`]);
const read = async (drey: Drey, name: string) => (await drey`file pull ${`${name}/root/f`} -`).trim();

/** Layers of the default pool. */
const layers = (drey: Drey) => [...Deno.readDirSync(`${drey.directory}/storage-pools/default/layers`)].length;

await e2e("a snapshot keeps what the instance was, running or stopped", { needs }, async (drey) => {
  await drey`launch tiny c1`;
  await write(drey, "c1", "one");
  await drey`snapshot c1 running`;
  await write(drey, "c1", "two");
  await drey`exec c1 -- rm /etc/hosts`;
  await drey`stop -f c1`;
  await drey`snapshot c1`;
  await drey`start c1`;
  await write(drey, "c1", "three");
  await drey`restore c1 running`;
  assertEquals(await read(drey, "c1"), "one");
  await drey`exec c1 -- cat /etc/hosts`;
  await drey`stop -f c1`;
  await drey`restore c1 snap0`;
  assertEquals(await read(drey, "c1"), "two");
  assertEquals((await drey.tries`file pull c1/etc/hosts -`).code, 1, "what was deleted stays deleted");
  const taken = await drey.tries`snapshot c1 snap0`;
  assertMatch(taken.stderr, /^Error: Snapshot "snap0" of instance "c1" already exists/);
  assertMatch((await drey.tries`snapshot c1 s --stateful`).stderr, /Stateful snapshots are not supported/);
  assertMatch((await drey.tries`restore c1 nothing`).stderr, /has no snapshot "nothing"/);
  const incus = await drey.tries`snapshot list c1`;
  assertMatch(incus.stderr, /Instance "list" not found. Use: drey info <instance>/);
});

await e2e("a restore brings settings back as well", { needs }, async (drey) => {
  await drey`init tiny c1 -c user.colour=red`;
  await drey`snapshot c1 s0`;
  const uuid = await drey`config get c1 volatile.uuid`;
  await drey`config set c1 user.colour=blue user.more=x`;
  await drey`restore c1 s0`;
  assertEquals(await drey`config get c1 user.colour`, "red\n");
  assertEquals(await drey`config get c1 user.more`, "\n");
  assertEquals(await drey`config get c1 volatile.uuid`, uuid);
});

await e2e("copies stand alone: what becomes of one is nothing to the others", { needs }, async (drey) => {
  await drey`launch tiny c1`;
  await write(drey, "c1", "one");
  await drey`stop -f c1`;
  await drey`snapshot c1 s0`;
  await drey`copy c1/s0 c2`;
  await drey`copy c1 c3 -c user.x=1 -e`;
  const [, , c3] = JSON.parse(await drey`list --format json`);
  assertEquals([c3.config["user.x"], c3.ephemeral, c3.snapshots.length], ["1", true, 1]);
  assert(c3.config["volatile.uuid"] !== await drey`config get c1 volatile.uuid`);
  await drey`delete c1`;
  await drey`start c2 c3`;
  await write(drey, "c2", "two");
  assertEquals([await read(drey, "c2"), await read(drey, "c3")], ["two", "one"]);
  await drey`copy c2 c4 --instance-only`;
  assertEquals(await read(drey, "c4"), "two", "a running one can be copied");
  await drey`delete -f c2 c3 c4`;
  assertEquals(layers(drey), 0, "a layer nobody needs is removed");
});

await e2e("a copy is refreshed: files and snapshots follow, settings stay", { needs }, async (drey) => {
  await drey`launch tiny c1`;
  await write(drey, "c1", "one");
  await drey`snapshot c1 old`;
  await drey`copy c1 c2 -c user.mine=yes`;
  await write(drey, "c1", "two");
  await drey`snapshot c1 new`;
  await drey`delete c1/old`;
  await drey`copy c1 c2 --refresh`;
  assertEquals(await read(drey, "c2"), "two");
  assertEquals(await drey`config get c2 user.mine`, "yes\n");
  const { snapshots } = JSON.parse(await drey`query ${"/1.0/instances/c2?recursion=1"}`);
  assertEquals(snapshots.map(({ name }: { name: string }) => name), ["new"]);
  await drey`storage create other dir`;
  await drey`copy c1 c3 -s other --instance-only`;
  await write(drey, "c1", "three");
  await drey`copy c1 c3 --refresh`;
  await drey`restore c3 new`;
  assertEquals(await read(drey, "c3"), "two", "a snapshot that came with a refresh from another pool");
  await drey`copy c1 c3 --refresh`;
  assertEquals(await read(drey, "c3"), "three");
  const volumes = [...Deno.readDirSync(`${drey.directory}/storage-pools/other/containers`)];
  assertEquals(volumes.map(({ name }) => name), ["c3"], "what was made beside it is gone");
});

await e2e(
  "snapshots are renamed, shown and deleted, and keep their layers in order",
  { needs },
  async (drey) => {
    await drey`init tiny c1`;
    for (const text of ["one", "two", "three"]) {
      await drey.run(["file", "push", "-", "c1/root/f"], { stdin: text });
      await drey`snapshot c1 ${text}`;
    }
    assertEquals(layers(drey), 3);
    await drey`rename c1/one c1/first`;
    assertMatch(await drey`config show c1/first`, /^name: first$/m);
    assertMatch(await drey`info c1`, /\| first .*\n.*\n\| two .*\n.*\n\| three /);
    await drey`delete c1/two`;
    assertEquals(layers(drey), 2, "what only the snapshot kept apart is merged");
    await drey`copy c1/first c2`;
    await drey`copy c1/three c3`;
    assertEquals([await read(drey, "c2"), await read(drey, "c3"), await read(drey, "c1")], [
      "one",
      "three",
      "three",
    ]);
    await drey`rename c1 c9`;
    await drey`restore c9 first`;
    assertEquals(await read(drey, "c9"), "one");
  },
);

await e2e("a stack of snapshots stays low enough to be mounted", { needs }, async (drey) => {
  await drey`init tiny c1`;
  for (let n = 0; n < 26; n++) {
    await drey.run(["file", "push", "-", `c1/root/f${n}`], { stdin: `${n}` });
    await drey`snapshot c1 ${`s${n}`}`;
  }
  const manifest = JSON.parse(
    Deno.readTextFileSync(`${drey.directory}/storage-pools/default/containers/c1/volume.json`),
  );
  assert(manifest.layers.length <= 20, `${manifest.layers.length} layers`);
  assertEquals(await drey`file pull c1/root/f0 -`, "0");
  await drey`copy c1/s24 c2`;
  assertEquals(await drey`file pull c2/root/f24 -`, "24");
  assertEquals((await drey.tries`file pull c2/root/f25 -`).code, 1);
});

await e2e(
  "an instance is rebuilt, empty or from an image, and keeps its snapshots",
  { needs },
  async (drey) => {
    await drey`launch tiny c1`;
    await write(drey, "c1", "one");
    await drey`snapshot c1 s0`;
    assertMatch((await drey.tries`rebuild tiny c1`).stderr, /must be stopped/);
    await drey`rebuild tiny c1 --force`;
    assertEquals((await drey.tries`file pull c1/root/f -`).code, 1);
    await drey`exec c1 -- true`;
    await drey`stop -f c1`;
    await drey`rebuild c1 --empty`;
    assertEquals((await drey.tries`file pull c1/etc/hosts -`).code, 1);
    await drey`restore c1 s0`;
    assertEquals(await read(drey, "c1"), "one");
  },
);

await e2e("instances move between storage pools with their snapshots", { needs }, async (drey) => {
  await drey`storage create other dir`;
  await drey`launch tiny c1`;
  await write(drey, "c1", "one");
  await drey`snapshot c1 s0`;
  await write(drey, "c1", "two");
  assertMatch((await drey.tries`move c1 c1 --storage other`).stderr, /must be stopped/);
  await drey`stop -f c1`;
  await drey`move c1 c2 --storage other`;
  assertEquals(
    await drey`query ${"/1.0/storage-pools/other"} --raw`.then((text) => JSON.parse(text).metadata.used_by),
    [
      "/1.0/instances/c2",
      "/1.0/instances/c2/snapshots/s0",
    ],
  );
  assertEquals(await read(drey, "c2"), "two");
  await drey`restore c2 s0`;
  await drey`start c2`;
  assertEquals(await drey`exec c2 -- cat /root/f`, "one\n");
  await drey`copy c2 c3 --storage default --instance-only`;
  assertEquals(await read(drey, "c3"), "one", "a running one can be copied to another pool");
  await drey`stop -f c2`;
  assertMatch((await drey.tries`move c2 c4 --instance-only`).stderr, /to another storage pool or project/);
  await drey`move c2 --storage default --instance-only`;
  assertMatch((await drey.tries`move c2`).stderr, /Missing the new name of "c2"/);
  await drey`rename c2 c4`;
  assertEquals(await drey`query /1.0/instances/c4/snapshots`, "[]\n");
  assertEquals(await drey`query /1.0/storage-pools/other/volumes`, "[]\n");
  await drey`delete -f c3 c4`;
  await drey`storage delete other`;
});

await e2e("a copy of an isolated instance has ids of its own, and owners inside stay", {
  needs: [...needs, "root"],
}, async (drey) => {
  await drey`launch tiny c1 -c security.idmap.isolated=true`;
  await drey`exec c1 -- sh -c ${"echo one >/root/f; chown 1000:33 /root/f; chmod 4750 /root/f"}`;
  await drey`snapshot c1 s0`;
  await drey`exec c1 -- sh -c ${"echo two >/root/g"}`;
  await drey`copy c1 c2`;
  await drey`start c2`;
  const ids = async (name: string) => await drey`config get ${name} volatile.idmap.current`;
  assert(await ids("c1") !== await ids("c2"), "they share no ids");
  const stat = "stat -c '%u %g %a' /root/f /usr/bin/cat";
  assertEquals(await drey`exec c2 -- sh -c ${stat}`, "1000 33 4750\n0 0 755\n");
  assertEquals(await drey`exec c2 -- cat /root/g`, "two\n");
  await drey`restore c2 s0`;
  assertEquals((await drey.tries`exec c2 -- cat /root/g`).code, 1);
  assertEquals(await drey`exec c2 -- sh -c ${stat}`, "1000 33 4750\n0 0 755\n");
});

await e2e("lxc takes, shows, restores, copies, moves and deletes snapshots", {
  needs: [...needs, "lxc"],
}, async (drey) => {
  await using server = await serve(drey);
  const { lxc } = server;
  await lxc("launch", "tiny", "c1");
  await lxc("exec", "c1", "--", "sh", "-c", "echo one >/root/f");
  await lxc("snapshot", "c1", "s0");
  await lxc("snapshot", "c1");
  await lxc("exec", "c1", "--", "sh", "-c", "echo two >/root/f");
  const info = await lxc("info", "c1");
  assertMatch(info, /Snapshots:\n[^]*\| s0 [^]*\| snap0 /);
  assertMatch(
    await lxc("storage", "volume", "list", "default"),
    /\| container +\| c1 .*\n[^]*\| container \(snapshot\) \| c1\/s0 +\| +\| filesystem +\| 1 /,
  );
  assertMatch(await lxc("storage", "volume", "info", "default", "container/c1"), /Snapshots:[^]*s0/);
  const volumes: unknown = JSON.parse(await lxc("query", "/1.0/storage-pools/default/volumes"));
  const c1 = "/1.0/storage-pools/default/volumes/container/c1";
  assertEquals(volumes, [c1, `${c1}/snapshots/s0`, `${c1}/snapshots/snap0`]);
  const shown = JSON.parse(await lxc("query", `/1.0/storage-pools/default/volumes?recursion=1`)) as {
    name: string;
    used_by: string[];
  }[];
  assertEquals(shown.map(({ name, used_by }) => [name, used_by]), [
    ["c1", ["/1.0/instances/c1"]],
    ["c1/s0", ["/1.0/instances/c1/snapshots/s0"]],
    ["c1/snap0", ["/1.0/instances/c1/snapshots/snap0"]],
  ]);
  const kept = JSON.parse(await lxc("query", `${c1}/snapshots/s0`)) as { name: string; expires_at: string };
  assertEquals([kept.name, kept.expires_at.slice(0, 5)], ["s0", "0001-"]);
  await lxc("restore", "c1", "s0");
  assertEquals(await lxc("exec", "c1", "cat", "/root/f"), "one\n");
  await lxc("copy", "c1/s0", "c2");
  await lxc("copy", "c1", "c3", "--instance-only");
  await lxc("copy", "c1", "c3", "--refresh");
  await lxc("start", "c2");
  assertEquals(await lxc("exec", "c2", "cat", "/root/f"), "one\n");
  assertMatch(await lxc("config", "show", "c1/s0"), /^expanded_devices:/m);
  await lxc("rename", "c1/snap0", "c1/later");
  await lxc("delete", "c1/later");
  assertMatch((await server.tries(["delete", "c1/later"])).stderr, /has no snapshot "later"/);
  await lxc("stop", "-f", "c1");
  await lxc("move", "c1", "c5");
  await lxc("storage", "create", "other", "dir");
  await lxc("move", "c5", "--storage", "other");
  await lxc("start", "c5");
  assertEquals(await lxc("exec", "c5", "cat", "/root/f"), "one\n");
  const listed = JSON.parse(await lxc("list", "--format", "json")) as {
    name: string;
    snapshots: unknown[];
  }[];
  assertEquals(listed.map(({ name, snapshots }) => [name, snapshots?.length ?? 0]), [["c2", 0], ["c3", 2], [
    "c5",
    1,
  ]]);
  await lxc("delete", "-f", "c2", "c3", "c5");
  await lxc("storage", "delete", "other");
});

await e2e(
  "snapshots are taken when they are due, and go when their time is over",
  { needs },
  async (drey) => {
    const names = async (name: string) => {
      const { snapshots } = JSON.parse(await drey`query ${`/1.0/instances/${name}?recursion=1`}`);
      return (snapshots ?? []).map(({ name }: { name: string }) => name);
    };
    await inOneMinute(async () => {
      await drey`init tiny c1 -c ${"snapshots.schedule=* * * * *"} -c snapshots.schedule.stopped=true`;
      assertEquals(await names("c1"), [], "nothing is due in the minute of its creation");
    }, async () => void await drey`delete c1`);
    await stopClock(drey);
    await drey`init tiny c2 -c ${"snapshots.schedule=* * * * *"}`;
    await drey`init tiny c3 -c snapshots.schedule=@startup -c snapshots.pattern=boot%d`;
    await drey`start c3`;
    assertEquals(await names("c3"), ["boot0"]);
    await drey`restart --force c3`;
    assertEquals(await names("c3"), ["boot0", "boot1"]);
    await passTwoMinutes(drey);
    assertEquals([await names("c1"), await names("c2")], [["snap0"], []], "a stopped one only if it says so");
    await drey`config set c1 snapshots.schedule=@never snapshots.expiry=1M snapshots.expiry.manual=1y`;
    await drey`snapshot c1 kept --no-expiry`;
    await drey`snapshot c1 gone`;
    const { expires_at } = JSON.parse(await drey`query /1.0/instances/c1/snapshots/gone`);
    assert(Date.parse(expires_at) > Date.now() + 300 * 86_400_000, "by hand it is kept for a year");
    const patch = JSON.stringify({ expires_at: "2020-01-01T00:00:00Z" });
    await drey`query -X PATCH -d ${patch} /1.0/instances/c1/snapshots/gone --wait`;
    await passTwoMinutes(drey);
    assertEquals(await names("c1"), ["snap0", "kept"]);
  },
);

await e2e("an image stays unpacked as long as a snapshot stands on it", { needs }, async (drey) => {
  await drey`launch tiny c1`;
  await write(drey, "c1", "one");
  await drey`snapshot c1 s0`;
  await drey`stop -f c1`;
  await drey`rebuild c1 --empty`;
  await drey`image delete tiny`;
  await drey`list`;
  await drey`restore c1 s0`;
  await drey`start c1`;
  assertEquals(await drey`exec c1 -- cat /root/f`, "one\n");
  await drey`delete -f c1`;
  assertEquals([...Deno.readDirSync(`${drey.directory}/storage-pools/default/images`)].length, 0);
});
