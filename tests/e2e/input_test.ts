// Bad input and poor hosts: one clear line each, exit status 1, and nothing left.

import { assert, assertEquals, assertMatch } from "@std/testing";
import { type Drey, e2e, imageFiles } from "../support/drey.ts";
import { run, runChecked, type RunResult } from "../../sys/run.ts";
import { controllers } from "../../runtime/cgroups.ts";
import { inAlteredHost } from "../support/altered_host.ts";
import { cgroupHome } from "../support/leftovers.ts";

const needs = ["userns", "subids"] as const;

/** One line that says what is wrong, and perhaps one that says what to do. */
function assertRefused({ code, stderr, stdout }: RunResult, said: RegExp): void {
  assertEquals(code, 1, `${stdout}${stderr}`);
  const lines = stderr.trim().split("\n");
  assertMatch(lines[0] ?? "", /^Error: ["A-Z]/);
  assertMatch(stderr, said);
  assert(lines.length <= 2, stderr);
  assert(!/\n {2,}at |file:\/\/|undefined|\[object/.test(stderr), stderr);
}

async function assertNothing(drey: Drey): Promise<void> {
  assertEquals(JSON.parse(await drey`list --format json`), []);
}

await e2e("an image that is not known is named", { needs }, async (drey) => {
  assertRefused(await drey.tries`launch nosuch c1`, /nosuch/);
  assertRefused(await drey.tries`launch debian:nosuch c1`, /nosuch/);
  assertRefused(await drey.tries`launch nowhere:12 c1`, /nowhere/);
  assertRefused(await drey.tries`launch`, /needs an image/);
  await assertNothing(drey);
});

await e2e("names follow LXD's rules", { needs }, async (drey) => {
  for (const name of ["-x", "1a", "a_b", "a.b", "a/b", "a-", "ä", "a".repeat(64), "a b"]) {
    const { code, stderr } = await drey.run(["init", "tiny", "--", name]);
    assertEquals(code, 1, name);
    assertMatch(stderr, /^Error: /, name);
  }
  await assertNothing(drey);
  const longest = "a".repeat(63);
  await drey`launch tiny ${longest}`;
  assertEquals(await drey`exec ${longest} -- hostname`, `${longest}\n`);
});

await e2e("fields of YAML that nobody would read are named", { needs }, async (drey) => {
  const typo = { stdin: "descripton: Web\n" };
  const commands = [
    "profile edit default",
    "config edit",
    "project edit default",
    "init tiny c1",
    "profile create p1",
  ];
  for (const command of commands) {
    assertRefused(await drey.run(command.split(" "), typo), /Unknown field "descripton": there are .*config/);
  }
  await assertNothing(drey);
  // what show prints here or on a newer server comes back
  const shown = (await drey`profile show default`).replace(/description: .*/, "description: Web");
  const newer = "project: default\nlocations: [none]\nstatus: Created\nmanaged: true\n";
  assertEquals((await drey.run(["profile", "edit", "default"], { stdin: shown + newer })).stderr, "");
  assertEquals(await drey`profile get default description --property`, "Web\n");
});

await e2e("keys and values that are not known are named", { needs }, async (drey) => {
  assertRefused(await drey.tries`launch tiny c1 -c limits.nonsense=1`, /limits\.nonsense/);
  assertRefused(await drey.tries`launch tiny c1 -c limits.memory=lots`, /limits\.memory|lots/);
  assertRefused(await drey.tries`launch tiny c1 -c security.nesting=maybe`, /security\.nesting|maybe/);
  assertRefused(await drey.tries`launch tiny c1 -p nosuch`, /nosuch/);
  await assertNothing(drey);
  await drey`init tiny c1`;
  assertRefused(await drey.tries`config set c1 limits.nonsense=1`, /limits\.nonsense/);
  assertEquals(await drey`config get c1 limits.nonsense`.catch(() => "\n"), "\n");
  // names that every object of JavaScript has
  assertEquals(await drey`config get c1 constructor`, "\n");
  assertEquals(await drey`profile get default constructor`, "\n");
  assertRefused(await drey.tries`profile unset default constructor`, /does not set it/);
  assertRefused(await drey.tries`config device get c1 constructor name`, /no device "constructor"/);
  assertEquals(await drey`image list constructor=x --format csv`, "");
  assertEquals(await drey`list --columns config:user.constructor,config:constructor --format csv`, ",\n");
  assertRefused(await drey.tries`storage create p1 constructor`, /Unknown storage driver/);
  assertRefused(await drey.tries`config device add c1 constructor none`, /Invalid device name/);
  assertMatch(await drey`query /openapi.json`, /^\{\n\t"openapi": /);
  assertRefused(await drey.tries`config unset c1`, /Unknown configuration key: c1/);
  assertRefused(
    await drey.tries`config set limits.memory=1GiB`,
    /drey config set <instance> limits\.memory=/,
  );
  assertRefused(
    await drey.tries`storage volume create default a/b`,
    /Invalid name of a storage volume "a\/b"/,
  );
  assertRefused(await drey.tries`file push /etc/hosts c1:/tmp/x`, /named as c1\/tmp\/x/);
  assertRefused(await drey.tries`launch docker.io/library/nginx c2`, /named with theirs: docker:nginx$/m);
  assertRefused(await drey.tries`launch ./x.tar.xz c2`, /drey image import \.\/x\.tar\.xz/);
  assertRefused(
    await drey.tries`export c1 ${`${drey.directory}/c1.tar`} --compression toString`,
    /Cannot compress by/,
  );
});

await e2e("a configuration may come through a pipe", { needs: [], images: [] }, async (drey) => {
  // the shell has written all of it before drey begins
  const give = (text: string, ...words: string[]) =>
    run(["sh", "-c", `"$@" <<END\n${text}\nEND\n`, "sh", ...drey.commandLine(words)], {
      env: { ...Deno.env.toObject(), ...drey.environment },
    });
  assertEquals((await give("config: {user.x: given}", "profile", "create", "p1")).code, 0);
  assertEquals(
    (await give("config: {user.y: too}", "init", "--empty", "c1", "-p", "default", "-p", "p1")).code,
    0,
  );
  assertEquals(await drey`profile get p1 user.x`, "given\n");
  assertEquals(await drey`config get c1 user.y`, "too\n");
  assertRefused(await give("no keys", "profile", "create", "p2"), /<\/dev\/null/);
});

await e2e("flags, commands and instances that are not known are named", { needs }, async (drey) => {
  assertRefused(await drey.tries`launch tiny c1 --nonsense`, /--nonsense/);
  assertRefused(await drey.tries`lunch tiny c1`, /lunch/);
  for (const verb of ["start", "stop", "delete", "restart", "pause", "info", "rename"]) {
    const result = await drey.run(verb === "rename" ? [verb, "c9", "c8"] : [verb, "c9"]);
    assertEquals(result.code, 1, verb);
    assertMatch(result.stderr, /not found/, verb);
  }
  assertRefused(await drey.tries`exec c9 -- true`, /not found/);
  assertRefused(await drey.tries`query /1.0 -d {}`, /A GET request takes no data\. Give --request POST/);
  assertRefused(await drey.tries`import /etc c9`, /Cannot import "\/etc": it is a directory/);
  assertRefused(await drey.tries`list --fast --columns n`, /Cannot use --fast with --columns/);
  // what is no backup is not called an image
  assertRefused(
    await drey.tries`import /etc/passwd c9`,
    /^Error: Cannot use the backup: it is neither a tarball/,
  );
  const unasked = await drey.run(["config", "trust", "add"], { stdin: "" });
  assertMatch(
    unasked.stderr,
    /\nError: There is nobody to answer: standard input is at its end\. Give --name\n$/,
  );
  await assertNothing(drey);
});

await e2e("what cannot be done in this state is said", { needs }, async (drey) => {
  await drey`launch tiny c1`;
  assertRefused(await drey.tries`start c1`, /already running/);
  assertRefused(await drey.tries`launch tiny c1`, /already exists/);
  assertRefused(await drey.tries`rename c1 c2`, /running instance not allowed\. Run: drey stop c1/);
  const nobody = await drey.tries`exec c1 --user 4000000000 -- true`;
  assertEquals(nobody.code, 125);
  assertMatch(nobody.stderr, /^Cannot become user 4000000000, whom the instance may have no id for: /);
  assertRefused(await drey.tries`resume c1`, /already running/);
  await drey`stop -f c1`;
  assertRefused(await drey.tries`stop c1`, /already stopped/);
  assertRefused(await drey.tries`pause c1`, /not running/);
});

await e2e("a tool that is missing is named with its package", { needs: [...needs, "user"] }, async (drey) => {
  await drey`init tiny c1`;
  const hidden = ["newuidmap", "newgidmap", "mmdebstrap"];
  assertRefused(await withoutTools(drey, hidden, ["start", "c1"]), /newuidmap|uidmap/);
  assertRefused(await withoutTools(drey, hidden, ["launch", "debian:12", "c2"]), /mmdebstrap/);
  assertEquals(JSON.parse(await drey`list --format json`)[0].status, "Stopped");
});

await e2e("a mirror that does not answer is named, and nothing of it stays", {
  needs: [...needs, "debian"],
}, async (drey) => {
  const env = { DREY_DEBIAN_MIRROR: "http://127.0.0.1:9/" };
  assertRefused(await drey.run(["launch", "debian:12", "c1"], { env }), /127\.0\.0\.1:9/);
  await assertNothing(drey);
  const images = JSON.parse(await drey`image list --format json`);
  assertEquals(images.length, 1, "only the tiny one");
});

await e2e("limits that this host cannot keep are refused", { needs }, async (drey) => {
  const home = await cgroupHome(drey.directory);
  const above = home?.slice(0, home.lastIndexOf("/"));
  if (above !== undefined && controllers(above).includes("memory")) return; // here they can be kept
  await drey`init tiny c1 -c limits.memory=64MiB`;
  assertRefused(await drey.tries`start c1`, /limits\.memory.*memory/);
  assertEquals(JSON.parse(await drey`list --format json`)[0].status, "Stopped");
  assertRefused(
    await drey.tries`launch tiny c2 -c limits.processes=9999999 -c limits.memory=64MiB`,
    /limits\..*"c2" was created and is left: .*drey delete c2/,
  );
  await drey`config unset c1 limits.memory`;
  await drey`start c1`;
  assertRefused(await drey.tries`config set c1 limits.memory=64MiB`, /limits\.memory/);
  assertEquals(await drey`config get c1 limits.memory`, "\n");
});

await e2e("a disk that is full is told, and nothing half made stays", {
  needs: [...needs, "root"],
  images: [],
}, async (drey) => {
  const [image = ""] = await imageFiles("tiny");
  const packed = (await Deno.stat(image)).size;
  // room for half of the packed image, and for that but not for its files
  for (const size of [packed / 2, packed * 1.5]) {
    await runChecked(["mount", "-t", "tmpfs", "-o", `size=${Math.ceil(size)}`, "none", drey.directory]);
    try {
      assertRefused(await drey.tries`image import ${image} --alias tiny`, /disk is full|space/i);
      await assertNothing(drey);
      const found = await runChecked(["find", ".", "-name", "*.partial-*", "-o", "-name", "*-[ug]*[0-9]"], {
        cwd: drey.directory,
      });
      assertEquals(found, "", "neither half made nor unpacked images");
    } finally {
      await runChecked(["umount", "-l", drey.directory]);
    }
  }
});

// The programs of /usr/bin are linked one by one, but for the hidden ones, and the links take its place.
const hide = `
mkdir -p "$1/all" "$1/some"
mount --bind /usr/bin "$1/all"
ln -s "$1"/all/* "$1/some"
for tool in $2; do rm -f "$1/some/$tool"; done
mount --bind "$1/some" /usr/bin`;

/** Runs drey where some programs are missing. */
async function withoutTools(
  drey: Drey,
  tools: readonly string[],
  argv: readonly string[],
): Promise<RunResult> {
  const directory = await Deno.makeTempDir({ dir: drey.directory });
  const words = inAlteredHost(hide, [directory, tools.join(" ")], drey.commandLine(argv));
  const { code, stdout, stderr } = await new Deno.Command(words[0]!, {
    args: words.slice(1),
    env: { ...drey.environment },
    stdin: "null",
  }).output();
  const decoder = new TextDecoder();
  return { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
}

await e2e("a state directory whose name has a line break is refused", { needs, images: [] }, async (drey) => {
  const env = { DREY_DIR: `${drey.directory}/new\nline` };
  for (const words of [["list"], ["delete", "c1"]]) {
    assertRefused(await drey.run(words, { env }), /new\\nline": there is a line break in it/);
  }
});
