// What LXD's own tests expect of a server and what is easily got wrong, by LXD's own client.

import { assertEquals, assertMatch } from "@std/testing";
import { join } from "@std/path";
import { e2e } from "../support/drey.ts";
import { serve, type TestServer } from "../support/server.ts";

const needs = ["userns", "subids", "lxc"] as const;

/** What `lxc` says of words that must fail. */
async function refusal(server: TestServer, ...words: string[]): Promise<string> {
  const { code, stderr } = await server.tries(words);
  assertEquals(code === 0, false, words.join(" "));
  return stderr;
}

await e2e("commands that nobody listens to, and instances that run", { needs }, async (drey) => {
  await using server = await serve(drey);
  const { lxc } = server;
  await lxc("launch", "tiny", "c1");
  const run = async (...command: string[]) => {
    const body = JSON.stringify({ command });
    const address = "/1.0/instances/c1/exec";
    const { id } = JSON.parse(await lxc("query", "-X", "POST", "-d", body, address));
    const { metadata, err } = JSON.parse(await lxc("query", `/1.0/operations/${id}/wait`));
    return [metadata.return, err];
  };
  assertEquals(await run("sh", "-c", "echo told to nobody; echo this too >&2; exit 3"), [3, ""]);
  assertEquals(await run("missing"), [127, "Command not found"]);
  assertEquals(await run("/etc/passwd"), [126, "Command not executable"]);
  // what stays behind does not hold it up
  assertEquals(await run("sh", "-c", "sleep 1000 & exit 4"), [4, ""]);

  // refused before there is an operation
  assertMatch(await refusal(server, "query", "-X", "DELETE", "/1.0/instances/c1"), /Instance is running/);
  assertMatch(await lxc("list", "-f", "csv", "-c", "ns"), /^c1,RUNNING$/m);
  const unknown = JSON.stringify({ profiles: ["default", "unknown"] });
  const put = ["query", "-X", "PUT", "-d", unknown, "/1.0/instances/c1"];
  assertMatch(await refusal(server, ...put), /^Error: Profile .*not found/);

  const file = join(drey.directory, "file");
  await Deno.writeTextFile(file, "x\n");
  await lxc("file", "push", "-p", "--mode=400", file, "c1/tmp/d1/d2/file");
  assertEquals(await lxc("exec", "c1", "--", "stat", "-c", "%a", "/tmp/d1", "/tmp/d1/d2"), "750\n750\n");

  await lxc("storage", "volume", "create", "default", "v");
  await lxc("storage", "volume", "snapshot", "default", "v", "s");
  assertMatch(await lxc("storage", "volume", "show", "default", "v/s"), /expires_at: 0001-01-01T00:00:00Z/);

  // unset by a slip of the pen, and what LXD has and drey has not
  for (
    const words of ["config unset", "profile unset default", "project unset default", "storage unset default"]
  ) {
    assertMatch(await refusal(server, ...words.split(" "), "nope"), /nope/);
  }
  assertMatch(await refusal(server, "storage", "volume", "unset", "default", "v", "nope"), /nope/);
  await lxc("profile", "unset", "default", "raw.lxc");
  assertMatch(await refusal(server, "profile", "add", "c1", "default"), /Duplicate profile "default"/);
  assertMatch(
    await refusal(server, "init", "tiny", "c2", "-p", "default", "-p", "default"),
    /Duplicate profile/,
  );

  await lxc("init", "tiny", "c2", "-t", "c0.5-m0.2");
  const config = await lxc("config", "show", "c2");
  for (const line of ['limits.cpu: "1"', "limits.cpu.allowance: 50%", "limits.memory: 204MB"]) {
    assertEquals(config.includes(line), true, line);
  }
  assertMatch(await refusal(server, "init", "tiny", "c3", "-t", "t2.micro"), /size of an instance.*c2-m4/s);
});

await e2e(
  "what an instance cannot be made of is said at once, and not by an operation",
  { needs },
  async (drey) => {
    const post = async (body: unknown) =>
      (await drey.tries`query -X POST /1.0/instances -d ${JSON.stringify(body)}`).stderr;
    const image = { type: "image", alias: "tiny" };
    assertMatch(await post({ name: "c1", source: { ...image, alias: "none" } }), /"none" not found/);
    assertMatch(await post({ name: "c1", source: { ...image, alias: "", fingerprint: "abc" } }), /not found/);
    const rootless = /^Error: Failed detecting root disk device: No root device could be found/;
    assertMatch(await post({ name: "c1", source: image, profiles: [] }), rootless);
    assertMatch(await post({ name: "c1", source: { type: "none" }, profiles: [] }), rootless);
  },
);

await e2e("what is said of volumes, pools and zones by themselves", { needs }, async (drey) => {
  await using server = await serve(drey);
  const { lxc } = server;
  const root = "container/c1";
  const get = (name: string) => lxc("storage", "volume", "get", "default", name, "user.note");
  await lxc("init", "tiny", "c1");
  await lxc("storage", "volume", "set", "default", root, "user.note=then");
  await lxc("snapshot", "c1", "s0");
  await lxc("storage", "volume", "set", "default", root, "user.note=later");
  assertEquals(await get(`${root}/s0`), "then\n");
  await lxc("restore", "c1", "s0");
  assertEquals(await get(root), "then\n", "it goes back with the instance");
  const kept = "/1.0/storage-pools/default/volumes/container/c1/snapshots";
  await lxc("query", "-X", "PUT", "-d", '{"description":"told"}', `${kept}/s0`);
  const [listed] = JSON.parse(await lxc("query", `${kept}?recursion=1`));
  assertEquals([listed.name, listed.description], ["c1/s0", "told"], "a list names the volume too");
  assertMatch(
    await refusal(server, "query", "-X", "PUT", "-d", '{"expires_at":"2100-01-01T00:00:00Z"}', `${kept}/s0`),
    /its instance says/,
  );
  assertMatch(await refusal(server, "config", "set", "c1", "volatile.uuid=foo"), /expected a UUID/);

  // what a pool says of itself makes it again elsewhere
  await lxc("storage", "create", "p1", "dir", `source=${drey.directory}/storage-pools/p1`);
  await lxc("storage", "delete", "p1");
  const zone = "0/26.2.0.192.in-addr.arpa";
  await lxc("network", "zone", "create", zone);
  assertMatch(await lxc("network", "zone", "show", zone), /^name: 0\/26\./m);
  await lxc("network", "zone", "delete", zone);
});

await e2e(
  "words of lxc's that drey takes too: aliases, levels of the log, columns",
  { needs },
  async (drey) => {
    await drey`launch tiny c1`;
    await drey`init tiny c2 -t c1-m1`;
    assertEquals(await drey`config get c2 limits.memory`, "1024MB\n");
    const enter = "exec @ARG1@ --env WHO=you -- sh -c 'echo to $WHO'";
    await drey`alias add greet ${enter}`;
    assertEquals(await drey`greet c1`, "to you\n");
    await drey`alias rename greet hail`;
    assertMatch((await drey.tries`greet c1`).stderr, /Unknown command "greet"/);
    assertEquals(await drey`alias list -f csv`, `hail,${enter}\n`);
    await drey`alias add list ${["list -c n -f csv"]}`;
    assertEquals(await drey`list`, "c1\nc2\n");
    await drey`alias remove list`;
    assertMatch(await drey`list`, /NAME/);
    assertMatch((await drey.tries`alias remove list`).stderr, /There is no alias "list"/);
    await drey`alias add shout ${"/bin/sh -c 'echo $0; exit 3'"}`;
    const shouted = await drey.tries`shout hello`;
    assertEquals([shouted.stdout, shouted.code], ["hello\n", 3]);

    // what it says while it ends is seen, and so is its end
    await drey`stop c1 --force --console`;
    assertEquals(await drey`list c1 -c s -f csv`, "STOPPED\n");
    assertMatch((await drey.tries`stop c1 --console`).stderr, /not running/);
    await drey`alias add delete ${["delete -i"]}`;
    assertMatch((await drey.run(["delete", "c2"], { stdin: "no\n" })).stderr, /^Delete c2\?/);
    await drey.run(["delete", "c2"], { stdin: "yes\n" });
    await drey`alias remove delete`;
    assertEquals(await drey`list -c n -f csv`, "c1\n");

    await drey`storage volume create default v`;
    assertMatch(await drey`storage volume list default type=custom -c nU -f csv`, /^v,\d/);
    assertMatch(await drey`storage show default --resources`, /^inodes:$/m);
    await drey`project create other`;
    await drey`profile set default user.a=1`;
    assertMatch(
      (await drey.tries`profile copy default default --target-project other`).stderr,
      /already exists/,
    );
    await drey`profile copy default default --target-project other --refresh`;
    assertEquals(await drey`profile get default user.a --project other`, "1\n");
    assertMatch(
      (await drey.tries`cluster list`).stderr,
      /^Error: There is no command "cluster" here: .*one machine/,
    );
    await drey`project delete other`;
  },
);

await e2e("disks have places of their own, and the root disk stays where it is", { needs }, async (drey) => {
  await using server = await serve(drey);
  const { lxc } = server;
  await lxc("storage", "create", "other", "dir");
  await lxc("init", "tiny", "c1");
  assertMatch(
    await refusal(server, "config", "device", "override", "c1", "root", "pool=other"),
    /Cannot update root disk device pool name to "other"/,
  );
  assertMatch(await refusal(server, "profile", "device", "set", "default", "root", "pool", "other"), /"c1"/);
  const none = /No root device could be found/;
  assertMatch(await refusal(server, "profile", "remove", "c1", "default"), none);
  assertMatch(await refusal(server, "profile", "device", "remove", "default", "root"), none);
  await lxc("profile", "create", "second");
  await lxc("profile", "device", "add", "second", "top", "disk", "path=/", "pool=other");
  assertMatch(await refusal(server, "profile", "add", "c1", "second"), /"root" and "top"/);
  assertMatch(
    await refusal(server, "init", "tiny", "c2", "-p", "default", "-p", "second"),
    /"root" and "top"/,
  );
  await lxc("init", "tiny", "c2", "-p", "second");
  assertMatch(await refusal(server, "profile", "device", "remove", "second", "top"), /"c2"/);
  assertEquals(await drey`config device list c2`, "");

  for (const name of ["v1", "v2"]) await lxc("storage", "volume", "create", "default", name);
  // a path is one from the top
  await lxc("storage", "volume", "attach", "default", "v1", "c1", "data");
  assertMatch(
    await refusal(server, "storage", "volume", "attach", "default", "v2", "c1", "d2", "/data/"),
    /are both to be mounted at "\/data"/,
  );
  await lxc("start", "c1");
  assertMatch(await lxc("exec", "c1", "--", "cat", "/proc/mounts"), / \/data /);
  await lxc("storage", "volume", "detach", "default", "v1", "c1");
  assertEquals((await lxc("exec", "c1", "--", "cat", "/proc/mounts")).includes(" /data "), false);

  // what is unset is gone
  await lxc("profile", "set", "second", "user.a", "b");
  await lxc("profile", "unset", "second", "user.a");
  await lxc("profile", "device", "set", "second", "top", "size", "1GiB");
  await lxc("profile", "device", "unset", "second", "top", "size");
  const second = JSON.parse(await lxc("query", "/1.0/profiles/second"));
  assertEquals([second.config, second.devices], [{}, { top: { type: "disk", path: "/", pool: "other" } }]);
});

await e2e("a restricted project, and one that has its images from another", { needs }, async (drey) => {
  await using server = await serve(drey);
  const { lxc } = server;
  assertMatch(await refusal(server, "project", "create", "a_b"), /underscores/);
  await lxc("project", "create", "web", "-c", "features.images=false");
  // who waits in the project hears of it, though the images are those of another
  await lxc("image", "delete", "tiny", "--project", "web");
  await lxc("network", "create", "net0");
  await lxc("project", "switch", "web");
  assertMatch(await lxc("network", "list"), /net0/);
  await lxc("project", "set", "web", "restricted=true");
  assertMatch(await lxc("network", "list"), /net0/);
  await lxc("project", "set", "web", "restricted.networks.access=other");
  assertEquals((await lxc("network", "list")).includes("net0"), false);
  for (const verb of ["show", "info", "delete"]) {
    assertMatch(await refusal(server, "network", verb, "net0"), /Network not found/);
  }
  assertMatch(
    await refusal(server, "profile", "set", "default", "security.nesting=true"),
    /Profile "default" may not have security.nesting=true.*restricted.containers.nesting/,
  );
  await lxc("project", "unset", "web", "restricted.networks.access");
  await lxc("profile", "device", "add", "default", "eth0", "nic", "network=net0");
  assertMatch(await refusal(server, "project", "set", "web", "restricted.devices.nic=block"), /"eth0"/);
  await lxc("profile", "device", "remove", "default", "eth0");
  await lxc("project", "switch", "default");
  await lxc("project", "delete", "web");
  await lxc("network", "delete", "net0");
});
