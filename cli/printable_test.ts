import { assertEquals } from "@std/testing";
import { printable } from "./printable.ts";

Deno.test("printable() leaves a terminal nothing to obey", () => {
  const cases = [
    ["\x1b]0;title\x07", "?]0;title?"],
    ["\x1b]52;c;cm0gLXJmCg==\x1b\\\\", "?]52;c;cm0gLXJmCg==?\\\\"],
    ["a\x1b[2Jb\x1b[1;1H", "a?[2Jb?[1;1H"],
    ["\x9b31m\x85", "?31m?"],
    ["safe\rEVIL", "safe?EVIL"],
    ["\x00\x08\x7f\v\f", "?????"],
    ["\u202egpj.exe", "?gpj.exe"],
  ] as const;
  for (const [text, shown] of cases) assertEquals(printable(text), shown);
});

Deno.test("printable() leaves lines, colours and languages alone", () => {
  const text = "a\tb\r\nc\n\x1b[0;32m  OK  \x1b[0m Größe 大きさ e\u0301 👍🏽 👩\u200d🚀\n";
  assertEquals(printable(text), text);
});
