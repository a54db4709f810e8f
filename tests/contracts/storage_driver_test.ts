// What every storage driver must do, and a long random life against a model, for each driver this host has.

import { assert, assertEquals, assertRejects } from "@std/testing";
import { openBtrfs } from "../../storage/btrfs.ts";
import type { Driver, PoolHost, Snapshot, Volume } from "../../storage/driver.ts";
import { openDir } from "../../storage/dir.ts";
import { openLvm } from "../../storage/lvm.ts";
import { readLayout } from "../../idmap/ranges.ts";
import { namesIn } from "../../sys/present.ts";
import { eventually } from "../support/eventually.ts";
import { testDirectory } from "../support/needs.ts";
import { btrfsDirectory, lvmPool, openTestPool, type TestPool } from "../support/volumes.ts";

const c1: Volume = { kind: "containers", name: "c1" };
const c2: Volume = { kind: "containers", name: "c2" };
const snap = (volume: Volume, snapshot: string): Snapshot => ({ ...volume, snapshot });

interface Maker {
  name: string;
  open: (host: PoolHost) => Driver;
  directory(): Promise<string>;
}

await Deno.mkdir(testDirectory(), { recursive: true });
const ordinary = () => Deno.makeTempDir({ dir: testDirectory(), prefix: "p" });
const btrfs = await btrfsDirectory();
const lvm = await lvmPool();
const makers: Maker[] = [
  { name: "dir with overlay", open: openDir, directory: ordinary },
  { name: "dir without overlay", open: (host) => openDir(host, { plain: true }), directory: ordinary },
  ...(btrfs === undefined ? [] : [{
    name: "btrfs",
    open: openBtrfs,
    directory: () => Deno.makeTempDir({ dir: btrfs.path }),
  }]),
  ...("skip" in lvm ? [] : [{ name: "lvm", open: openLvm, directory: lvm.directory }]),
];

for (const maker of makers) testDriver(maker);
Deno.test({
  name: `the driver btrfs${
    btrfs === undefined ? " (skipped: DREY_TEST_BTRFS names no btrfs)" : " has its file unmounted"
  }`,
  ignore: btrfs === undefined,
  fn: async () => await btrfs?.close(),
});

Deno.test({
  name: `the driver lvm${"skip" in lvm ? ` (skipped: ${lvm.skip})` : " leaves no volume group"}`,
  ignore: "skip" in lvm,
  fn: async () => {
    if ("close" in lvm) await lvm.close();
  },
});

function testDriver({ name, open, directory }: Maker): void {
  const as = Deno.uid() === 0 ? " (as root)" : "";
  const test = (sentence: string, body: (pool: TestPool) => Promise<void>) =>
    Deno.test(`${name}: ${sentence}${as}`, async () => {
      await using pool = await openTestPool(open, await directory());
      await body(pool);
    });

  test("a volume begins as its image, and is known with its ids and image", async (pool) => {
    assertEquals(pool.driver.exists(c1), false);
    assertEquals(pool.driver.facts(c1), undefined);
    await pool.driver.create(c1, pool.content);
    assertEquals(pool.driver.facts(c1)?.map, pool.content.map);
    assertEquals(pool.driver.facts(c1)?.image, "tiny");
    assertEquals(await pool.inside(c1, "cat etc/hosts; readlink var/link"), "hosts\n../etc/hosts\n");
    assertEquals(pool.driver.list("containers"), ["c1"]);
  });

  test("a volume without an image begins empty, with an owner", async (pool) => {
    const { container } = await readLayout({
      uid: Deno.uid() ?? 0,
      gid: Deno.gid() ?? 0,
      name: Deno.env.get("USER") ?? "root",
    });
    const owner = { uid: container.uids[0]!.hostId, gid: container.gids[0]!.hostId, mode: 0o750 };
    await pool.driver.create(c1, { map: pool.content.map, owner });
    assertEquals(await pool.inside(c1, "ls -A; stat -c '%u %g' ."), "0 0\n");
    await pool.inside(c1, "echo x >x");
    assertEquals(await pool.inside(c1, "cat x"), "x\n");
  });

  test("a snapshot stays as it was, and a restore brings it back", async (pool) => {
    await pool.driver.create(c1, pool.content);
    await pool.inside(c1, "echo one >f; rm -r etc/sub; chmod 711 .");
    const one = await pool.listing(c1);
    await pool.driver.snapshot(snap(c1, "s0"));
    await pool.inside(c1, "echo two >f; mkdir etc/sub; echo new >etc/sub/new; rm var/b");
    const two = await pool.listing(c1);
    assertEquals(await pool.listing(snap(c1, "s0")), one);
    await pool.driver.snapshot(snap(c1, "s1"));
    await pool.driver.restore(snap(c1, "s0"));
    assertEquals(await pool.listing(c1), one);
    await pool.driver.restore(snap(c1, "s1"));
    assertEquals(await pool.listing(c1), two);
    assertEquals(pool.driver.list("containers", "c1").sort(), ["s0", "s1"]);
  });

  test("a clone of a volume or of a snapshot is independent of it", async (pool) => {
    await pool.driver.create(c1, pool.content);
    await pool.inside(c1, "echo one >f");
    const one = await pool.listing(c1);
    await pool.driver.snapshot(snap(c1, "s0"));
    await pool.driver.clone(c1, c2);
    await pool.inside(c1, "echo two >f");
    assertEquals(await pool.listing(c2), one);
    await pool.driver.clone(snap(c1, "s0"), snap(c2, "copied"));
    await pool.driver.remove(c1);
    assertEquals([pool.driver.exists(c1), pool.driver.exists(snap(c1, "s0"))], [false, false]);
    assertEquals([await pool.listing(c2), await pool.listing(snap(c2, "copied"))], [one, one]);
    await pool.driver.clone(snap(c2, "copied"), c1);
    await pool.driver.clone(c1, c2);
    assertEquals(await pool.listing(c2), one, "in the place of what was there");
  });

  test("a volume whose room may come back later is gone at once, and its room comes back", async (pool) => {
    const left = () =>
      ["containers", "containers-snapshots", "layers", "temporary"].flatMap((directory) =>
        namesIn(`${pool.directory}/${directory}`)
      );
    for (const round of [1, 2]) {
      await pool.driver.create(c1, pool.content);
      await pool.inside(c1, "mkdir -p a/b; echo one >a/b/f; chmod 0 a/b");
      await pool.driver.snapshot(snap(c1, "s0"));
      await pool.inside(c1, "echo two >f");
      await pool.driver.remove(c1, true);
      assertEquals([pool.driver.exists(c1), pool.driver.exists(snap(c1, "s0"))], [false, false], `${round}`);
      await pool.driver.create(c1, pool.content);
      assertEquals(await pool.inside(c1, "ls -d f a 2>/dev/null || echo neither"), "neither\n");
      await pool.driver.remove(c1, true);
    }
    await eventually("nothing is left", () => left().length === 0, 10);
  });

  test("a volume that is being written to is copied while its writers are still", async (pool) => {
    await pool.driver.create(c1, pool.content);
    await pool.inside(c1, "echo one >f; rm etc/hosts; mkfifo pipe");
    const one = await pool.listing(c1);
    const seen: string[] = [];
    const live = {
      still: async <T>(work: () => Promise<T>) => {
        seen.push("still");
        const result = await work();
        seen.push("on");
        return result;
      },
    };
    await pool.driver.snapshot(snap(c1, "s0"), live);
    await pool.driver.clone(c1, c2, live);
    assertEquals(seen, ["still", "on", "still", "on"]);
    await pool.inside(c1, "echo two >f");
    assertEquals([await pool.listing(snap(c1, "s0")), await pool.listing(c2)], [one, one]);
  });

  test("volumes and snapshots are renamed, and what lies beside the root goes along", async (pool) => {
    await pool.driver.create(c1, pool.content);
    Deno.writeTextFileSync(`${pool.driver.home(c1)}/metadata.yaml`, "first");
    await pool.driver.snapshot(snap(c1, "s0"));
    Deno.writeTextFileSync(`${pool.driver.home(c1)}/metadata.yaml`, "second");
    await pool.driver.rename(snap(c1, "s0"), snap(c1, "s9"));
    await pool.driver.rename(c1, c2);
    assertEquals([pool.driver.exists(c1), pool.driver.list("containers", "c2")], [false, ["s9"]]);
    assertEquals(Deno.readTextFileSync(`${pool.driver.home(c2)}/metadata.yaml`), "second");
    await pool.driver.restore(snap(c2, "s9"));
    assertEquals(Deno.readTextFileSync(`${pool.driver.home(c2)}/metadata.yaml`), "first");
  });

  test("a volume is made anew in its place, and its snapshots stay", async (pool) => {
    await pool.driver.create(c1, pool.content);
    await pool.inside(c1, "echo one >f");
    const one = await pool.listing(c1);
    await pool.driver.snapshot(snap(c1, "s0"));
    await pool.driver.create(c1, pool.content);
    assertEquals(
      await pool.inside(c1, "ls f 2>&1 || echo gone"),
      "ls: cannot access 'f': No such file or directory\ngone\n",
    );
    await pool.driver.restore(snap(c1, "s0"));
    assertEquals(await pool.listing(c1), one);
  });

  test("removing leaves nothing, and may be repeated", async (pool) => {
    await pool.driver.create(c1, pool.content);
    for (const name of ["s0", "s1", "s2"]) {
      await pool.inside(c1, `echo ${name} >f; mkdir -p d/${name}`);
      await pool.driver.snapshot(snap(c1, name));
    }
    await pool.driver.remove(snap(c1, "s1"));
    await pool.driver.compact?.(c1);
    await pool.driver.remove(c1);
    await pool.driver.remove(c1);
    await pool.driver.remove(snap(c1, "s0"));
    const left = [...Deno.readDirSync(pool.directory)].filter(({ name, isDirectory }) =>
      isDirectory && name !== "images"
    )
      .flatMap(({ name }) =>
        [...Deno.readDirSync(`${pool.directory}/${name}`)].map((e) => `${name}/${e.name}`)
      );
    assertEquals(left, []);
  });

  test("what is not there is not found", async (pool) => {
    await assertRejects(() => pool.driver.clone(c1, c2), Error, "Cannot find the files");
    await assertRejects(() => pool.driver.snapshot(snap(c1, "s0")), Error, "Cannot find the files");
    assertEquals([pool.driver.exists(c2), pool.driver.list("containers")], [false, []]);
  });

  test("usage and space are numbers that make sense", async (pool) => {
    await pool.driver.create(c1, pool.content);
    await pool.inside(c1, "head -c 3000000 /usr/bin/perl >big");
    const usage = await pool.driver.usage(c1);
    assert(usage >= 3_000_000 && usage < 6_000_000, `${usage}`);
    const { space } = await pool.driver.space();
    assert(space.total > space.used && space.used > 0);
  });

  test("a long random life is as the model says", async (pool) => await live(pool, name));
}

/** Numbers that are the same in every run with the same seed. */
function randomness(seed: number): (limit: number) => number {
  let state = seed;
  return (limit) => {
    state = (state * 1103515245 + 12345) % 2147483648;
    return Math.floor(state / 65536) % limit;
  };
}

const isSingle = (await readLayout({
  uid: Deno.uid() ?? 0,
  gid: Deno.gid() ?? 0,
  name: Deno.env.get("USER") ?? "root",
})).kind === "single";

/** Something to do in a tree; every part may fail where the tree is not so. */
function change(random: (limit: number) => number, step: number): string {
  const name = () =>
    ["a", "b", "d", "d/a", "d/e", "d/e/a", "etc/hosts", "etc/sub", "var/b", "var/log"][random(10)];
  const [one, other] = [name(), name()];
  const kinds = [
    `echo ${step} >${one}`,
    `echo ${step} >>${one}`,
    `rm -rf ${one}`,
    `rm -rf ${one}; mkdir ${one}; echo ${step} >${one}/new`,
    `mkdir -p ${one}; echo ${step} >${one}/in`,
    `rm -rf ${other}; cp -a ${one} ${other}`,
    `rm -rf ${other}; mv ${one} ${other}`,
    `rm -f ${other}; ln ${one} ${other}`,
    `rm -f ${other}; ln -s ${one} ${other}`,
    `chmod ${["600", "755", "4755", "1777"][random(4)]} ${one}`,
    ...(isSingle ? [] : [`chown ${["1000:1000", "0:33", "65533:65533"][random(3)]} ${one}`]),
    `rm -rf ${one}; truncate -s 1M ${one}; echo end >>${one}`,
    `perl -e 'syscall(${Deno.build.arch === "x86_64" ? 188 : 5}, "${one}\\0", "user.x\\0", "${step}", ${
      String(step).length
    }, 0)'`,
    `rm -f pipe; mkfifo -m ${["600", "622"][random(2)]} pipe`,
    `chmod ${["755", "711"][random(2)]} .`,
  ];
  return `(${kinds[random(kinds.length)]}) 2>/dev/null || :`;
}

async function live(pool: TestPool, name: string): Promise<void> {
  const seed = Number(Deno.env.get("DREY_TEST_SEED") ?? 7);
  const steps = Number(Deno.env.get("DREY_TEST_STEPS") ?? 40);
  const random = randomness(seed);
  const model = new Map<string, { volume: Volume; listing: string }>();
  const keyOf = (volume: Volume) =>
    volume.name + (volume.snapshot === undefined ? "" : `/${volume.snapshot}`);
  const set = (volume: Volume, listing: string) => model.set(keyOf(volume), { volume, listing });
  const pick = (isSnapshot: boolean) => {
    const fitting = [...model.values()].filter(({ volume }) =>
      (volume.snapshot !== undefined) === isSnapshot
    );
    return fitting[random(fitting.length)];
  };
  const verify = async (when: string) => {
    for (const { volume, listing } of model.values()) {
      assertEquals(await pool.listing(volume), listing, `${name}, seed ${seed}, ${when}: ${keyOf(volume)}`);
    }
  };
  await pool.driver.create(c1, pool.content);
  set(c1, await pool.listing(c1));
  for (let step = 0; step < steps; step++) {
    const kind = random(10);
    const volume = pick(false);
    const snapshot = pick(true);
    if (volume === undefined) {
      await pool.driver.create(c1, pool.content);
      set(c1, await pool.listing(c1));
    } else if (kind < 4) {
      const script = Array.from({ length: 4 }, () => change(random, step)).join("\n");
      await pool.inside(volume.volume, script);
      set(volume.volume, await pool.listing(volume.volume));
    } else if (kind < 6) {
      const to = snap(volume.volume, `s${step}`);
      await pool.driver.snapshot(to);
      set(to, volume.listing);
    } else if (kind === 6 && snapshot !== undefined) {
      const { volume: { snapshot: _, ...owner }, listing } = snapshot;
      await pool.driver.restore(snapshot.volume as Snapshot);
      set(owner, listing);
    } else if (kind === 7) {
      const to: Volume = { kind: "containers", name: `c${2 + random(3)}` };
      const from = random(2) === 0 ? volume : snapshot ?? volume;
      if (keyOf(to) === from.volume.name) continue;
      await pool.driver.clone(from.volume, to);
      set(to, from.listing);
    } else if (snapshot !== undefined) {
      await pool.driver.remove(snapshot.volume);
      model.delete(keyOf(snapshot.volume));
      const { snapshot: _, ...owner } = snapshot.volume;
      await pool.driver.compact?.(owner);
    }
    if (step % 8 === 7) await verify(`step ${step}`);
  }
  await verify("the end");
}
