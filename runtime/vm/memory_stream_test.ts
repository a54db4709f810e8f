// Empty pages left out of what QEMU writes of a machine's memory.

import { assert, assertEquals } from "@std/testing";
import { withoutEmptyPages } from "./memory_stream.ts";

const text = (value: string) => [...new TextEncoder().encode(value)];
const u32 = (value: number) => [value >>> 24, value >>> 16 & 255, value >>> 8 & 255, value & 255];
const u64 = (value: number) => [...u32(Math.floor(value / 2 ** 32)), ...u32(value % 2 ** 32)];
const name = (value: string) => [value.length, ...text(value)];
const page = (fill: number) => Array.from({ length: 4096 }, () => fill);

const head = [...u32(0x5145564d), ...u32(3), 7, ...u32(3), ...text("pc-")];
const begin = [1, ...u32(2), ...name("ram"), ...u32(0), ...u32(4)];
const blocks = [
  ...u64(0x5000 + 4),
  ...name("ram"),
  ...u64(0x4000),
  ...name("rom"),
  ...u64(0x1000),
  ...u64(0x10),
];
const footer = [0x7e, ...u32(2)];
const rest = [...footer, 4, 1, 2, 3];
const stream = (records: number[]) =>
  new Uint8Array([...head, ...begin, ...blocks, ...footer, 3, ...u32(2), ...records, ...u64(0x10), ...rest]);
const sieved = (bytes: Uint8Array) => withoutEmptyPages(bytes).flatMap((piece) => [...piece]);

Deno.test("empty pages of the largest part are left out, and what follows says whose it is", () => {
  const records = [
    ...[...u64(0x0000 + 0x02), ...name("ram"), 0],
    ...[...u64(0x1000 + 0x28), ...page(7)],
    ...[...u64(0x2000 + 0x22), 0],
    ...[...u64(0x0000 + 0x02), ...name("rom"), 0],
    ...[...u64(0x3000 + 0x02), ...name("ram"), 0],
  ];
  const expected = [
    ...[...u64(0x1000 + 0x08), ...name("ram"), ...page(7)],
    // what is no memory of the guest's may have something in it from the beginning
    ...[...u64(0x0000 + 0x02), ...name("rom"), 0],
  ];
  assertEquals(sieved(stream(records)), [...stream(expected)]);
});

Deno.test("a page that had something in it before is emptied", () => {
  const records = [
    ...[...u64(0x1000 + 0x08), ...name("ram"), ...page(7)],
    ...[...u64(0x1000 + 0x22), 0],
  ];
  assertEquals(sieved(stream(records)), [...stream(records)]);
});

Deno.test("what is not understood, or cut off, stays as it is", () => {
  const whole = stream([...u64(0x1000 + 0x08), ...name("ram"), ...page(7)]);
  const compressed = stream([...u64(0x1000 + 0x100), ...name("ram"), ...page(7)]);
  for (const bytes of [whole.subarray(0, 200), compressed, new Uint8Array([1, 2, 3])]) {
    const kept = withoutEmptyPages(bytes);
    assert(kept.length === 1 && kept[0] === bytes);
  }
});
