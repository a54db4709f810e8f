import { assertEquals } from "@std/testing";
import { longHash, shortHash } from "./short_hash.ts";

Deno.test("shortHash() and longHash() give FNV-1a's own values, which names on disk and of cgroups hold", () => {
  assertEquals(["", "a", "foobar"].map(shortHash), ["811c9dc5", "e40c292c", "bf9cf968"]);
  assertEquals(["", "a", "foobar"].map(longHash), [
    "cbf29ce484222325",
    "af63dc4c8601ec8c",
    "85944171f73967e8",
  ]);
});
