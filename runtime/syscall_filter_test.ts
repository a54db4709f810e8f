import { assertEquals } from "@std/testing";
import { denials, usualDenials } from "../config/syscall_rules.ts";
import { compileFilter } from "../sys/libseccomp.ts";
import { type Call, runFilter } from "../tests/support/bpf.ts";
import { defaultProgram, filterSteps } from "./syscall_filter.ts";

const audits = {
  x86_64: [0xc000_003e, 0x4000_0003],
  aarch64: [0xc000_00b7, 0x4000_0028],
};

Deno.test("the usual filter answers to every call as the one that libseccomp makes of LXD's list", () => {
  const parsed = denials.parse(usualDenials);
  if ("problem" in parsed) throw new Error(parsed.problem);
  for (const arch of ["x86_64", "aarch64"] as const) {
    const own = defaultProgram(arch);
    const theirs = compileFilter({ otherwise: "allow", hasNoCompat: false, rules: parsed.value }, arch);
    let refused = 0;
    for (const audit of audits[arch]) {
      for (let number = 0; number < 1200; number++) {
        for (const base of arch === "x86_64" ? [0, 0x4000_0000] : [0]) {
          for (const flags of [0n, 1n, 3n, 8n]) {
            const call: Call = { number: base + number, audit, arguments: [7n, flags] };
            const answer = runFilter(own, call);
            assertEquals(answer, runFilter(theirs, call), JSON.stringify([arch, audit, base, number]));
            if (answer !== 0x7fff_0000) refused++;
          }
        }
      }
    }
    // five that are not there whatever the flags, and umount2 with two of them
    assertEquals(refused, (arch === "x86_64" ? 3 : 2) * (5 * 4 + 2));
    assertEquals(
      runFilter(own, { number: 0, audit: 1 }),
      0,
      "another kind of program is none of this kernel's",
    );
  }
});

Deno.test("a container without a filter has no step for one", () => {
  assertEquals(filterSteps(undefined), []);
  assertEquals(filterSteps({ program: "00" }), [{ do: "filter", program: "00" }]);
});
