import { assertEquals } from "@std/testing";
import { parseStartTime } from "./lifetimes.ts";

Deno.test("parseStartTime() is not fooled by the program's name", () => {
  const rest = "0 0 0 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0";
  assertEquals(parseStartTime(`7 (a b) S 1) S ${rest} 4711 0 0`), 4711);
  assertEquals(parseStartTime(`7 (sleep) Z ${rest} 4711 0 0`), undefined);
});
