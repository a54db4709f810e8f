// Layers of the driver `dir` that cannot be made: what was complete stays as it was, which is also what a kill at that
// moment leaves.

import { assertEquals, assertRejects } from "@std/testing";
import { openDir } from "../../storage/dir.ts";
import type { Live, Volume } from "../../storage/driver.ts";
import { testDirectory } from "../support/needs.ts";
import { openTestPool } from "../support/volumes.ts";

const c1: Volume = { kind: "containers", name: "c1" };
const c2: Volume = { kind: "containers", name: "c2" };

const ways: { how: string; live?: Live }[] = [
  { how: "a volume at rest" },
  { how: "a volume that is being written to", live: { still: (work) => work() } },
];
for (const { how, live } of ways) {
  const as = Deno.uid() === 0 ? " (as root)" : "";
  Deno.test(`a clone of ${how} that gets no layer leaves what it was to replace${as}`, async () => {
    await Deno.mkdir(testDirectory(), { recursive: true });
    await using pool = await openTestPool(
      openDir,
      await Deno.makeTempDir({ dir: testDirectory(), prefix: "p" }),
    );
    for (const volume of [c1, c2]) await pool.driver.create(volume, pool.content);
    await pool.inside(c1, "echo one >f");
    await pool.inside(c2, "echo two >f");
    const before = [await pool.listing(c1), await pool.listing(c2)];
    await Deno.writeTextFile(`${pool.directory}/layers`, "in the way");
    await assertRejects(() => pool.driver.clone(c1, c2, live));
    await Deno.remove(`${pool.directory}/layers`);
    assertEquals([await pool.listing(c1), await pool.listing(c2)], before);
    await pool.driver.clone(c1, c2, live);
    assertEquals(await pool.listing(c2), before[0]);
  });
}
