import { assertEquals } from "@std/testing";
import { join } from "@std/path";
import { readMountPoints } from "./usage.ts";

Deno.test("readMountPoints() ends where a container has mounted things without end", async () => {
  const procfs = await Deno.makeTempDir();
  await Deno.mkdir(join(procfs, "1"));
  const line = (path: string) => `1 2 0:30 / ${path} rw - overlay drey rw\n`;
  const many = Array.from({ length: 20_000 }, (_, index) => line(`/m/${index}`)).join("");
  await Deno.writeTextFile(join(procfs, "1/mountinfo"), line("/") + many);
  const points = readMountPoints(1, procfs);
  assertEquals([points.length, points[0]], [500, { device: "drey", fstype: "overlay", path: "/" }]);
  await Deno.remove(procfs, { recursive: true });
});
