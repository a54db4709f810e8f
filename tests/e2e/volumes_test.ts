// Custom storage volumes: made, attached, shared, kept in snapshots, copied and moved.

import { assert, assertEquals, assertMatch } from "@std/testing";
import { join } from "@std/path";
import { type Drey, e2e } from "../support/drey.ts";
import { inOneMinute, passTwoMinutes, stopClock } from "../support/schedule.ts";
import { serve } from "../support/server.ts";

const needs = ["userns", "subids", "overlay"] as const;

const volumes = async (drey: Drey, pool = "default") =>
  JSON.parse(await drey`storage volume list ${pool} --format json`) as {
    name: string;
    type: string;
    used_by: string[];
    config: Record<string, string>;
  }[];

const namesOf = async (drey: Drey, pool?: string) =>
  (await volumes(drey, pool)).map(({ type, name }) => `${type} ${name}`);

async function fails(drey: Drey, reason: RegExp, ...argv: string[]): Promise<void> {
  const { code, stderr } = await drey.run(argv);
  assertEquals(code, 1, argv.join(" "));
  assertMatch(stderr, reason);
}

await e2e("a volume is attached while instances run, shared, and outlives them", { needs }, async (drey) => {
  await drey`storage volume create default data user.team=shop`;
  await drey`launch tiny c1`;
  await drey`launch tiny c2`;
  await drey`storage volume attach default data c1 /srv/data`;
  await drey`storage volume attach default data c2 shared /mnt/data`;
  await drey`exec c1 -- sh -c ${"echo kept >/srv/data/file; chown 1000:1000 /srv/data/file"}`;
  assertEquals(await drey`exec c2 -- stat -c ${"%u %g"} /mnt/data/file`, "1000 1000\n");
  const [volume] = (await volumes(drey)).filter(({ type }) => type === "custom");
  assertEquals(volume?.used_by, ["/1.0/instances/c1", "/1.0/instances/c2"]);
  await fails(drey, /still in use/, "storage", "volume", "delete", "default", "data");
  await drey`storage volume detach default data c1`;
  assertEquals(await drey`exec c1 -- ls /srv/data`, "");
  await drey`restart -f c2`;
  await drey`delete -f c1 c2`;
  await drey`init tiny c3`;
  await drey`config device add c3 data disk pool=default source=data path=/data`;
  await drey`start c3`;
  assertEquals(await drey`exec c3 -- cat /data/file`, "kept\n");
  assertMatch(await drey`storage volume info default data`, /Usage: /);
  await drey`delete -f c3`;
  await drey`storage volume delete default data`;
  assertEquals(await namesOf(drey), []);
});

await e2e(
  "snapshots of a volume are taken, shown, gone back to, renamed and deleted",
  { needs },
  async (drey) => {
    await drey`storage volume create default data snapshots.expiry=3d`;
    await drey`init tiny c1`;
    await drey`storage volume attach default data c1 /data`;
    await drey`start c1`;
    await drey`exec c1 -- sh -c ${"echo one >/data/file"}`;
    await drey`storage volume snapshot default data`;
    await drey`storage volume snapshot default data named --no-expiry`;
    await drey`exec c1 -- sh -c ${"echo two >/data/file; touch /data/more"}`;
    await fails(
      drey,
      /used by running instances/,
      "storage",
      "volume",
      "restore",
      "default",
      "data",
      "snap0",
    );
    await drey`stop -f c1`;
    await drey`storage volume restore default data snap0`;
    await drey`start c1`;
    assertEquals(await drey`exec c1 -- sh -c ${"cat /data/file; ls /data"}`, "one\nfile\n");
    assertEquals(await namesOf(drey), [
      "container c1",
      "custom data",
      "custom data/named",
      "custom data/snap0",
    ]);
    assertMatch(await drey`storage volume show default data/snap0`, /expires_at: .?20/);
    assertMatch(await drey`storage volume show default data/named`, /expires_at: .0001-01-01T00:00:00Z/);
    await drey`storage volume rename default data/snap0 data/old`;
    await drey`storage volume delete default data/named`;
    assertMatch(await drey`storage volume info default data`, /\| old /);
    await fails(drey, /already exists/, "storage", "volume", "snapshot", "default", "data", "old");
    await drey`storage volume snapshot default data old --reuse`;
  },
);

await e2e("snapshots of a volume are taken when they are due, and go when their time is over", {
  needs,
}, async (drey) => {
  const every = "snapshots.schedule=* * * * *";
  await drey`storage volume create default other`;
  await fails(
    drey,
    /five fields/,
    "storage",
    "volume",
    "set",
    "default",
    "other",
    "snapshots.schedule=@startup",
  );
  await inOneMinute(async () => {
    await drey`storage volume create default data ${every} snapshots.pattern=auto%d snapshots.expiry=3d`;
    await drey`storage volume create default disk --type=block size=1MiB ${every}`;
    const before = ["custom data", "custom disk", "custom other"];
    assertEquals(await namesOf(drey), before, "nothing is due in the minute of its creation");
  }, async () => {
    for (const name of ["data", "disk"]) await drey`storage volume delete default ${name}`;
  });
  await stopClock(drey);
  await passTwoMinutes(drey);
  assertEquals(await namesOf(drey), [
    ...["custom data", "custom data/auto0", "custom disk", "custom disk/snap0", "custom other"],
  ]);
  assertMatch(await drey`storage volume show default data/auto0`, /expires_at: .?20/);
  await drey`storage volume set default data snapshots.schedule=`;
  await drey`storage volume unset default disk snapshots.schedule`;
  await drey`storage volume snapshot default data kept --no-expiry`;
  const past = JSON.stringify({ expires_at: "2020-01-01T00:00:00Z" });
  const auto0 = "/1.0/storage-pools/default/volumes/custom/data/snapshots/auto0";
  await drey`query -X PATCH -d ${past} ${auto0}`;
  await passTwoMinutes(drey);
  const after = ["custom data", "custom data/kept", "custom disk", "custom disk/snap0", "custom other"];
  assertEquals(await namesOf(drey), after);
  const left = [
    ...Deno.readDirSync(join(drey.directory, "storage-pools/default/custom-snapshots/default_data")),
  ];
  assertEquals(left.map(({ name }) => name), ["kept"], "its files are gone too");
});

await e2e("volumes are copied and moved between pools, with their snapshots, and their users follow", {
  needs,
}, async (drey) => {
  await drey`storage create other dir`;
  await drey`storage volume create default data user.note=hello`;
  await drey`init tiny c1`;
  await drey`storage volume attach default data c1 /data`;
  await drey`start c1`;
  await drey`exec c1 -- sh -c ${"echo one >/data/file"}`;
  await drey`storage volume snapshot default data s0`;
  await drey`exec c1 -- sh -c ${"echo two >/data/file"}`;
  await drey`storage volume copy default/data other/copy`;
  await drey`storage volume copy default/data/s0 default/then`;
  await drey`storage volume copy default/data default/bare --volume-only`;
  assertEquals(await namesOf(drey, "other"), ["custom copy", "custom copy/s0"]);
  assertEquals(await drey`storage volume get other copy user.note`, "hello\n");
  // settings that are given stand in the place of the source's, as in LXD
  const source = { type: "copy", pool: "default", name: "data", volume_only: true };
  const body = JSON.stringify({ name: "own", config: { "user.own": "yes" }, source });
  await drey`query -X POST --wait -d ${body} /1.0/storage-pools/default/volumes/custom`;
  assertEquals(await drey`storage volume get default own user.own`, "yes\n");
  assertEquals(await drey`storage volume get default own user.note`, "\n");
  await drey`storage volume delete default own`;
  await fails(drey, /used by running instances/, "storage", "volume", "move", "default/data", "other/data");
  await drey`stop -f c1`;
  await drey`storage volume move default/data other/moved`;
  assertEquals(await drey`config device get c1 data source`, "moved\n");
  await drey`storage volume rename other moved again`;
  await drey`storage volume attach default then c1 then /then`;
  await drey`storage volume attach default bare c1 bare /bare`;
  await drey`start c1`;
  assertEquals(await drey`exec c1 -- cat /data/file /then/file /bare/file`, "two\none\ntwo\n");
  assertEquals(await namesOf(drey, "other"), [
    "custom again",
    "custom again/s0",
    "custom copy",
    "custom copy/s0",
  ]);
  // a copy that is brought up to date has what its origin has now
  await drey`exec c1 -- sh -c ${"echo three >/data/file"}`;
  await drey`storage volume snapshot other again s1`;
  await drey`storage volume copy other/again other/copy --refresh`;
  assertEquals((await namesOf(drey, "other")).slice(3), ["custom copy", "custom copy/s0", "custom copy/s1"]);
  await drey`storage volume attach other copy c1 copy /copy`;
  assertEquals(await drey`exec c1 -- cat /copy/file`, "three\n");
  await fails(drey, /in use|used by/, "storage", "delete", "other");
});

await e2e("the record of a disk says how large it has become by a copy", { needs }, async (drey) => {
  await drey`project create own -c limits.disk=24MiB`;
  const volume = (...words: string[]) => ["--project", "own", "storage", "volume", ...words];
  const size = async (name: string) => await drey`${volume("get", "default", name, "size")}`;
  await drey`${volume("create", "default", "a", "size=8MiB", "--type", "block")}`;
  await drey`${volume("copy", "default/a", "default/b")}`;
  await drey`${volume("set", "default", "a", "size=16MiB")}`;
  const refresh = volume("copy", "default/a", "default/b", "--refresh");
  await fails(drey, /maximum aggregate value for limits.disk/, ...refresh);
  assertEquals(await size("b"), "8MiB\n");
  await drey`project unset own limits.disk`;
  await drey`${refresh}`;
  assertEquals(await size("b"), `${16 << 20}\n`);
  // one that is told its size has it
  const source = { type: "copy", pool: "default", name: "a", project: "own" };
  const post = (name: string, size: string) =>
    JSON.stringify({ name, type: "custom", content_type: "block", config: { size }, source });
  const address = "/1.0/storage-pools/default/volumes/custom?project=own";
  await drey`query --wait -X POST -d ${post("c", "32MiB")} ${address}`;
  assertMatch(await drey`${volume("info", "default", "c")}`, /Total: 32.00MiB/);
  await fails(drey, /cannot be shrunk/, "query", "--wait", "-X", "POST", "-d", post("d", "1MiB"), address);
});

await e2e(
  "a volume follows the ids of the instance that uses it",
  { needs: [...needs, "user"] },
  async (drey) => {
    await drey`storage volume create default data`;
    await drey`init tiny plain`;
    await drey`storage volume attach default data plain /data`;
    await drey`start plain`;
    await drey`exec plain -- sh -c ${"touch /data/user /data/root; chown 1000:1000 /data/user; chmod 4755 /data/user"}`;
    await drey.run(["init", "tiny", "mapped", "-c", `raw.idmap=uid ${Deno.uid()} 1000`]);
    await drey`storage volume attach default data mapped /data`;
    await fails(drey, /runs with it and has other ids/, "start", "mapped");
    await drey`stop -f plain`;
    await drey`start mapped`;
    const look = (name: string) => drey`exec ${name} -- stat -c ${"%u %g %a"} /data/user /data/root`;
    assertEquals(await look("mapped"), "1000 1000 4755\n0 0 644\n");
    await drey`stop -f mapped`;
    await drey`start plain`;
    assertEquals(await look("plain"), "1000 1000 4755\n0 0 644\n");
  },
);

await e2e("what is wrong with a volume is said", { needs }, async (drey) => {
  const volume = (...words: string[]) => ["storage", "volume", ...words];
  await fails(drey, /Invalid option/, ...volume("create", "default", "v", "colour=red"));
  await fails(drey, /not supported/, ...volume("create", "default", "v", "security.unmapped=true"));
  await fails(drey, /Storage pool "none" not found/, ...volume("create", "none", "v"));
  await fails(drey, /Invalid storage volume name/, ...volume("create", "default", ".."));
  await drey`storage volume create default v`;
  await fails(drey, /already exists/, ...volume("create", "default", "v"));
  await fails(drey, /not found/, ...volume("show", "default", "w"));
  await fails(drey, /Missing the path/, ...volume("attach", "default", "v", "c1"));
  await drey`init tiny c1`;
  await fails(drey, /not found/, ...volume("attach", "default", "w", "c1", "/x"));
  await fails(
    drey,
    /lacks the key "path"/,
    "config",
    "device",
    "add",
    "c1",
    "d",
    "disk",
    "pool=default",
    "source=v",
  );
  await drey`storage volume create default disk size=64MiB --type=block`;
  assertEquals((await drey`storage volume info default disk`).includes("Total: 64.00MiB"), true);
  await drey`storage volume set default disk size=128MiB`;
  await fails(drey, /cannot be shrunk/, ...volume("set", "default", "disk", "size=64MiB"));
  await fails(drey, /disk for virtual machines/, ...volume("attach", "default", "disk", "c1", "/x"));
  assertEquals((await namesOf(drey)).length, 3);
});

await e2e("volumes belong to projects that have them for themselves", { needs }, async (drey) => {
  await drey`project create own`;
  await drey`project create none -c features.storage.volumes=false`;
  await drey`storage volume create default data`;
  await drey`--project own storage volume create default data`;
  await fails(drey, /already exists/, "--project", "none", "storage", "volume", "create", "default", "data");
  const all = JSON.parse(await drey`storage volume list default --all-projects --format json`);
  assertEquals(all.map(({ project }: { project: string }) => project).sort(), ["default", "own"]);
  await fails(drey, /not empty|in use|Only empty/, "project", "delete", "own");
  await drey`--project own storage volume delete default data`;
  await drey`project delete own`;
});

await e2e("lxc works with volumes", { needs: [...needs, "lxc"] }, async (drey) => {
  await using server = await serve(drey);
  const { lxc } = server;
  await lxc("storage", "volume", "create", "default", "data");
  await lxc("launch", "tiny", "c1");
  await lxc("storage", "volume", "attach", "default", "data", "c1", "/srv/data");
  await lxc("exec", "c1", "--", "sh", "-c", "echo one >/srv/data/file");
  await lxc("storage", "volume", "snapshot", "default", "data", "s0");
  await lxc("exec", "c1", "--", "sh", "-c", "echo two >/srv/data/file");
  assertMatch(await lxc("storage", "volume", "list", "default"), /custom \(snapshot\) \| data\/s0/);
  assertMatch(await lxc("storage", "volume", "show", "default", "data"), /- \/1.0\/instances\/c1/);
  assertMatch(await lxc("storage", "volume", "info", "default", "data"), /s0/);
  await lxc("storage", "volume", "detach", "default", "data", "c1");
  await lxc("storage", "volume", "restore", "default", "data", "s0");
  await lxc("storage", "volume", "copy", "default/data", "default/copy");
  await lxc("storage", "volume", "copy", "default/data/s0", "default/then");
  await lxc("storage", "volume", "rename", "default", "copy", "again");
  await lxc("storage", "volume", "set", "default", "again", "user.team=shop");
  assertEquals(await lxc("storage", "volume", "get", "default", "again", "user.team"), "shop\n");
  await lxc("storage", "create", "other", "dir");
  await lxc("storage", "volume", "move", "default/again", "other/moved");
  await lxc("storage", "volume", "attach", "other", "moved", "c1", "moved", "/moved");
  assertEquals(await lxc("exec", "c1", "--", "cat", "/moved/file"), "one\n");
  await lxc("storage", "volume", "rename", "default", "data/s0", "data/s1");
  await lxc("storage", "volume", "delete", "default", "data/s1");
  await lxc("storage", "volume", "delete", "default", "data");
  // the root volume of an instance
  const root = (
    verb: string,
    ...words: string[]
  ) => ["storage", "volume", verb, "default", "container/c1", ...words];
  await lxc(...root("set", "user.team=shop"));
  assertEquals(await lxc(...root("get", "user.team")), "shop\n");
  await drey`query -X PATCH -d ${'{"description":"Its files"}'} /1.0/storage-pools/default/volumes/container/c1`;
  assertMatch(await lxc(...root("show")), /description: Its files/);
  assertMatch(await lxc(...root("show")), /user\.team: shop/);
  assertMatch(
    (await server.tries(root("set", "size=1GiB"))).stderr,
    /Cannot change "size" of the root volume/,
  );
  await lxc(...root("unset", "user.team"));
  assertEquals((await lxc(...root("get", "user.team"))).trim(), "");
  await lxc("delete", "-f", "c1");
  await lxc("storage", "volume", "delete", "other", "moved");
  assertEquals(await lxc("storage", "volume", "list", "other", "--format", "csv"), "");
});

await e2e("a disc image becomes a volume", { needs }, async (drey) => {
  const file = join(drey.directory, "disc.iso");
  await Deno.writeFile(file, new Uint8Array(4096).fill(7));
  await drey`storage volume import default ${file} disc --type=iso`;
  assertMatch(await drey`storage volume show default disc`, /content_type: iso/);
  assertMatch(await drey`storage volume info default disc`, /Total: 4.00KiB/);
  await fails(drey, /no snapshots/, "storage", "volume", "snapshot", "default", "disc");
  const tree = join(drey.directory, "storage-pools/default/custom/default_disc");
  assert(JSON.stringify([...Deno.readDirSync(tree)].map(({ name }) => name)).length > 0);
  await drey`storage volume delete default disc`;
});
