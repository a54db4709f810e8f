import { assert, assertEquals } from "@std/testing";
import { isExpiry, parseExpiry } from "./expiry.ts";
import { isDue, isSchedule } from "./schedule.ts";

const at = (text: string) => new Date(`2026-03-${text}:00Z`);

Deno.test("isSchedule() takes cron's five fields and LXD's words, and nothing else", () => {
  for (
    const text of [
      "* * * * *",
      "*/5 0-6 1,15 jan-mar mon",
      "0 6 * * 7",
      "@daily",
      "@hourly, @startup",
      "5/20 * * * *",
      "",
    ]
  ) assert(isSchedule(text), text);
  for (
    const text of [
      "* * * *",
      "60 * * * *",
      "* 24 * * *",
      "x",
      "@often",
      "5-1 * * * *",
      "*/0 * * * *",
      "constructor",
    ]
  ) {
    assert(!isSchedule(text), text);
  }
});

Deno.test("isDue() finds a minute of the schedule after one moment and until another", () => {
  assert(isDue("30 6 * * *", at("01T06:29"), at("01T06:30")));
  assert(!isDue("30 6 * * *", at("01T06:30"), at("01T06:31")));
  assert(isDue("@daily", at("01T12:00"), at("03T12:00")), "what a sleeping machine missed is due once");
  assert(!isDue("@startup", at("01T00:00"), at("03T00:00")));
  assert(isDue("0 0 * * sun", at("01T00:00"), at("08T00:00")), "2026-03-08 is a Sunday");
  assert(!isDue("0 0 * * 7", at("01T00:00"), at("07T23:59")));
  assert(isDue("0 0 13 * fri", at("12T00:00"), at("13T00:00")), "either day will do, as cron has it");
});

Deno.test("parseExpiry() adds up its units", () => {
  const from = new Date("2026-01-31T00:00:00Z");
  assertEquals(parseExpiry("1M 2H 3d", from)?.toISOString(), "2026-02-03T02:01:00.000Z");
  assertEquals(parseExpiry("2w", from)?.toISOString(), "2026-02-14T00:00:00.000Z");
  assertEquals(parseExpiry("1y", from)?.toISOString(), "2027-01-31T00:00:00.000Z");
  assertEquals(parseExpiry("999999y", from)?.toISOString(), "9999-12-31T23:59:59.000Z");
  assertEquals([parseExpiry("", from), parseExpiry("3", from), parseExpiry("1d 2d", from)], [
    undefined,
    undefined,
    undefined,
  ]);
  assert(isExpiry("") && isExpiry("4w") && !isExpiry("4x"));
});
