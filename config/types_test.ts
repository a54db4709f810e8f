import { assertEquals } from "@std/testing";
import { formatSize, parseSize } from "./size.ts";
import * as types from "./types.ts";

function parsed<T>(type: types.ValueType<T>, text: string): T | undefined {
  const answer = type.parse(text);
  return "value" in answer ? answer.value : undefined;
}

Deno.test("parseSize() knows decimal and binary suffixes", () => {
  assertEquals(parseSize("10"), 10);
  assertEquals(parseSize("10kB"), 10_000);
  assertEquals(parseSize("10KiB"), 10_240);
  assertEquals(parseSize("2 GiB"), 2 ** 31);
  assertEquals(parseSize("7EiB"), 7 * 2 ** 60);
  for (
    const wrong of ["", "x", "10 K", "-1", "1.5GB", "10%", "8EiB", `1${"0".repeat(400)}`, "1 constructor"]
  ) {
    assertEquals(parseSize(wrong), undefined, wrong);
  }
});

Deno.test("formatSize() picks the largest binary unit", () => {
  assertEquals([0, 1023, 1024, 1.5 * 2 ** 30].map((bytes) => formatSize(bytes)), [
    "0B",
    "1023B",
    "1.00KiB",
    "1.50GiB",
  ]);
});

Deno.test("memory is a positive size or a percentage from 1 to 100", () => {
  assertEquals(parsed(types.memory, "1GB"), { kind: "bytes", bytes: 1e9 });
  assertEquals(parsed(types.memory, "50%"), { kind: "percent", percent: 50 });
  for (const wrong of ["0", "0%", "101%", "much"]) {
    assertEquals(parsed(types.memory, wrong), undefined, wrong);
  }
});

Deno.test("cpus reads a lone number as a count and 1-1 as one pinned processor", () => {
  assertEquals(parsed(types.cpus, "4"), { kind: "count", count: 4 });
  assertEquals(parsed(types.cpus, "1-1"), { kind: "set", cpus: [1] });
  assertEquals(parsed(types.cpus, "5,0-2,1"), { kind: "set", cpus: [0, 1, 2, 5] });
  for (const wrong of ["0", "3-1", "a", "1,", "-1"]) {
    assertEquals(parsed(types.cpus, wrong), undefined, wrong);
  }
});

Deno.test("allowance is a share or a quota per period, in microseconds", () => {
  assertEquals(parsed(types.allowance, "25%"), { kind: "share", percent: 25 });
  assertEquals(parsed(types.allowance, "20ms/100ms"), { kind: "quota", quota: 20_000, period: 100_000 });
  for (const wrong of ["20", "20ms", "0ms/100ms", "1ms/2000ms"]) {
    assertEquals(parsed(types.allowance, wrong), undefined, wrong);
  }
});

Deno.test("bool takes LXD's words in any case", () => {
  assertEquals(["true", "1", "Yes", "on"].map((text) => parsed(types.bool, text)), [true, true, true, true]);
  assertEquals(["false", "0", "NO", "off"].map((text) => parsed(types.bool, text)), [
    false,
    false,
    false,
    false,
  ]);
  assertEquals(parsed(types.bool, "maybe"), undefined);
});

Deno.test("integer keeps to its range", () => {
  assertEquals(parsed(types.integer({ min: 1 }), "12"), 12);
  for (const wrong of ["0", "1.5", "", "x"]) {
    assertEquals(parsed(types.integer({ min: 1 }), wrong), undefined, wrong);
  }
});
