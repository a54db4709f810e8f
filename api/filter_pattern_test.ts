import { assert, assertEquals } from "@std/testing";
import { readPattern } from "./filter_pattern.ts";

Deno.test("a pattern finds what V8's expressions find", () => {
  const patterns = [
    ...["c1", "^c", "1$", "c.*", "^(c1|web2)$", "a{2,3}b", "a{2}", "a{2,}", "[a-c]+x", "[^a]", "\\d+", "\\."],
    ...[
      "(?:ab)*c",
      "a|b|",
      "",
      "()",
      "a*?b",
      "x?y",
      "^$",
      "[\\]]",
      "a-b",
      "a/b",
      "{a}",
      "^a|b$",
      "(^a$|^a.*)",
    ],
    ...["ä", "\\w+-\\d", "(a+)+$", "(a|b)*?c", "a{0}b", "]"],
  ];
  const texts = ["", "c1", "web2", "ac", "aab", "aaab", "abcx", "b", "12", "a.b", "ababc", "aaaa!", "y", "]"];
  for (const pattern of patterns) {
    const expected = new RegExp(pattern, "is");
    for (const text of [...texts, "a-b", "a/b", "{a}", "Ä", "foo-7", "A", "zc1", "line\nbreak"]) {
      assertEquals(
        readPattern(pattern)?.(text),
        expected.test(text),
        `${pattern} in ${JSON.stringify(text)}`,
      );
    }
  }
});

Deno.test("what is no pattern, or would be a huge one, is none", () => {
  for (
    const text of [
      "[c",
      "*",
      "(a",
      "a)",
      "a{3,2}",
      "\\",
      "a{999}{999}",
      "(?=a)",
      "[",
      "\\q",
      "[z-a]",
      "(?<n>a)",
    ]
  ) {
    assertEquals(readPattern(text), undefined, text);
  }
});

Deno.test("a pattern that V8 would never be done with is matched at once", () => {
  const before = performance.now();
  assertEquals(readPattern("^(a+)+$")?.(`${"a".repeat(10_000)}!`), false);
  assertEquals(readPattern("^(.*a){9}$")?.(`${"a".repeat(10_000)}!`), false);
  assert(performance.now() - before < 10_000);
});
