// Storage pools whose disk is full, read-only, or has lost files: what was complete stays, and drey says what is wrong.

import { assertEquals, assertMatch } from "@std/testing";
import { run } from "../../sys/run.ts";
import { type Drey, e2e } from "../support/drey.ts";
import { openSmallDisk } from "../support/small_disk.ts";

const needs = ["userns", "subids", "overlay"] as const;
const MB = 1_000_000;
const full = /^Error: [^\n]*(The disk of "[^"]+" is full|[Tt]he disk is full|No space left)[^\n]*\n$/;

/** Puts so many bytes that no compression helps with into an instance that runs. */
const fill = (drey: Drey, name: string, path: string, bytes: number) =>
  drey.run(["exec", name, "--", "sh", "-c", `head -c ${bytes} /dev/urandom >${path}`]);

/** Unfinished work in a pool. */
const temporary = (pool: string): string[] =>
  [...Deno.readDirSync(`${pool}/temporary`)].map(({ name }) => name);

const disk = await openSmallDisk();
if (disk === undefined) {
  Deno.test({ name: "a full disk (skipped: DREY_TEST_SMALL names none)", ignore: true, fn: () => {} });
} else {
  await e2e("a disk that is full loses nothing that was complete", { needs }, async (drey) => {
    const pool = `${disk.path}/pool`;
    await Deno.mkdir(pool);
    await drey`storage create small dir source=${pool}`;
    await drey`launch tiny c1 --storage small`;
    await drey`exec c1 -- sh -c ${"echo one >/root/f"}`;
    await drey`snapshot c1 s0`;
    assertEquals((await fill(drey, "c1", "/root/big", 22 * MB)).code, 0);
    // its copy would not fit: that is said before anything is copied
    assertMatch((await drey.tries`snapshot c1 s1`).stderr, /MiB are needed, .*are kept for deleting things/);
    assertEquals([temporary(pool), await drey`list -f csv -c ns`], [[], "c1,RUNNING\n"]);

    await drey`init tiny c2`;
    await drey.run(["file", "push", "-", "c2/root/big"], { stdin: "x".repeat(30 * MB) });
    await drey`storage volume create default data`;
    for (
      const words of [["copy", "c2", "c3", "--storage", "small"], ["move", "c2", "c2", "--storage", "small"]]
    ) {
      const { code, stderr } = await drey.run(words);
      assertEquals([code, full.test(stderr)], [1, true], stderr);
    }
    const file = `${drey.directory}/c2.tar`;
    await drey`export c2 ${file} --compression none`;
    assertMatch((await drey.tries`import ${file} c3 --storage small`).stderr, full);
    assertMatch((await drey.tries`file push ${file} c1/root/more`).stderr, full);
    assertEquals(temporary(pool), []);

    // now to the last byte, with nothing left for drey either
    await drey.tries`exec c1 -- sh -c ${"head -c 99000000 /dev/zero >/root/last"}`;
    for (
      const words of [
        ["snapshot", "c1", "s2"],
        ["init", "tiny", "c4", "--storage", "small"],
        ["storage", "volume", "create", "small", "data"],
        ["copy", "c1", "c5"],
      ]
    ) {
      const { code, stderr } = await drey.run(words);
      assertEquals([words, code, full.test(stderr)], [words, 1, true], stderr);
    }
    assertEquals(temporary(pool), []);
    assertEquals(await drey`list -f csv -c ns`, "c1,RUNNING\nc2,STOPPED\n");
    // going back to a snapshot takes a block or two
    await drey`exec c1 -- rm /root/last`;
    await drey`stop -f c1`;
    await drey`restore c1 s0`;
    assertEquals(await drey`file pull c1/root/f -`, "one\n");
    await drey`snapshot c1 s3`;
    await drey`delete c1 c2`;
    await drey`storage delete small`;
    assertEquals([...Deno.readDirSync(pool)], []);
  });

  await e2e(
    "drey on a full disk says so, and goes on when there is room",
    { needs, images: [] },
    async (drey) => {
      const env = { DREY_DIR: `${disk.path}/state` };
      await Deno.mkdir(env.DREY_DIR);
      const small = (...argv: string[]) => drey.run(argv, { env });
      assertEquals((await small("profile", "create", "p1")).code, 0);
      const { stderr } = await run(["sh", "-c", `head -c 99000000 /dev/zero >${disk.path}/fill`]);
      assertMatch(stderr, /No space/);
      for (let n = 0, isFull = false; n < 40 && !isFull; n++) {
        const said = await small("profile", "set", "p1", `user.k${n}=${"x".repeat(20_000)}`);
        isFull = said.code !== 0;
        if (isFull) assertMatch(said.stderr, /^Error: [^\n]*(disk is full|disk I\/O error)[^\n]*\n$/);
      }
      // what is kept for it lets things be deleted, again and again
      for (const name of ["p2", "p3"]) {
        assertEquals((await small("profile", "create", name)).stderr, "");
        assertEquals((await small("profile", "delete", name)).stderr, "");
      }
      await Deno.remove(`${disk.path}/fill`);
      assertEquals((await small("profile", "set", "p1", "user.end=yes")).code, 0);
      assertEquals((await small("profile", "get", "p1", "user.end")).stdout, "yes\n");
      await Deno.remove(env.DREY_DIR, { recursive: true });
    },
  );

  await e2e("a pool on a read-only disk says so", { needs: [...needs, "root"] }, async (drey) => {
    const pool = `${disk.path}/fixed`;
    await Deno.mkdir(pool);
    await drey`storage create small dir source=${pool}`;
    await drey`init tiny c1 --storage small`;
    await drey`snapshot c1 s0`;
    const mount = (how: string) => run(["mount", "-o", `remount,${how}`, disk.path.replace(/\/[^/]+$/, "")]);
    assertEquals((await mount("ro")).code, 0);
    try {
      for (
        const words of [["snapshot", "c1", "s1"], ["restore", "c1", "s0"], ["copy", "c1", "c2"], [
          "delete",
          "c1",
        ]]
      ) {
        const { code, stderr } = await drey.run(words);
        assertEquals([words, code], [words, 1]);
        assertMatch(stderr, /^Error: [^\n]*[Rr]ead-only[^\n]*\n$/);
      }
      assertEquals((await drey.tries`start c1`).code, 1);
      await drey`export c1 ${`${drey.directory}/c1.tar`} --compression none`;
    } finally {
      await mount("rw");
    }
    await drey`list`;
    await drey`delete c1`;
    await drey`storage delete small`;
  });

  Deno.test("the small disk is given back", async () => await disk[Symbol.asyncDispose]());
}

await e2e("files that somebody removed are missed by name", { needs }, async (drey) => {
  const pool = `${drey.directory}/elsewhere`;
  await Deno.mkdir(pool);
  await drey`storage create fast dir source=${pool}`;
  await drey`init tiny c1 --storage fast`;
  await drey`snapshot c1 s0`;
  await drey.run(["file", "push", "-", "c1/root/f"], { stdin: "one" });
  await drey`snapshot c1 s1`;
  await drey`storage volume create fast data`;
  await Deno.remove(`${pool}/containers/c1`, { recursive: true });
  assertMatch(
    (await drey.tries`start c1`).stderr,
    /The files of instance "c1" are not in storage pool "fast"/,
  );
  assertMatch((await drey.tries`copy c1 c2`).stderr, /Cannot find the files of "c1"/);
  await drey`restore c1 s1`;
  assertEquals(await drey`file pull c1/root/f -`, "one");
  await Deno.remove(`${pool}/containers-snapshots/c1/s0`, { recursive: true });
  assertMatch((await drey.tries`restore c1 s0`).stderr, /Cannot find the files of "c1\/s0"/);
  await drey`delete c1/s0`;
  await Deno.rename(`${pool}/custom/default_data`, `${drey.directory}/taken`);
  assertMatch(
    (await drey.tries`storage volume snapshot fast data`).stderr,
    /Cannot find the files of "default_data"/,
  );
  await drey`storage volume delete fast data`;
  await Deno.rename(pool, `${pool}.away`);
  for (const words of [["start", "c1"], ["init", "tiny", "c2", "--storage", "fast"], ["delete", "c1"]]) {
    assertMatch(
      (await drey.run(words)).stderr,
      /^Error: The directory of the storage pool is not there: [^\n]*\n$/,
    );
  }
  assertEquals(await drey`list -f csv -c n`, "c1\n");
  await Deno.rename(`${pool}.away`, pool);
  await drey`start c1`;
  await drey`delete -f c1`;
  await drey`storage delete fast`;
});
