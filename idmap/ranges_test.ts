import { assert, assertEquals, assertMatch, assertThrows } from "@std/testing";
import { DreyError } from "../errors.ts";
import { toHost } from "./map.ts";
import { carveIsolated, chooseLayout, parseGetsubids, parseSubFile, rootRange } from "./ranges.ts";

const account = { uid: 1000, gid: 100, name: "ada" };
const wide = { uids: [{ start: 100_000, count: 300_000 }], gids: [{ start: 100_000, count: 300_000 }] };
const narrow = { uids: [{ start: 100_000, count: 65_536 }], gids: [{ start: 100_000, count: 65_536 }] };

const everything = "         0          0 4294967295\n";

Deno.test("parseSubFile() finds a user by name and by number", () => {
  const text = "root:1:5\nada:100000:65536\n1000:300000:10\nadam:7:7\nada:x:5\nada:9:0\n\n";
  assertEquals(parseSubFile(text, account), [
    { start: 100_000, count: 65_536 },
    { start: 300_000, count: 10 },
  ]);
});

Deno.test("parseGetsubids() reads what NSS says", () => {
  assertEquals(parseGetsubids("0: ada 100000 65536\n1: ada 500000 10\n"), [
    { start: 100_000, count: 65_536 },
    { start: 500_000, count: 10 },
  ]);
  assertEquals(parseGetsubids("Error fetching ranges\n"), []);
});

Deno.test("the root of a container is none of its user's own ids", () => {
  const { kind, parent, container } = chooseLayout(account, narrow);
  assertEquals(kind, "ranges");
  assertEquals(parent?.uids, [
    { nsId: 0, hostId: 1000, count: 1 },
    { nsId: 1, hostId: 100_000, count: 65_536 },
  ]);
  assertEquals(toHost(container.uids, 0), 100_000);
  assertEquals(toHost(container.gids, 0), 100_000);
});

Deno.test("a wide range is not given to ordinary containers whole", () => {
  assertEquals(chooseLayout(account, wide).container.uids, [{ nsId: 0, hostId: 100_000, count: 65_536 }]);
});

Deno.test("without ranges of both kinds the only id inside is the user's", () => {
  for (const ranges of [{ uids: [], gids: [] }, { ...narrow, gids: [] }]) {
    const { kind, container } = chooseLayout(account, ranges);
    assertEquals(kind, "single");
    assertEquals(container, {
      uids: [{ nsId: 0, hostId: 1000, count: 1 }],
      gids: [{ nsId: 0, hostId: 100, count: 1 }],
    });
  }
});

Deno.test("root needs no parent, and has LXD's range where it has no line", () => {
  const { kind, parent, container } = chooseLayout({ uid: 0, gid: 0, name: "root" }, {
    uids: [rootRange(everything)],
    gids: [rootRange(everything)],
  });
  assertEquals([kind, parent], ["root", undefined]);
  assertEquals(container.uids, [{ nsId: 0, hostId: 1_000_000, count: 1_000_000_000 }]);
});

Deno.test("isolated instances share no id with each other or with ordinary ones", () => {
  const layout = chooseLayout(account, wide);
  const shared = layout.container.uids.map(({ hostId, count }) => ({ start: hostId, count }));
  const taken: { start: number; count: number }[] = [];
  for (let index = 0; index < 3; index++) {
    const { uids } = carveIsolated(layout, { taken });
    const [range] = uids.map(({ hostId, count }) => ({ start: hostId, count }));
    assert(range !== undefined && range.count === 65_536);
    for (const other of [...shared, ...taken]) {
      assert(range.start + range.count <= other.start || other.start + other.count <= range.start);
    }
    taken.push(range);
  }
  const error = assertThrows(() => carveIsolated(layout, { taken }), DreyError);
  assertEquals(error.code, "SUBID_MISSING");
  assertMatch(error.hint ?? "", /usermod/);
});

Deno.test("an isolated instance gets the size and the first id it asks for, if they are free", () => {
  const layout = chooseLayout(account, wide);
  const { uids } = carveIsolated(layout, { size: 1000, base: 200_000, taken: [] });
  assertEquals(uids, [{ nsId: 0, hostId: 200_000, count: 1000 }]);
  const taken = [{ start: 200_500, count: 10 }];
  for (const base of [200_000, 99_999, 399_500]) {
    assertThrows(() => carveIsolated(layout, { size: 1000, base, taken }), DreyError, `at ${base}`);
  }
});

Deno.test("root of a container, where no file names a range, hands on what the container has", () => {
  assertEquals(rootRange("         0          1      65536\n"), { start: 1, count: 65_535 });
  assertEquals(rootRange("0 1 1000\n1000 0 1\n1001 1001 64534\n"), { start: 1001, count: 64_534 });
  assertEquals(rootRange(everything), { start: 1_000_000, count: 1_000_000_000 });
});
