// Many dreys at the same time, with nobody in between to put them in order.

import { assert, assertEquals, assertMatch } from "@std/testing";
import { type Drey, e2e } from "../support/drey.ts";
import { findLeftovers } from "../support/leftovers.ts";

const needs = ["userns", "subids"] as const;
const statuses = async (drey: Drey): Promise<Record<string, string>> => {
  const list: { name: string; status: string }[] = JSON.parse(await drey`list --format json`);
  return Object.fromEntries(list.map(({ name, status }) => [name, status]));
};

await e2e("twenty launches at the same time all end running", { needs }, async (drey) => {
  const names = Array.from({ length: 20 }, (_, index) => `c${index}`);
  const ends = await Promise.all(names.map((name) => drey.tries`launch tiny ${name}`));
  assertEquals(ends.filter(({ code }) => code !== 0).map(({ stderr }) => stderr), []);
  assertEquals(Object.values(await statuses(drey)), names.map(() => "Running"));
  const hosts = await Promise.all(names.map((name) => drey`exec ${name} -- hostname`));
  assertEquals(hosts, names.map((name) => `${name}\n`));
  const stops = await Promise.all(names.map((name) => drey.tries`delete -f ${name}`));
  assertEquals(stops.filter(({ code }) => code !== 0).map(({ stderr }) => stderr), []);
});

await e2e("of two deletes of an instance one says that it is gone", { needs }, async (drey) => {
  for (let round = 0; round < 3; round++) {
    await drey`launch tiny c1`;
    const ends = await Promise.all([drey.tries`delete -f c1`, drey.tries`delete -f c1`]);
    assertEquals(ends.map(({ code }) => code).toSorted(), [0, 1], ends.map(({ stderr }) => stderr).join());
    assertMatch(ends.find(({ code }) => code === 1)!.stderr, /not found/);
  }
});

await e2e("of two launches of a name one wins and the other says so", { needs }, async (drey) => {
  for (let round = 0; round < 3; round++) {
    const ends = await Promise.all([0, 1, 2].map(() => drey.tries`launch tiny c1`));
    assertEquals(ends.map(({ code }) => code).toSorted(), [0, 1, 1], ends.map(({ stderr }) => stderr).join());
    for (const { stderr } of ends.filter(({ code }) => code === 1)) assertMatch(stderr, /already exists/);
    assertEquals(await statuses(drey), { c1: "Running" });
    await drey`delete -f c1`;
  }
});

await e2e("orders that cross leave an instance in a state that lasts", { needs }, async (drey) => {
  for (let round = 0; round < 3; round++) {
    await drey`launch tiny c1`;
    const orders = ["stop -f", "start", "restart -f", "stop -f", "list", "start", "exec", "pause", "resume"];
    const ends = await Promise.all(orders.map((order) => {
      if (order === "list") return drey.tries`list`;
      if (order === "exec") return drey.tries`exec c1 -- true`;
      return drey.tries`${order.split(" ")} c1`;
    }));
    for (const { stderr } of ends) assert(!/stack|at file:|Uncaught|TypeError/.test(stderr), stderr);
    assertEquals(ends[4]?.code, 0);
    const { c1 } = await statuses(drey);
    assert(["Running", "Stopped", "Frozen"].includes(c1 ?? ""), c1);
    await drey`delete -f c1`;
    assertEquals((await findLeftovers(drey.directory)).processes, []);
  }
});

await e2e("a delete among starts and lists ends what was there", { needs }, async (drey) => {
  await drey`init tiny c1`;
  const [deleted] = await Promise.all([
    drey.tries`delete -f c1`,
    ...Array.from({ length: 3 }, () => drey.tries`start c1`),
    ...Array.from({ length: 3 }, () => drey.tries`list`),
  ]);
  assertEquals(deleted?.code, 0, deleted?.stderr);
  assertEquals(await statuses(drey), {});
});

await e2e("two renames that cross do not wait for each other for ever", { needs }, async (drey) => {
  await drey`init tiny a`;
  await drey`init tiny b`;
  const ends = await Promise.all([
    drey.run(["rename", "a", "b"], { timeout: 120_000 }),
    drey.run(["rename", "b", "a"], { timeout: 120_000 }),
  ]);
  assert(ends.every(({ code }) => code === 1), ends.map(({ stderr }) => stderr).join());
  assertEquals(await statuses(drey), { a: "Stopped", b: "Stopped" });
});
