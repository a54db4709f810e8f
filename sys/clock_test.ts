import { assertEquals } from "@std/testing";
import { inAWhile } from "./clock.ts";

Deno.test("inAWhile() begins once, and not what was disposed of", async () => {
  const begun: string[] = [];
  const { promise, resolve } = Promise.withResolvers<void>();
  {
    using _dropped = inAWhile(5, () => begun.push("dropped"));
  }
  inAWhile(10, () => begun.push("kept"));
  inAWhile(20, resolve);
  await promise;
  assertEquals(begun, ["kept"]);
});
