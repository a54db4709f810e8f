import { assertEquals } from "@std/testing";
import { untilDetached } from "./console.ts";

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
