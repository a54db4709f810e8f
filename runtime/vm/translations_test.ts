import { assertEquals } from "@std/testing";
import { hasRegion, regionCount } from "./translations.ts";

Deno.test("regionCount() counts as QEMU does", () => {
  assertEquals([1, 2, 3, 8, 24, 64].map(regionCount), [1, 16, 24, 24, 24, 64]);
});

Deno.test("hasRegion() wants one for the processor and one to spare", () => {
  const said = (used: number) =>
    `Translation buffer state:\ngen code size       ${used}/50249728\nTB count            1\n`;
  const room = (used: number, cpus = 1) => hasRegion(said(used), { cpus, maxCpus: 2 });
  assertEquals([room(1_000_000), room(40_000_000), room(44_000_000), room(47_220_211)], [
    true,
    true,
    false,
    false,
  ]);
  assertEquals([room(33_000_000, 4), room(40_000_000, 4)], [true, false]);
  assertEquals(hasRegion("JIT information is only available with accel=tcg", { cpus: 1, maxCpus: 2 }), true);
});
