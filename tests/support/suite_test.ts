import { assertEquals } from "@std/testing";
import { closingLine, countTests, sum } from "./suite.ts";

Deno.test("countTests() reads the summary of deno test and the names of what was skipped", () => {
  const output = `running 3 tests from ./a_test.ts
one ... ok (1ms)
two (skipped: needs cgroup) ... ignored (0ms)
three ... FAILED (2ms)

FAILED | 1 passed (2 steps) | 1 failed | 1 ignored (12ms)
`;
  assertEquals(countTests(output), { passed: 1, failed: 1, skipped: ["two (skipped: needs cgroup)"] });
  assertEquals(countTests("error: Module not found"), undefined);
});

Deno.test("the closing line sums all runs and speaks of skipped tests only if there are any", () => {
  const run = { passed: 2, failed: 0, skipped: [] };
  assertEquals(closingLine(sum([run, run])), "4 passed, 0 failed");
  assertEquals(closingLine(sum([run, { ...run, skipped: ["x"] }])), "4 passed, 0 failed, 1 skipped");
});
