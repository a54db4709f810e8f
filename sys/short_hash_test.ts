import { assertEquals } from "@std/testing";
import { shortHash } from "./short_hash.ts";

Deno.test("shortHash() gives FNV-1a's own values, which names on disk and of cgroups hold", () => {
  assertEquals(["", "a", "foobar"].map(shortHash), ["811c9dc5", "e40c292c", "bf9cf968"]);
});
