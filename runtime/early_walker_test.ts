import { assertEquals } from "@std/testing";
import { beginWalker, endEarlyWalker, takeWalker } from "./early_walker.ts";
import type { Step } from "./steps.ts";

Deno.test("a walker that was begun early walks the steps it is given, with their environment and input", async () => {
  beginWalker();
  const steps: Step[] = [
    { do: "chdir", path: "/" },
    { do: "run", argv: ["/bin/sh", "-c", 'read -r line; echo "$line|$WORDS|$PWD|$HOME"'] },
  ];
  const walker = takeWalker(steps, { WORDS: "a\tb % ü" });
  const writer = walker!.stdin.getWriter();
  await writer.write(new TextEncoder().encode("what follows\n"));
  await writer.close();
  const { code, stdout } = await walker!.output();
  assertEquals([code, new TextDecoder().decode(stdout)], [0, "what follows|a\tb % ü|/|\n"]);
  assertEquals(takeWalker([], {}), undefined);
});

Deno.test("a walker is not given steps that it has no hands for, and ends without any", async () => {
  beginWalker();
  assertEquals(takeWalker([{ do: "mkdir", path: "/nowhere" }], {}), undefined);
  await endEarlyWalker();
  assertEquals(takeWalker([], {}), undefined);
});
