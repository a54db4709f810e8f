// Hostile archives by the hundred: whatever they are, nothing is written outside the directory they are unpacked in.

import { assert, assertEquals } from "@std/testing";
import { DreyError } from "../errors.ts";
import { openMappedRoot } from "../idmap/holder.ts";
import { isSingle } from "../idmap/map.ts";
import { type Account, defaultMap } from "../idmap/ranges.ts";
import { runChecked } from "../sys/run.ts";
import { type ForgedEntry, forgeTar } from "../tests/support/forged_tar.ts";
import { unpackLayer } from "./layer.ts";
import { bytesOf } from "../sys/file_bytes.ts";
import { untar } from "./gate.ts";
import { removeTrees } from "./remove_trees.ts";

const account: Account = {
  uid: Deno.uid() ?? 0,
  gid: Deno.gid() ?? 0,
  name: (await runChecked(["id", "-un"])).trim(),
};

/** Numbers that look random and are the same each time; mulberry32. */
function randomFrom(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let value = Math.imul(state ^ (state >>> 15), 1 | state);
    value = (value + Math.imul(value ^ (value >>> 7), 61 | value)) ^ value;
    return ((value ^ (value >>> 14)) >>> 0) % below;
  };
}

const words = [
  "a",
  "b",
  "c",
  "d/e",
  "a/b",
  "dev",
  "etc",
  ".",
  "..",
  "",
  "x y",
  "é",
  "a\n",
  ".wh.a",
  ".wh..wh..opq",
];

/** An archive of a few entries that mean no good. */
function forge(random: (below: number) => number, outside: string): Uint8Array<ArrayBuffer> {
  const pick = <T>(list: readonly T[]): T => list[random(list.length)] as T;
  const path = (): string => {
    const name = Array.from({ length: 1 + random(4) }, () => pick(words)).join("/");
    const front = pick([
      "",
      "",
      "",
      "./",
      "../",
      "../../",
      "/",
      `${outside}/`,
      "../../../../../../tmp/drey-evil-",
    ]);
    return (front + name).slice(0, 99);
  };
  const entries = Array.from({ length: 2 + random(7) }, (): ForgedEntry => {
    const type = pick(["0", "0", "0", "1", "2", "2", "3", "4", "5", "5", "6", "7"]);
    const content = type === "0" ? "evil".repeat(1 + random(300)) : undefined;
    return { name: path(), type, target: path(), ...content && { content } };
  });
  const bytes = forgeTar(entries);
  // and some of them are damaged besides
  for (let flips = pick([0, 0, 1, 4]); flips > 0; flips--) bytes[random(bytes.length)] = random(256);
  return bytes;
}

Deno.test("600 mutated archives leave no file outside the layer", async () => {
  const dir = await Deno.makeTempDir({ prefix: "drey_fuzz_" });
  const outside = `${dir}/outside`;
  await Deno.mkdir(outside);
  await Deno.writeTextFile(`${outside}/canary`, "sings");
  // not even the umask keeps anybody from writing there
  await Deno.chmod(dir, 0o777);
  await Deno.chmod(outside, 0o777);
  await Deno.chmod(`${outside}/canary`, 0o666);
  const map = await defaultMap(account);
  const random = randomFrom(20261121);
  const tally = { taken: 0, refused: 0 };
  try {
    await using mapped = await openMappedRoot(map);
    for (let count = 0; count < 600; count++) {
      const archive = `${dir}/archive`;
      await Deno.writeFile(archive, forge(random, outside), { mode: 0o644 });
      // most of them past the check that would refuse them: the jail alone must hold
      const isChecked = count % 10 === 0;
      const work = `${dir}/work`;
      await Deno.mkdir(work);
      await Deno.chmod(work, 0o777);
      const unpacking = isChecked
        ? unpackLayer(bytesOf(archive), { target: `${work}/layer`, map, account })
        : untar({ directory: work, mapped, isSingle: isSingle(map) }, bytesOf(archive), {
          compression: "none",
          into: "fs",
          visit() {},
        });
      await unpacking.then(() => tally.taken++, (error) => {
        assert(error instanceof DreyError, String(error));
        tally.refused++;
      });
      assertEquals([...Deno.readDirSync(dir)].map(({ name }) => name).sort(), ["archive", "outside", "work"]);
      assertEquals([...Deno.readDirSync(outside)].map(({ name }) => name), ["canary"]);
      assertEquals(await Deno.readTextFile(`${outside}/canary`), "sings");
      await runChecked(mapped.command(["rm", "-rf", "work"]), { cwd: dir }).catch(() =>
        removeTrees([work], account)
      );
    }
    const evil = [...Deno.readDirSync("/tmp")].filter(({ name }) => name.startsWith("drey-evil"));
    assertEquals(evil, []);
    assert(tally.taken > 5 && tally.refused > 100, JSON.stringify(tally));
  } finally {
    await removeTrees([dir], account);
  }
});
