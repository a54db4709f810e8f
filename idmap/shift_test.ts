import { assert, assertEquals } from "@std/testing";
import { type IdMap, punch } from "./map.ts";
import { isIdle, shiftBetween } from "./shift.ts";

const shared: IdMap = {
  uids: [{ nsId: 0, hostId: 100_000, count: 65_536 }],
  gids: [{ nsId: 0, hostId: 100_000, count: 65_536 }],
};

Deno.test("shiftBetween() leads from one container's ids to another's", () => {
  const other = { uids: [{ nsId: 0, hostId: 300_000, count: 1000 }], gids: shared.gids };
  assertEquals(shiftBetween(shared, other), {
    uids: [{ nsId: 100_000, hostId: 300_000, count: 1000 }],
    gids: [{ nsId: 100_000, hostId: 100_000, count: 65_536 }],
  });
});

Deno.test("shiftBetween() moves the one id that was punched, and back", () => {
  const hole = { nsId: 1000, hostId: 1234, count: 1 };
  const punched = punch(shared, { uids: [hole], gids: [] });
  const find = (map: IdMap, id: number) =>
    map.uids.map(({ nsId, hostId, count }) => id >= nsId && id < nsId + count ? hostId + id - nsId : [])
      .flat();
  const there = shiftBetween(shared, punched);
  assertEquals([find(there, 100_999), find(there, 101_000), find(there, 101_001)], [[100_999], [1234], [
    101_001,
  ]]);
  assertEquals(find(shiftBetween(punched, shared), 1234), [101_000]);
  assert(!isIdle(there));
  assert(isIdle(shiftBetween(shared, shared)));
});
