import { assertEquals } from "@std/testing";
import { allowances, denials } from "./syscall_rules.ts";

const problem = (text: string, type = denials) => {
  const parsed = type.parse(text);
  return "problem" in parsed ? parsed.problem : undefined;
};

Deno.test("denials are read as LXC reads them", () => {
  assertEquals(
    denials.parse("\n  mount errno 1 [3,0x10,SCMP_CMP_MASKED_EQ,020]\n[X86]\nkill # not the action\n"),
    {
      value: [
        {
          line: "mount errno 1 [3,0x10,SCMP_CMP_MASKED_EQ,020]",
          call: "mount",
          abi: "all",
          action: { do: "errno", errno: 1 },
          when: [{ index: 3, compare: "MASKED_EQ", value: 16n, mask: 16n }],
        },
        { line: "kill", call: "kill", abi: "x86", action: { do: "kill" }, when: [] },
      ],
    },
  );
  assertEquals(denials.parse("[mips64]\nptrace"), { value: [] });
});

Deno.test("a forced unmount is refused by LXC's word for it", () => {
  const parsed = denials.parse("reject_force_umount  # comment");
  assertEquals("value" in parsed && parsed.value.map(({ call, action }) => [call, action]), [
    ["umount2", { do: "errno", errno: 13 }],
  ]);
});

Deno.test("what is no rule is said, with the line it is in", () => {
  assertEquals(problem("ptrace errno 1"), undefined);
  assertEquals(
    problem("mount\nptrace errno"),
    'expected kill, trap, or errno and a number up to 4095 in "ptrace errno"',
  );
  assertEquals(
    problem("ptrace errno 4096"),
    'expected kill, trap, or errno and a number up to 4095 in "ptrace errno 4096"',
  );
  assertEquals(
    problem("ptrace allow"),
    'expected kill, trap, or errno and a number up to 4095 in "ptrace allow"',
  );
  assertEquals(
    problem("ptrace kill", allowances),
    'expected allow, trap, or errno and a number up to 4095 in "ptrace kill"',
  );
  for (
    const line of [
      "ptrace notify",
      "bad-name",
      "ptrace errno 1 [6,1,==]",
      "ptrace [0,1]",
      "ptrace [0,99999999999999999999,==]",
    ]
  ) {
    assertEquals(problem(line)?.endsWith(` in "${line}"`), true, line);
  }
});
