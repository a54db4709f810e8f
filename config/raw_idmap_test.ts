import { assert, assertEquals } from "@std/testing";
import { rawIdmap } from "./raw_idmap.ts";

Deno.test("raw.idmap takes single ids and ranges, host first, for users, groups or both", () => {
  const one = { nsId: 1000, hostId: 1001, count: 1 };
  assertEquals(rawIdmap.parse("both 1001 1000"), { value: { uids: [one], gids: [one] } });
  assertEquals(rawIdmap.parse("uid 50-60 500-510\n\n gid 7 8 "), {
    value: { uids: [{ nsId: 500, hostId: 50, count: 11 }], gids: [{ nsId: 8, hostId: 7, count: 1 }] },
  });
});

Deno.test("raw.idmap refuses what is no map, and root on either side", () => {
  const wrong = [
    "both",
    "both 1 2 3",
    "all 1 1",
    "uid 1-2 1",
    "uid 5-4 5-4",
    "uid 1 0",
    "gid 0 1",
    "uid 1 1\nuid 2 1",
  ];
  for (const text of [...wrong, "uid 4294967295 5", "uid -1 5"]) {
    assert("problem" in rawIdmap.parse(text), text);
  }
});
