// Golden files: whole outputs kept under tests/golden, so that a change of wording shows in review.

import { assertEquals } from "@std/testing";

/** Compares a text with its golden file; `GOLDEN=write` in the environment makes the file instead. */
export async function assertGolden(name: string, text: string): Promise<void> {
  const file = new URL(`../golden/${name}`, import.meta.url);
  if (Deno.env.get("GOLDEN") === "write") {
    await Deno.mkdir(new URL(".", file), { recursive: true });
    return await Deno.writeTextFile(file, text);
  }
  assertEquals(text, await Deno.readTextFile(file), `tests/golden/${name} differs; GOLDEN=write remakes it`);
}
