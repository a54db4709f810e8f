import { assertEquals, assertThrows } from "@std/testing";
import { parse } from "./yaml.ts";

Deno.test("parse() repeats what an alias stands for, and refuses what repeats without an end", () => {
  assertEquals(parse("a: &a [1, 2]\nb: *a\n"), { a: [1, 2], b: [1, 2] });
  assertThrows(() => parse("a: &a\n  b: *a\n"), SyntaxError, "aliases");
  const tenfold = Array.from({ length: 9 }, (_, at) => `a${at + 1}: &a${at + 1} [${`*a${at},`.repeat(10)}]`);
  assertThrows(() => parse(`a0: &a0 [x]\n${tenfold.join("\n")}\n`), SyntaxError, "aliases");
});
