import { assertEquals, assertMatch } from "@std/testing";
import { firstFree, grantCommand, idsBack, sharedWith } from "./grant.ts";

Deno.test("ids that somebody has are offered to nobody else", () => {
  const range = (start: number, count = 65_536) => ({ start, count });
  assertEquals(firstFree([], 65_536), 100_000);
  assertEquals(firstFree([range(100_000)], 65_536), 165_536);
  assertEquals(firstFree([range(165_536), range(100_000)], 65_536), 231_072);
  // a hole that is wide enough, and one that is not
  assertEquals(firstFree([range(100_000), range(300_000)], 65_536), 165_536);
  assertEquals(firstFree([range(100_000), range(200_000)], 65_536), 265_536);
  assertEquals(firstFree([range(90_000)], 65_536), 155_536);
});

Deno.test("the command for an administrator names the user and as many ids of each kind", () => {
  assertMatch(grantCommand("ann"), /^usermod --add-subuids (\d+-\d+) --add-subgids \1 ann$/);
});

Deno.test("idsBack() tells the command for ids that are nobody's, and whose they are otherwise", () => {
  const ranges = [{ nsId: 0, hostId: 1000, count: 1 }, { nsId: 1, hostId: 100_000, count: 65_536 }];
  const map = { uids: ranges, gids: ranges.slice(1) };
  assertMatch(
    idsBack("ann", map, "bob:200000:65536\n"),
    /: usermod --add-subuids 100000-165535 --add-subgids 100000-165535 ann$/,
  );
  assertMatch(idsBack("ann", map, "bob:100000:65536\n"), /those of bob: .* drey export/);
});

Deno.test("sharedWith() names another user whose ids overlap, and not the same one by number", () => {
  const ann = { name: "ann", uid: 1000, gid: 1000 };
  const own = [{ start: 100_000, count: 65_536 }];
  assertEquals(sharedWith(ann, own, "ann:100000:65536\n1000:100000:65536\nbob:165536:65536\n"), undefined);
  assertEquals(sharedWith(ann, own, "ann:100000:65536\nbob:165535:65536\n"), "bob");
});
