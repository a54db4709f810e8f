import { assertEquals, assertThrows } from "@std/testing";
import { DreyError } from "../errors.ts";
import {
  checkMap,
  formatMap,
  type IdMap,
  mapId,
  mapText,
  newidmapArgs,
  parseMap,
  punch,
  relativeTo,
  stack,
  take,
  toHost,
  toNamespace,
} from "./map.ts";

const ranges = [{ nsId: 0, hostId: 1000, count: 1 }, { nsId: 1, hostId: 100_000, count: 65_536 }];

Deno.test("toHost() and toNamespace() are each other's way back, and know what is not mapped", () => {
  for (const [inside, outside] of [[0, 1000], [1, 100_000], [65_536, 165_535]] as const) {
    assertEquals(toHost(ranges, inside), outside);
    assertEquals(toNamespace(ranges, outside), inside);
  }
  assertEquals(toHost(ranges, 65_537), undefined);
  assertEquals(toNamespace(ranges, 99_999), undefined);
});

Deno.test("relativeTo() words a map in the ids of its parent", () => {
  assertEquals(relativeTo([{ nsId: 0, hostId: 100_000, count: 65_536 }], ranges), [
    { nsId: 0, hostId: 1, count: 65_536 },
  ]);
});

Deno.test("relativeTo() cuts a range that spans two of the parent", () => {
  const parent = [{ nsId: 0, hostId: 500, count: 10 }, { nsId: 100, hostId: 510, count: 10 }];
  assertEquals(relativeTo([{ nsId: 7, hostId: 505, count: 10 }], parent), [
    { nsId: 7, hostId: 5, count: 5 },
    { nsId: 12, hostId: 100, count: 5 },
  ]);
});

Deno.test("relativeTo() refuses ids that are not the user's", () => {
  const error = assertThrows(() => relativeTo([{ nsId: 0, hostId: 165_530, count: 10 }], ranges), DreyError);
  assertEquals(error.message, "Cannot map id 6: host id 165536 is not among the user's own");
});

Deno.test("take() and stack() lay ranges one after the other", () => {
  const host = [{ start: 100, count: 10 }, { start: 500, count: 100 }];
  assertEquals(take(host, 15), [{ start: 100, count: 10 }, { start: 500, count: 5 }]);
  assertEquals(take(host, 5, 12), [{ start: 502, count: 5 }]);
  assertEquals(take(host, 0), []);
  assertEquals(stack(take(host, 15), 1), [
    { nsId: 1, hostId: 100, count: 10 },
    { nsId: 11, hostId: 500, count: 5 },
  ]);
});

Deno.test("a map is written as the kernel and newuidmap want it", () => {
  assertEquals(mapText(ranges), "0 1000 1\n1 100000 65536\n");
  assertEquals(newidmapArgs(ranges), ["0", "1000", "1", "1", "100000", "65536"]);
});

Deno.test("checkMap() refuses ids that are given twice or are none", () => {
  const wrong: IdMap["uids"][] = [
    [{ nsId: 0, hostId: 10, count: 5 }, { nsId: 4, hostId: 100, count: 5 }],
    [{ nsId: 0, hostId: 10, count: 5 }, { nsId: 5, hostId: 14, count: 5 }],
    [{ nsId: -1, hostId: 10, count: 5 }],
    [{ nsId: 0, hostId: 10, count: 0 }],
    [{ nsId: 0, hostId: 2 ** 32 - 5, count: 10 }],
  ];
  for (const uids of wrong) {
    assertEquals(assertThrows(() => checkMap({ uids, gids: [] }), DreyError).code, "BAD_REQUEST");
  }
  checkMap({ uids: ranges, gids: ranges });
});

Deno.test("LXD's JSON of a map goes out and comes back", () => {
  const map = { uids: ranges, gids: [{ nsId: 0, hostId: 7, count: 3 }] };
  assertEquals(JSON.parse(formatMap(map))[2], { Isuid: false, Isgid: true, Hostid: 7, Nsid: 0, Maprange: 3 });
  assertEquals(parseMap(formatMap(map)), map);
});

Deno.test("mapId() is equal for equal maps alone", () => {
  assertEquals(mapId({ uids: [ranges[1]!], gids: [ranges[1]!] }), "u1.100000-65536");
  assertEquals(mapId({ uids: ranges, gids: [ranges[0]!] }), "u1000-1+1.100000-65536g1000-1");
});

Deno.test("punch() gives single ids of a range to others and frees what stood there", () => {
  const base = [{ nsId: 0, hostId: 100_000, count: 65_536 }];
  const hole = { nsId: 1000, hostId: 1234, count: 1 };
  assertEquals(punch({ uids: base, gids: base }, { uids: [hole], gids: [] }), {
    uids: [
      { nsId: 0, hostId: 100_000, count: 1000 },
      hole,
      { nsId: 1001, hostId: 101_001, count: 64_535 },
    ],
    gids: base,
  });
});

Deno.test("punch() works at the edges, beyond them and within the host's ids", () => {
  const base = { uids: [{ nsId: 0, hostId: 100, count: 10 }], gids: [] };
  const of = (hole: { nsId: number; hostId: number; count: number }) =>
    punch(base, { uids: [hole], gids: [] }).uids;
  assertEquals(of({ nsId: 9, hostId: 5, count: 3 }), [
    { nsId: 0, hostId: 100, count: 9 },
    { nsId: 9, hostId: 5, count: 3 },
  ]);
  assertEquals(of({ nsId: 20, hostId: 5, count: 1 }), [
    { nsId: 0, hostId: 100, count: 10 },
    { nsId: 20, hostId: 5, count: 1 },
  ]);
  // an id of the host cannot stand in two places
  assertEquals(of({ nsId: 2, hostId: 105, count: 1 }), [
    { nsId: 0, hostId: 100, count: 2 },
    { nsId: 2, hostId: 105, count: 1 },
    { nsId: 3, hostId: 103, count: 2 },
    { nsId: 6, hostId: 106, count: 4 },
  ]);
});
