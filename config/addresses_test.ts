import { assertEquals } from "@std/testing";
import { formatAddress, isWildcard, parseListenAddress } from "./addresses.ts";

Deno.test("parseListenAddress() reads addresses as LXD writes them", () => {
  const cases: [string, string][] = [
    ["10.0.0.1", "10.0.0.1:8443"],
    ["10.0.0.1:443", "10.0.0.1:443"],
    ["[::]:8443", "[::]:8443"],
    ["[::1]", "[::1]:8443"],
    ["::", "[::]:8443"],
    ["fd00::1", "[fd00::1]:8443"],
    [":8443", ":8443"],
    ["box.example.org:9000", "box.example.org:9000"],
  ];
  for (const [text, expected] of cases) {
    const address = parseListenAddress(text);
    assertEquals(address && formatAddress(address), expected, text);
  }
  for (
    const text of ["", ":", "10.0.0.1:", "10.0.0.1:0", "a:99999", "a b", "https://x", "[::", "a:b:c", "[x]:1"]
  ) {
    assertEquals(parseListenAddress(text), undefined, text);
  }
});

Deno.test("isWildcard() knows the addresses that stand for all", () => {
  const wild = ["[::]:1", "0.0.0.0:1", ":1"].map((text) => isWildcard(parseListenAddress(text)!));
  assertEquals(wild, [true, true, true]);
  assertEquals(isWildcard({ host: "127.0.0.1", port: 1 }), false);
});
