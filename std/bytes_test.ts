import { assertEquals } from "@std/testing";
import { concat } from "./bytes.ts";

Deno.test("concat() joins any number of parts into bytes of its own", () => {
  const part = Uint8Array.of(1, 2);
  assertEquals(concat([part, new Uint8Array(), Uint8Array.of(3)]), Uint8Array.of(1, 2, 3));
  assertEquals(concat([]), new Uint8Array());
  const alone = concat([part]);
  part[0] = 9;
  assertEquals(alone, Uint8Array.of(1, 2));
});
