import { assertEquals, assertMatch, assertThrows } from "@std/testing";
import { DreyError } from "../errors.ts";
import { decodeToken, encodeToken, expiryAfter, makeSecret } from "./tokens.ts";

const token = {
  client_name: "me",
  fingerprint: "ab".repeat(32),
  addresses: ["10.0.0.1:8443", "[fd00::1]:8443"],
  secret: "s3cret",
  expires_at: "2026-12-06T14:52:36.817Z",
};

Deno.test("a token is read as it was written, blanks around it or not", () => {
  assertEquals(decodeToken(encodeToken(token)), token);
  assertEquals(decodeToken(` ${encodeToken(token)}\n`), token);
});

Deno.test("decodeToken() takes no other text for a token", () => {
  const base64 = (value: unknown) => new TextEncoder().encode(JSON.stringify(value)).toBase64();
  const others = [
    "",
    "10.0.0.1:8443",
    "https://lab.example.org",
    "AAAA",
    base64(null),
    base64(7),
    base64([]),
    base64({ ...token, secret: "" }),
    base64({ ...token, secret: 7 }),
    base64({ ...token, addresses: "10.0.0.1" }),
    base64({ ...token, fingerprint: null }),
  ];
  for (const text of others) assertEquals(decodeToken(text), undefined, text);
});

Deno.test("makeSecret() never says the same twice", () => {
  assertMatch(makeSecret(), /^[0-9a-f]{64}$/);
  assertEquals(new Set(Array.from({ length: 100 }, makeSecret)).size, 100);
});

Deno.test("expiryAfter() adds LXD's spans", () => {
  const from = new Date("2026-01-31T00:00:00.000Z");
  const after = (span: string) => expiryAfter(span, from).toISOString();
  assertEquals(after("15d"), "2026-02-15T00:00:00.000Z");
  assertEquals(after("1H 30M 5S"), "2026-01-31T01:30:05.000Z");
  assertEquals(after("2w"), "2026-02-14T00:00:00.000Z");
  assertEquals(after("1y"), "2027-01-31T00:00:00.000Z");
  assertEquals(after("999999999y"), "9999-12-31T23:59:59.000Z");
  for (const span of ["", "15", "d", "1x", "-1d"]) assertThrows(() => after(span), DreyError, "Invalid span");
});
