import { assertEquals, assertThrows } from "@std/testing";
import { expiryOf, manualExpiryOf, nextName, readTime } from "./naming.ts";

const now = new Date("2026-11-21T15:04:05Z");

Deno.test("nextName() counts on from the highest of a pattern", () => {
  assertEquals(nextName({ now, pattern: undefined, taken: [] }), "snap0");
  assertEquals(nextName({ now, pattern: "", taken: ["snap0", "snap7", "snapx", "other9"] }), "snap8");
  assertEquals(nextName({ now, pattern: "a%db", taken: ["a3b", "a4"] }), "a4b");
});

Deno.test("nextName() writes the time in Go's layout, and a number where that name is taken", () => {
  const pattern = "{{ creation_date|date:'2006-01-02_15-04-05' }}";
  assertEquals(nextName({ now, pattern, taken: [] }), "2026-11-21_15-04-05");
  assertEquals(nextName({ now, pattern, taken: ["2026-11-21_15-04-05"] }), "2026-11-21_15-04-05-0");
});

Deno.test("expiryOf() obeys what was asked, then the configuration", () => {
  assertEquals(expiryOf(now, undefined, {}), "");
  assertEquals(expiryOf(now, undefined, { "snapshots.expiry": "1d" }), "2026-11-22T15:04:05.000Z");
  const both = { "snapshots.expiry": "1d", "snapshots.expiry.manual": "2d" };
  assertEquals(expiryOf(now, undefined, both), "2026-11-22T15:04:05.000Z");
  assertEquals(manualExpiryOf(now, undefined, both), "2026-11-23T15:04:05.000Z");
  assertEquals(manualExpiryOf(now, undefined, { "snapshots.expiry": "1d" }), "2026-11-22T15:04:05.000Z");
  assertEquals(expiryOf(now, "0001-01-01T00:00:00Z", { "snapshots.expiry": "1d" }), "");
  assertEquals(expiryOf(now, "2030-01-01T00:00:00Z", {}), "2030-01-01T00:00:00.000Z");
  assertEquals(readTime("2030-01-01"), "2030-01-01T00:00:00.000Z");
  // JavaScript takes the second for the year 2000, and the snapshot would be gone
  for (const text of ["soon", "0", "-1", "1.5", "2030"]) {
    assertThrows(() => readTime(text), Error, "Invalid time");
  }
});
