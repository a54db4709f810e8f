import { assertThrows } from "@std/testing";
import { DreyError } from "../../errors.ts";
import { mustHaveHugepages } from "./hugepages.ts";

const meminfo = (total: number, free: number, reserved = 0) =>
  `MemTotal: 1000 kB\nHugePages_Total: ${total}\nHugePages_Free: ${free}\nHugePages_Rsvd: ${reserved}\nHugepagesize: 2048 kB\n`;
const MiB = 2 ** 20;

Deno.test("mustHaveHugepages() counts those that are free and promised to nobody", () => {
  mustHaveHugepages(256 * MiB, meminfo(128, 128));
  const refused = (size: number, facts: string, why: string) =>
    assertThrows(() => mustHaveHugepages(size, facts), DreyError, why);
  refused(256 * MiB, meminfo(0, 0), "has 0B of huge pages free");
  refused(256 * MiB, meminfo(128, 128, 1), "has 254.00MiB of huge pages free");
  refused(255 * MiB, meminfo(200, 200), "no multiple of a huge page of 2.00MiB");
  refused(256 * MiB, "MemTotal: 1000 kB\n", "has 0B of huge pages free");
});
