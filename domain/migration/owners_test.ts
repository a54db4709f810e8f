import { assertEquals, assertThrows } from "@std/testing";
import { DreyError } from "../../errors.ts";
import { checkMap, type IdMap } from "../../idmap/map.ts";
import { chooseLayout } from "../../idmap/ranges.ts";
import { receivingMap } from "./owners.ts";

const range = (nsId: number, hostId: number, count: number) => [{ nsId, hostId, count }];
const same = (ranges: IdMap["uids"]): IdMap => ({ uids: ranges, gids: ranges });

const account = { uid: 1000, gid: 1000, name: "me" };
const layoutOf = (count: number) =>
  chooseLayout(account, { uids: [{ start: 200_000, count }], gids: [{ start: 200_000, count }] });

Deno.test("receivingMap() keeps the map of the instance where files come with the ids inside", () => {
  const layout = layoutOf(65_536);
  assertEquals(receivingMap(same([]), { ours: layout.container, layout }), { map: layout.container });
});

Deno.test("receivingMap() lets ids of the other host stand for those here, and root for one that is hardly used", () => {
  const layout = layoutOf(65_536);
  const { map, root } = receivingMap(same(range(0, 1_000_000, 1_000_000_000)), {
    ours: layout.container,
    layout,
  });
  assertEquals(map, same([...range(0, 265_535, 1), ...range(1_000_000, 200_000, 65_535)]));
  assertEquals(root, { uid: 1_000_000, gid: 1_000_000 });
  checkMap(map);
});

Deno.test("receivingMap() takes a spare id for root where the user has one", () => {
  const layout = layoutOf(131_072);
  const { map } = receivingMap(same(range(0, 1_000_000, 65_536)), { ours: layout.container, layout });
  assertEquals(map.uids[0], { nsId: 0, hostId: 331_071, count: 1 });
});

Deno.test("receivingMap() cuts ranges where either side ends", () => {
  const layout = layoutOf(65_536);
  const theirs = same([...range(0, 500_000, 1000), ...range(1000, 33, 1), ...range(1001, 501_001, 100_000)]);
  const { map } = receivingMap(theirs, { ours: layout.container, layout });
  assertEquals(map.uids.slice(1), [
    ...range(500_000, 200_000, 1000),
    ...range(33, 201_000, 1),
    ...range(501_001, 201_001, 64_534),
  ]);
});

Deno.test("receivingMap() refuses other ids where there is one id only, and maps without root", () => {
  const single = chooseLayout(account, { uids: [], gids: [] });
  const theirs = same(range(0, 1_000_000, 65_536));
  assertThrows(
    () => receivingMap(theirs, { ours: single.container, layout: single }),
    DreyError,
    "subordinate ids",
  );
  const layout = layoutOf(65_536);
  const headless = same(range(5, 1_000_000, 10));
  assertThrows(() => receivingMap(headless, { ours: layout.container, layout }), DreyError, "maps no root");
});
