import { assertEquals, assertThrows } from "@std/testing";
import { decodeKey, encodeKey, rangeOf, startsWith } from "./keys.ts";

Deno.test("encodeKey() and decodeKey() are inverse, whatever the words hold", () => {
  for (const key of [["a"], ["images", "a/b", "100%"], ["%2F", "\0", "ü😀", "%"], ["..", "."]]) {
    assertEquals(decodeKey(encodeKey(key)), key);
    assertEquals(encodeKey(key).split("/").length, key.length);
  }
});

Deno.test("encodeKey() refuses an empty word", () => {
  assertThrows(() => encodeKey(["a", ""]), Error, "empty word");
});

Deno.test("rangeOf() holds what is below a prefix and not its neighbours", () => {
  const { from, to } = rangeOf(["instances", "default"]);
  const inside = (text: string) => text >= from && text < to;
  assertEquals(inside(encodeKey(["instances", "default", "c1"])), true);
  assertEquals(inside(encodeKey(["instances", "default2", "c1"])), false);
  assertEquals(inside(encodeKey(["instances", "default-a"])), false);
  assertEquals(startsWith(["a", "b"], ["a"]), true);
  assertEquals(startsWith(["ab", "b"], ["a"]), false);
});
