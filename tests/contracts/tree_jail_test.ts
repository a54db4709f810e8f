// Where streams of strangers become trees: even a tar that believes all it is told reaches nothing of the host.

import { assertEquals, assertMatch, assertRejects } from "@std/testing";
import { join } from "@std/path";
import type { Volume } from "../../storage/driver.ts";
import { openDir } from "../../storage/dir.ts";
import { unpackArgv } from "../../runtime/tree_stream.ts";
import { type ForgedEntry, forgeTar } from "../support/forged_tar.ts";
import { testDirectory } from "../support/needs.ts";
import { openTestPool, type TestPool } from "../support/volumes.ts";

const volume: Volume = { kind: "custom", name: "v" };
/** tar then follows links it has made itself, and takes names as they are */
const trusting = ["--absolute-names"];

await Deno.mkdir(testDirectory(), { recursive: true });

function test(sentence: string, body: (pool: TestPool, outside: string) => Promise<void>): void {
  Deno.test(`${sentence}${Deno.uid() === 0 ? " (as root)" : ""}`, async () => {
    await using pool = await openTestPool(
      openDir,
      await Deno.makeTempDir({ dir: testDirectory(), prefix: "p" }),
    );
    await pool.driver.create(volume, pool.content);
    // where everybody may write, below directories that everybody may walk
    const outside = await Deno.makeTempDir({ dir: "/var/tmp", prefix: "drey-outside-" });
    await Deno.chmod(outside, 0o777);
    await Deno.writeTextFile(join(outside, "there"), "before");
    await Deno.chmod(join(outside, "there"), 0o666);
    try {
      await body(pool, outside);
      assertEquals([...Deno.readDirSync(outside)].map(({ name }) => name), ["there"]);
      assertEquals(await Deno.readTextFile(join(outside, "there")), "before");
      assertEquals((await Deno.stat(join(outside, "there"))).nlink, 1);
    } finally {
      await Deno.remove(outside, { recursive: true });
    }
  });
}

/** Ways out of a tree, each for a tar that lets it. */
const hostile = (outside: string): Record<string, ForgedEntry[]> => ({
  "a symbolic link and a file through it": [
    { name: "out", type: "2", target: outside },
    { name: "out/new", content: "evil" },
    { name: "out/there", content: "evil" },
  ],
  "a link of many steps up": [
    { name: "up", type: "2", target: `${"../".repeat(20)}${outside.slice(1)}` },
    { name: "up/new", content: "evil" },
  ],
  "an absolute name": [{ name: join(outside, "new"), content: "evil" }],
  "a name of many steps up": [{ name: `${"../".repeat(12)}${outside.slice(1)}/new`, content: "evil" }],
  "a hard link to a file outside, written to": [
    { name: "hard", type: "1", target: join(outside, "there") },
    { name: "hard", content: "evil" },
  ],
});

for (const way of Object.keys(hostile("/"))) {
  test(`${way} leaves nothing outside of the tree it is unpacked to`, async (pool, outside) => {
    const stream = forgeTar(hostile(outside)[way]!);
    const flags = unpackArgv(".").filter((word) => word.startsWith("--"));
    for (const all of [flags, [...flags, ...trusting]]) {
      // tar may refuse the entry or not: what counts is what is there afterwards
      await pool.untar(volume, { flags: all, stream }).catch((error) => assertMatch(error.message, /tar/));
    }
  });
}

test("in the jail there are programs, the tree and nothing else", async (pool) => {
  assertMatch(await pool.inside(volume, "ls /"), /^(bin|dev|lib\w*|sbin|tree|usr|\n)+$/);
  assertEquals(await pool.inside(volume, "pwd; ls /dev"), "/tree\nnull\n");
  for (const path of ["/x", "/usr/x", "/usr/bin/x", "/dev/x"]) {
    const error = await assertRejects(() => pool.inside(volume, `: >${path}`), Error);
    assertMatch(error.message, /Permission denied|Read-only/);
  }
  await assertRejects(() => pool.inside(volume, "umount /usr || mount -o remount,bind,rw /usr; : >/usr/x"));
});
