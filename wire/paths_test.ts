import { assertEquals, assertThrows } from "@std/testing";
import { fillPath, matchPath } from "./paths.ts";

Deno.test("fillPath() escapes parameters and refuses a path with gaps", () => {
  assertEquals(fillPath("/1.0/x/{a}/y/{b}", { a: "a/b c", b: "ü" }), "/1.0/x/a%2Fb%20c/y/%C3%BC");
  assertThrows(() => fillPath("/1.0/x/{a}"), Error, "lacks its {a}");
  assertThrows(() => fillPath("/1.0/x/{a}", { a: "" }), Error, "lacks its {a}");
});

Deno.test("matchPath() finds the parameters of an address, or that it is another's", () => {
  assertEquals(matchPath("/1.0/x/{a}/y", "/1.0/x/a%2Fb/y"), { a: "a%2Fb" });
  assertEquals(matchPath("/1.0", "/1.0"), {});
  for (const address of ["/1.0/x//y", "/1.0/x/a", "/1.0/x/a/y/", "/1.0/z/a/y"]) {
    assertEquals(matchPath("/1.0/x/{a}/y", address), undefined, address);
  }
});
