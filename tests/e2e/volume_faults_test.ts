// Work on volumes and backups that is killed at any moment: what was complete stays, what was not is gone.

import { assert, assertEquals, assertStringIncludes } from "@std/testing";
import { DatabaseSync } from "node:sqlite";
import { join } from "@std/path";
import { exists, namesIn } from "../../sys/present.ts";
import { type Drey, e2e, killLater } from "../support/drey.ts";
import { eventually } from "../support/eventually.ts";

const needs = ["userns", "subids", "overlay"] as const;

/** Starts a command and kills it after some time; it may have ended before. */
async function killed(drey: Drey, argv: string[], milliseconds: number): Promise<void> {
  await killLater(drey.spawn(argv, { stdout: "null", stderr: "null" }), milliseconds);
}

await e2e("volumes and backups outlive kills at any moment", { needs }, async (drey) => {
  await drey`init tiny c1`;
  await drey`storage volume create default data`;
  await drey`storage volume attach default data c1 /data`;
  await drey`start c1`;
  await drey`exec c1 -- sh -c ${"for n in $(seq 300); do echo $n >/data/$n; done"}`;
  await drey`stop -f c1`;
  const volume = (...words: string[]) => ["storage", "volume", ...words];
  const file = join(drey.directory, "out.tar.gz");
  const whole = { instance: join(drey.directory, "c1.tar"), volume: join(drey.directory, "data.tar") };
  await drey`export c1 ${whole.instance} --compression none`;
  await drey`storage volume export default data ${whole.volume} --compression none`;
  for (let round = 0; round < 24; round++) {
    const after = 60 + round * 20;
    const work = [
      volume("copy", "default/data", `default/copy${round}`),
      volume("snapshot", "default", "data", `s${round}`),
      volume("rename", "default", "data", "data2"),
      volume("export", "default", "data", file),
      ["export", "c1", file],
      volume("create", "default", `new${round}`),
      volume("import", "default", whole.volume, `new${round}`),
      ["import", whole.instance, `i${round}`],
    ][round % 8]!;
    await killed(drey, work, after);
    // whichever way a rename went, the volume is whole under one of its names
    const names = JSON.parse(await drey`storage volume list default type=custom --format json`) as {
      name: string;
    }[];
    if (names.some(({ name }) => name === "data2")) await drey`storage volume rename default data2 data`;
    for (const { name } of names) {
      if (/^(copy|new)[0-9]+$/.test(name)) await drey`storage volume delete default ${name}`;
    }
    const imported = JSON.parse(await drey`list ^i[0-9]+$ --format json`) as { name: string }[];
    for (const { name } of imported) await drey`delete ${name}`;
  }
  await drey`start c1`;
  assertEquals(await drey`exec c1 -- sh -c ${"cat /data/* | wc -l"}`, "300\n");
  const pool = join(drey.directory, "storage-pools/default");
  const kept = [...Deno.readDirSync(join(pool, "custom"))].map(({ name }) => name);
  assertEquals(kept, ["default_data"]);
  const left = () => [...Deno.readDirSync(join(pool, "temporary"))];
  await eventually("nothing is left of what was cut short", () => left().length === 0, 10);
  assert([...Deno.readDirSync(join(pool, "containers"))].every(({ name }) => name === "c1"));
});

await e2e(
  "a volume that moves between pools is in one of them, also if its old record cannot go",
  { needs },
  async (drey) => {
    await drey`storage create other dir`;
    await drey`storage volume create default data`;
    await drey`storage volume snapshot default data s1`;
    await drey`init tiny c1`;
    await drey`storage volume attach default data c1 /data`;
    const places = async () => JSON.parse(await drey`query /1.0/storage-volumes/custom`) as string[];
    const pools = () =>
      ["default", "other"].filter((pool) =>
        namesIn(join(drey.directory, "storage-pools", pool, "custom")).length > 0
      );
    // the commit that forgets the old volume fails, as if drey had not come to it
    using database = new DatabaseSync(join(drey.directory, "database/drey.db"));
    database.exec(`CREATE TRIGGER stays BEFORE UPDATE ON entries
    WHEN NEW.key = 'volumes/default/default/data' AND NEW.value IS NULL BEGIN SELECT RAISE(ABORT, 'stays'); END`);
    const { stderr } = await drey.tries`storage volume move default/data other/data`;
    assertStringIncludes(stderr, "stays");
    database.exec("DROP TRIGGER stays");
    assertEquals([await places(), pools()], [[
      "/1.0/storage-pools/default/volumes/custom/data",
      "/1.0/storage-pools/default/volumes/custom/data/snapshots/s1",
    ], [
      "default",
    ]]);
    assertEquals(await drey`config device get c1 data pool`, "default\n");
    await drey`storage volume move default/data other/data`;
    assertEquals([await places(), pools()], [[
      "/1.0/storage-pools/other/volumes/custom/data",
      "/1.0/storage-pools/other/volumes/custom/data/snapshots/s1",
    ], ["other"]]);
    assertEquals(await drey`config device get c1 data pool`, "other\n");
  },
);

await e2e(
  "a drey that is killed before the record of a backup counts leaves no file",
  { needs },
  async (drey) => {
    await drey`init tiny c1`;
    using database = new DatabaseSync(join(drey.directory, "database/drey.db"));
    const file = (instance: string) => join(drey.directory, "backups/instances", instance, "b1");
    /** Kills a command while it commits the record of c1's or c2's backup, which takes long enough. */
    const killedAtCommit = async (instance: string, argv: string[]) => {
      database.exec(`CREATE TRIGGER slow BEFORE INSERT ON entries
      WHEN NEW.key = 'instance_backups/default/${instance}/b1' BEGIN SELECT count(*) FROM (
        WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < 1e12) SELECT x FROM n); END`);
      const child = drey.spawn(argv, { stdout: "null", stderr: "null" });
      await eventually(`the file of ${instance} is there`, () => exists(file(instance)));
      assertEquals((await killLater(child, 0)).signal, "SIGKILL");
      database.exec("DROP TRIGGER slow");
      await drey`list`;
      assertEquals(exists(file(instance)), false);
    };
    const body = JSON.stringify({ name: "b1", compression_algorithm: "none" });
    const make = ["query", "-X", "POST", "--wait", "-d", body, "/1.0/instances/c1/backups"];
    await killedAtCommit("c1", make);
    await drey`${make}`;
    await killedAtCommit("c2", ["rename", "c1", "c2"]);
    assertEquals(exists(file("c1")), true);
    await drey`rename c1 c2`;
    assertEquals([exists(file("c1")), exists(file("c2"))], [false, true]);
    await drey`delete c2`;
    assertEquals(exists(file("c2")), false);
  },
);
