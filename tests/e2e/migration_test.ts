// Instances and volumes between servers: pulled, pushed and carried, with their snapshots, and brought up to date.

import { join } from "@std/path";
import { assertEquals, assertStringIncludes } from "@std/testing";
import type { Client } from "../../client/client.ts";
import { connect } from "../../client/connect.ts";
import { type RunningOperation, runningOperation } from "../../client/operations.ts";
import { missingTools } from "../../domain/host_packages.ts";
import { converse } from "../../domain/migration/carry.ts";
import { type Channels, channelsOver } from "../../domain/migration/channels.ts";
import { readHeader, writeControl, writeHeader } from "../../domain/migration/messages.ts";
import { sendArgv } from "../../runtime/rsync.ts";
import type { TreeProgram } from "../../runtime/tree_stream.ts";
import type { Operation } from "../../wire/operation.ts";
import { type Drey, e2e, imageFiles } from "../support/drey.ts";
import { elsewhere } from "../support/elsewhere.ts";
import { type ForeignLxd, startLxd } from "../support/foreign_lxd.ts";
import { freePort, serve, type TestServer } from "../support/server.ts";

const needs = ["userns", "subids", "overlay", "rsync"] as const;

/** A server at HTTPS, and another drey that knows it as `far`. */
async function twoServers(drey: Drey): Promise<{ server: TestServer; here: ReturnType<typeof elsewhere> }> {
  const server = await serve(drey);
  await drey`config set core.https_address=127.0.0.1:${freePort()}`;
  const token = (await drey`config trust add --name me`).trim();
  const here = elsewhere(drey);
  await here.run(`remote add far ${token}`);
  return { server, here };
}

await e2e("an instance goes to another server with its snapshots, in every mode", { needs }, async (drey) => {
  const { server, here } = await twoServers(drey);
  await using _server = server;
  await drey`init tiny c1 -c user.note=hello`;
  await drey`file push --uid 7 --mode 640 /etc/hostname c1/mark`;
  await drey`snapshot c1 before`;
  await drey`file delete c1/mark`;
  await drey`file push /etc/hostname c1/after`;
  // pull
  await here.run("copy far:c1 c2");
  assertEquals(await here.run("config get c2 user.note"), "hello\n");
  await here.run("start c2");
  assertEquals(await here.run("exec c2 -- sh -c hostname;ls${IFS}/after"), "c2\n/after\n");
  await here.run("stop c2 --force");
  await here.run("restore c2 before");
  await here.run("start c2");
  assertEquals(await here.run("exec c2 -- stat -c %u:%a /mark"), "7:640\n");
  assertStringIncludes((await here.tries("move c2 far:")).stderr, "drey stop local:c2");
  await here.run("stop c2 --force");
  // push, since this side listens nowhere
  await here.run("move c2 far:c3 --instance-only");
  assertStringIncludes(await drey`list c3 --format csv -c nS`, "c3,0");
  await drey`snapshot c3 before`;
  assertEquals(await here.run("list --format csv"), "");
  // relay of a snapshot alone
  await here.run("copy far:c3/before c4 --mode relay -c user.note=");
  assertEquals(await here.run("list --format csv -c nS"), "c4,0\n");
  assertEquals(await here.run("config get c4 user.note"), "\n");
  assertStringIncludes((await here.tries("copy c4 far: --mode pull")).stderr, "--mode relay");
  assertStringIncludes((await here.tries("copy far:c1 c4")).stderr, "already exists");
});

await e2e("a copy is brought up to date with the other server's instance", { needs }, async (drey) => {
  const { server, here } = await twoServers(drey);
  await using _server = server;
  await drey`init tiny c1`;
  for (const name of ["s0", "s1"]) await drey`snapshot c1 ${name}`;
  await here.run("copy far:c1 c1");
  await drey`delete c1/s0`;
  await drey`file push /etc/hostname c1/new`;
  await drey`snapshot c1 s2`;
  await here.run("config set c1 user.note=mine");
  await here.run("copy far:c1 c1 --refresh");
  const names = async () =>
    JSON.parse(await here.run("query /1.0/instances/c1/snapshots")).map((path: string) =>
      path.split("/").at(-1)
    );
  assertEquals(await names(), ["s1", "s2"]);
  assertEquals(await here.run("config get c1 user.note"), "mine\n");
  assertEquals(await here.run("file pull c1/new -"), await drey`file pull c1/new -`);
  await here.run("restore c1 s1");
  assertStringIncludes((await here.tries("file pull c1/new -")).stderr, "not");
});

await e2e("a volume goes to another server with its snapshots, in every mode", { needs }, async (drey) => {
  const { server, here } = await twoServers(drey);
  await using _server = server;
  // files belong to ids that are told with the volume
  const uid = Deno.uid();
  await drey`init tiny c1 -c ${uid === 0 ? "security.idmap.isolated=true" : `raw.idmap=both ${uid} 1000`}`;
  await drey`storage volume create default v1 user.note=hello`;
  await drey`storage volume attach default v1 c1 /v1`;
  await drey`start c1`;
  await drey`exec c1 -- sh -c ${"echo one >/v1/mark; chown 7:8 /v1/mark; ln /v1/mark /v1/again"}`;
  assertStringIncludes(await drey`storage volume get default v1 volatile.idmap.last`, '"Nsid":0');
  await drey`storage volume snapshot default v1 before`;
  await drey`exec c1 -- sh -c ${"rm /v1/mark; echo two >/v1/after"}`;
  // pull, of what is in use
  await here.run("storage volume copy far:default/v1 default/v2");
  assertEquals(await here.run("storage volume get default v2 user.note"), "hello\n");
  await here.run("storage volume restore default v2 before");
  assertStringIncludes((await here.tries("storage volume move far:default/v1 default/v3")).stderr, "in use");
  // push, since this side listens nowhere
  await here.run("storage volume move default/v2 far:default/v3");
  assertEquals(await here.run("storage volume list default type=custom --format csv"), "");
  await drey`storage volume attach default v3 c1 /v3`;
  assertEquals(await drey`exec c1 -- stat -c %u:%g:%h /v3/mark`, "7:8:2\n");
  assertStringIncludes(await drey`storage volume list default v3 --format csv -c n`, "v3/before");
  // relay of a snapshot, and of what is missing
  await here.run("storage volume copy far:default/v1/before default/old --mode relay");
  assertEquals(await here.run("storage volume list default old --format csv -c n"), "old\n");
  await here.run("storage volume copy far:default/v1 default/v4 --volume-only");
  await here.run("storage volume copy far:default/v1 default/v4 --refresh --mode relay");
  assertEquals(await here.run("storage volume list default v4 --format csv -c n"), "v4\nv4/before\n");
  // a disk, with its holes
  await drey`storage volume create default b1 size=8MiB --type block`;
  const disk = diskIn(drey.directory, "b1");
  using file = await Deno.open(disk, { write: true });
  await file.write(new Uint8Array(1 << 20).fill(7));
  await here.run("storage volume copy far:default/b1 default/b2");
  const copy = () => diskIn(join(drey.directory, "elsewhere"), "b2");
  assertEquals(await Deno.readFile(copy()), await Deno.readFile(disk));
  assertEquals((await Deno.stat(copy())).blocks, 2048);
  await drey`storage volume set default b1 size=16MiB`;
  await here.run("storage volume copy far:default/b1 default/b2 --refresh");
  assertEquals(await here.run("storage volume get default b2 size"), `${16 << 20}\n`);
  assertEquals(await Deno.readFile(copy()), await Deno.readFile(disk));
});

function diskIn(directory: string, volume: string): string {
  const place = join(directory, `storage-pools/default/custom/default_${volume}`);
  const { top } = JSON.parse(Deno.readTextFileSync(join(place, "volume.json")));
  return join(place, top, "rootfs/root.img");
}

await e2e(
  "what another server sends stays in its tree, and is nothing until all has come",
  { needs },
  async (drey) => {
    const hostile = await Deno.makeTempDir();
    try {
      await using server = await serve(drey);
      await using client = await connect({ door: "unix", socket: server.socket });
      await Deno.mkdir(`${hostile}/rootfs`);
      await Deno.symlink("/etc/passwd", `${hostile}/metadata.yaml`);
      const sent = await playSource(client, "c1");
      const rsync = playRsync(hostile);
      await converse(rsync, { frames: sent.fs, signal: new AbortController().signal });
      assertStringIncludes(await reason(sent.receiving), 'its "metadata.yaml" is no small file');
      // given up by the other server, and by a person
      const given = await playSource(client, "c1");
      await given.say(writeControl("no disk there"));
      assertStringIncludes(await reason(given.receiving), "no disk there");
      const cancelled = await playSource(client, "c1");
      await cancelled.receiving.cancel();
      assertStringIncludes(await reason(cancelled.receiving), "cancelled");
      const alone = await playSource(client, "c1");
      alone[Symbol.dispose]();
      assertStringIncludes(await reason(alone.receiving), "ended the connection");
      const endless = await playDisk(client, "v1");
      const zeros = new Uint8Array(1 << 20);
      const sending = (async () => {
        for (let at = 0; at < 64; at++) await endless.fs.write(zeros);
        await endless.fs.end();
      })().catch(() => {}); // the receiver has given up
      assertStringIncludes(await reason(endless.receiving), "which it did not announce");
      await sending;
      assertEquals(await drey`storage volume list default --format csv`, "");
      assertEquals(await drey`list --format csv`, "");
      // the server dies in between
      await playSource(client, "c1");
      Deno.kill(server.pid, "SIGKILL");
    } catch (error) {
      // of the server that was killed
      if (!String(error).includes("drey serve ended by itself")) throw error;
    } finally {
      await Deno.remove(hostile, { recursive: true });
    }
    await drey`init tiny c1`;
    assertEquals(await drey`list --format csv -c n`, "c1\n");
  },
);

await e2e("a server is sent the snapshots it was offered, and nothing else", { needs }, async (drey) => {
  await using server = await serve(drey);
  await using client = await connect({ door: "unix", socket: server.socket });
  await drey`init tiny c1`;
  await drey`init tiny c2`;
  for (const name of ["../../containers/c2", "other"]) {
    const { fs, sending } = await playSink(client, "c1", [name]);
    const said = await fs.read().next().then(() => "it begins to send", () => reason(sending));
    assertStringIncludes(said, `asks for "${name}", which it was not offered`);
  }
});

/** Starts to send an instance and plays the server that receives, up to its answer to the offer. */
async function playSink(
  client: Client,
  name: string,
  snapshotNames: string[],
): Promise<Channels & { sending: RunningOperation }> {
  const sending = await client.start("instance.rename", { params: { name }, body: { migration: true } });
  const channels = await openChannels(client, sending);
  const { way, features, indexVersion } = readHeader(await channels.hear());
  const answer = { way, features, indexVersion, owners: { uids: [], gids: [] }, snapshots: [] };
  await channels.say(writeHeader({ ...answer, snapshotNames, refresh: true }));
  return { ...channels, sending };
}

/** Both streams of an operation that waits for another server. */
async function openChannels(client: Client, { operation }: RunningOperation): Promise<Channels> {
  const open = (secret: unknown) =>
    client.socket(
      `/1.0/operations/${operation.id}/websocket?${new URLSearchParams({ secret: String(secret) })}`,
    );
  return channelsOver(await open(operation.metadata?.["control"]), await open(operation.metadata?.["fs"]));
}

/** Starts to receive an instance and plays the server that sends, up to where files are to come. */
async function playSource(client: Client, name: string): Promise<Channels & { receiving: RunningOperation }> {
  const source = { type: "migration", mode: "push" } as const;
  const receiving = await client.start("instances.create", { body: { name, source } });
  const channels = await openChannels(client, receiving);
  const offer = { way: 0, owners: { uids: [], gids: [] }, snapshotNames: [], snapshots: [], indexVersion: 0 };
  await channels.say(writeHeader({ ...offer, features: ["xattrs", "delete", "bidirectional"] }));
  await channels.hear();
  return { ...channels, receiving };
}

/** The same for a disk of 1 MiB. */
async function playDisk(client: Client, name: string): Promise<Channels & { receiving: RunningOperation }> {
  const source = { type: "migration", mode: "push" } as const;
  const post = { name, type: "custom", content_type: "block", config: { size: "1MiB" }, source } as const;
  const answer = await client.call("volumes.create", { params: { pool: "default" }, body: post });
  const receiving = runningOperation(client, answer as Operation);
  const channels = await openChannels(client, receiving);
  const offer = { way: 4, owners: { uids: [], gids: [] }, snapshotNames: [], snapshots: [], indexVersion: 0 };
  await channels.say(writeHeader({ ...offer, features: ["bidirectional"] }));
  await channels.hear();
  return { ...channels, receiving };
}

/** rsync(1) of the host as another server has it. */
function playRsync(directory: string): TreeProgram {
  const [command = "", ...args] = sendArgv(directory, ["xattrs", "delete"]);
  const child = new Deno.Command(command, { args, stdin: "piped", stdout: "piped", stderr: "null" }).spawn();
  return {
    output: child.stdout,
    input: child.stdin,
    finish: async () => void await child.status,
    kill: () => child.kill("SIGKILL"),
  };
}

const reason = (running: RunningOperation): Promise<string> => running.wait().then(() => "", String);

const hasLxd = missingTools(["lxd", "lxc"]).length === 0;
const betweenKinds = "instances go to a real LXD and come back, in every mode";

if (!hasLxd) {
  Deno.test({ name: `${betweenKinds} (skipped: LXD is not installed)`, ignore: true, fn: () => {} });
} else {
  await e2e(betweenKinds, { needs: ["root", "overlay", "rsync"] }, async (drey) => {
    const directory = await Deno.makeTempDir({ dir: "/var/tmp" });
    try {
      await using lxd = await startLxd(directory);
      await lxd.lxc("storage", "create", "default", "dir");
      await lxd.lxc("profile", "device", "add", "default", "root", "disk", "pool=default", "path=/");
      const token = (await lxd.lxc("config", "trust", "add", "--name", "drey")).trim().split("\n").at(-1) ??
        "";
      await using _server = await serve(drey);
      await drey`config set core.https_address=127.0.0.1:${freePort()}`;
      await drey`remote add real ${token}`;
      await lxd.lxc("remote", "add", "drey", (await drey`config trust add --name lxc`).trim());
      const [tiny = ""] = await imageFiles("tiny");
      await lxd.lxc("image", "import", tiny, "--alias", "tiny");
      await lxd.lxc("init", "tiny", "c1", "-c", "user.note=hello");
      await lxd.lxc("file", "push", "--uid", "7", "--mode", "640", "/etc/hostname", "c1/mark");
      await lxd.lxc("snapshot", "c1", "before");
      await lxd.lxc("file", "delete", "c1/mark");
      // LXD's files belong to ids of its own
      await drey`copy real:c1 c2`;
      await drey`copy real:c1 c3 --mode relay`;
      await lxd.lxc("copy", "c1", "drey:c4", "--mode", "push");
      for (const name of ["c2", "c3", "c4"]) {
        await drey`restore ${name} before`;
        await drey`start ${name}`;
        assertEquals(await drey`exec ${name} -- stat -c %u:%a /mark`, "7:640\n");
        assertEquals(await drey`exec ${name} -- stat -c %u /bin`, "0\n");
        await drey`stop ${name} --force`;
      }
      await lxd.lxc("snapshot", "c1", "second");
      await lxd.lxc("copy", "c1", "drey:c4", "--refresh");
      assertEquals(await drey`list c4 --format csv -c nS`, "c4,2\n");
      // and back
      await drey`copy c2 real:d1`;
      await drey`copy c2 real:d2 --mode push`;
      await lxd.lxc("copy", "drey:c2", "d3", "--mode", "relay");
      await drey`snapshot c2 later`;
      await drey`copy c2 real:d3 --refresh`;
      // LXD's client gives the copy the settings of the source as well
      await drey`config set c2 user.note=again`;
      await lxd.lxc("copy", "drey:c2", "d3", "--refresh", "--mode", "relay");
      assertEquals(await lxd.lxc("config", "get", "d3", "user.note"), "again\n");
      // files that came with the owners they have inside, which LXD has to shift when it starts them
      assertEquals(await lxd.lxc("config", "get", "d3", "volatile.last_state.idmap"), "[]\n");
      const listed = JSON.parse(await lxd.lxc("list", "--format", "json")) as {
        name: string;
        snapshots: unknown[];
      }[];
      assertEquals(
        listed.map(({ name, snapshots }) => [name, snapshots.length]).sort(),
        [["c1", 2], ["d1", 1], ["d2", 1], ["d3", 2]],
      );
      assertEquals(await lxd.lxc("file", "pull", "d1/mark", "-"), await Deno.readTextFile("/etc/hostname"));
      assertEquals(await lxd.lxc("config", "get", "d1", "user.note"), "hello\n");
      await betweenVolumes(drey, { lxd, custom: join(directory, "lxd/storage-pools/default/custom") });
    } finally {
      await Deno.remove(directory, { recursive: true });
    }
  });
}

/** Volumes to the LXD that knows drey as `drey`, and back. */
async function betweenVolumes(drey: Drey, { lxd, custom }: { lxd: ForeignLxd; custom: string }) {
  await lxd.lxc("storage", "volume", "create", "default", "v1", "user.note=hello");
  const place = join(custom, "default_v1");
  const range = { Isuid: true, Isgid: true, Hostid: 1_000_000, Nsid: 0, Maprange: 65_536 };
  await lxd.lxc(
    "storage",
    "volume",
    "set",
    "default",
    "v1",
    `volatile.idmap.last=${JSON.stringify([range])}`,
  );
  await Deno.writeTextFile(join(place, "mark"), "one");
  await Deno.chown(join(place, "mark"), 1_000_007, 1_000_008);
  await lxd.lxc("storage", "volume", "snapshot", "default", "v1", "before");
  await Deno.remove(join(place, "mark"));
  await drey`storage volume copy real:default/v1 default/v2`;
  await lxd.lxc("storage", "volume", "copy", "default/v1", "drey:default/v3", "--mode", "push");
  await lxd.lxc("storage", "volume", "copy", "default/v1", "drey:default/v4", "--mode", "relay");
  await lxd.lxc("storage", "volume", "snapshot", "default", "v1", "second");
  await lxd.lxc("storage", "volume", "copy", "default/v1", "drey:default/v4", "--refresh");
  assertEquals(
    await drey`storage volume list default type=custom --format csv -c n`,
    "v2\nv2/before\nv3\nv3/before\nv4\nv4/before\nv4/second\n",
  );
  await drey`init tiny c9 -c security.idmap.isolated=true`;
  for (const name of ["v2", "v3", "v4"]) {
    await drey`storage volume restore default ${name} before`;
    await drey`storage volume attach default ${name} c9 ${`/${name}`}`;
  }
  await drey`start c9`;
  assertEquals(await drey`exec c9 -- stat -c %u:%g /v2/mark /v3/mark /v4/mark`, "7:8\n7:8\n7:8\n");
  // and back: LXD takes the files for those of the ids that it is told
  await drey`storage volume copy default/v2 real:default/w2`;
  await lxd.lxc("storage", "volume", "copy", "drey:default/v3", "default/w3");
  await drey`storage volume copy default/v2 real:default/w3 --refresh --mode relay`;
  await drey`storage volume detach default v4 c9`;
  await lxd.lxc("storage", "volume", "move", "drey:default/v4", "default/w4", "--mode", "push");
  assertEquals(await drey`storage volume list default v4 --format csv`, "");
  for (const name of ["w2", "w3", "w4"]) {
    const [map] = JSON.parse(
      await lxd.lxc("storage", "volume", "get", "default", name, "volatile.idmap.last"),
    );
    const { uid, gid } = await Deno.stat(join(custom, `default_${name}`, "mark"));
    assertEquals([uid, gid].map((id) => (id ?? 0) - map.Hostid), [7, 8]);
    assertEquals(await lxd.lxc("storage", "volume", "get", "default", name, "user.note"), "hello\n");
  }
  // disks
  await lxd.lxc("storage", "volume", "create", "default", "b1", "--type", "block", "size=8MiB");
  await Deno.writeFile(join(custom, "default_b1/root.img"), new Uint8Array(1 << 20).fill(7), {
    create: false,
  });
  await Deno.truncate(join(custom, "default_b1/root.img"), 8 << 20);
  await drey`storage volume copy real:default/b1 default/b2`;
  await drey`storage volume copy default/b2 real:default/b3`;
  const [sent, back] = await Promise.all(
    ["b1", "b3"].map((name) => Deno.readFile(join(custom, `default_${name}/root.img`))),
  );
  assertEquals(back, sent);
}
