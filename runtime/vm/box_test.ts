import { assertEquals } from "@std/testing";
import type { MachineBox } from "../container_plan.ts";
import { boxOuterSteps } from "./box.ts";

const box: MachineBox = {
  door: { directory: "/run", name: "door" },
  host: [],
  groups: [],
  hasShares: false,
  files: [
    { name: "kernel", source: "/k" },
    { name: "v-data", source: "/home/ada/disk", id: "8:1", isWritable: true },
  ],
};

Deno.test("a file that others may replace comes into a box only as what was looked at", () => {
  const { staged } = boxOuterSteps(box, "/mnt");
  const place = "/mnt/files/v-data";
  assertEquals(staged.find((step) => step.do === "bind"), {
    do: "bind",
    source: "/home/ada/disk",
    place,
    id: "8:1",
    recursive: false,
    attributes: [],
  });
  assertEquals(staged.filter((step) => "target" in step && step.target === place), []);
});
