import { assertEquals } from "@std/testing";
import { startOfTail, untilDetached } from "./console.ts";

const keys = (text: string) => new TextEncoder().encode(text);

async function type(...chunks: string[]): Promise<{ passed: string; detached: boolean }> {
  let detached = false;
  let passed = "";
  const typed = (async function* () {
    for (const chunk of chunks) yield await Promise.resolve(keys(chunk));
  })();
  for await (const bytes of untilDetached(typed, () => detached = true)) {
    passed += new TextDecoder().decode(bytes);
  }
  return { passed, detached };
}

Deno.test("untilDetached() ends at Ctrl-a q, in one piece or two", async () => {
  assertEquals(await type("ab\x01qcd"), { passed: "ab", detached: true });
  assertEquals(await type("ab\x01", "qcd"), { passed: "ab", detached: true });
});

Deno.test("untilDetached() passes on Ctrl-a before any other key, and twice as once", async () => {
  assertEquals(await type("\x01x", "q"), { passed: "\x01xq", detached: false });
  assertEquals(await type("\x01\x01q"), { passed: "\x01q", detached: false });
});

Deno.test("startOfTail() finds the last lines, whether the last one has ended or not", () => {
  const tail = (text: string, lines: number) =>
    text.slice(startOfTail(new TextEncoder().encode(text), lines));
  assertEquals(tail("one\ntwo\nthree\n", 2), "two\nthree\n");
  assertEquals(tail("one\ntwo\nthr", 2), "two\nthr");
  assertEquals(["one\n\n", "\n\n", "\n"].map((text) => tail(text, 1)), ["\n", "\n", "\n"]);
  assertEquals([0, 1, 3, 4, 99].map((lines) => tail("a\nb\nc\n", lines)), [
    "",
    "c\n",
    "a\nb\nc\n",
    "a\nb\nc\n",
    "a\nb\nc\n",
  ]);
  assertEquals([tail("", 3), tail("x", 3), tail("x", 0)], ["", "x", ""]);
});
