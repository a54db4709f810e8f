import { assertThrows } from "@std/testing";
import { DreyError } from "../errors.ts";
import { mustNotBurst } from "./limits.ts";

Deno.test("mustNotBurst() stops archives that unpack to hundreds of times their size, above a gigabyte", () => {
  mustNotBurst(1 << 30, 1000);
  mustNotBurst(300_000_000_000, 3_000_000_000);
  assertThrows(() => mustNotBurst((1 << 30) + 1, 5_000_000), DreyError, "200 times");
});
