import { assert, assertEquals, assertThrows } from "@std/testing";
import { allowances, denials, type SyscallPolicy, type SyscallRule } from "../config/syscall_rules.ts";
import { DreyError } from "../errors.ts";
import { runFilter } from "../tests/support/bpf.ts";
import { compileFilter, isSyscall } from "./libseccomp.ts";
import type { Parsed } from "../config/types.ts";

function rules(parsed: Parsed<SyscallRule[]>): SyscallRule[] {
  if ("problem" in parsed) throw new Error(parsed.problem);
  return parsed.value;
}

const denying = (text: string, more: Partial<SyscallPolicy> = {}) =>
  compileFilter(
    { otherwise: "allow", hasNoCompat: false, rules: rules(denials.parse(text)), ...more },
    "x86_64",
  );

const [native, old] = [0xc000_003e, 0x4000_0003];
const [allowed, killed] = [0x7fff_0000, 0];
const failed = (errno: number) => 0x0005_0000 | errno;
// ptrace(2) and personality(2) in each kind of programs
const ptrace = { native: 101, old: 26, x32: 0x4000_0000 + 521 };
const personality = { native: 135, old: 136 };

Deno.test("a denied call ends as its line says, in every kind of programs", () => {
  const program = denying("ptrace errno 1\npersonality\n# a remark\nmount trap # another");
  assertEquals(runFilter(program, { number: ptrace.native, audit: native }), failed(1));
  assertEquals(runFilter(program, { number: ptrace.x32, audit: native }), failed(1));
  assertEquals(runFilter(program, { number: ptrace.old, audit: old }), failed(1));
  assertEquals(runFilter(program, { number: personality.native, audit: native }), killed);
  assertEquals(runFilter(program, { number: 165, audit: native }), 0x0003_0000);
  assertEquals(runFilter(program, { number: 0, audit: native }), allowed);
});

Deno.test("lines below the name of a kind of programs speak of that kind alone", () => {
  const program = denying("[x86]\nptrace errno 1\n[arm]\npersonality errno 1");
  assertEquals(runFilter(program, { number: ptrace.old, audit: old }), failed(1));
  assertEquals(runFilter(program, { number: ptrace.native, audit: native }), allowed);
  assertEquals(runFilter(program, { number: personality.native, audit: native }), allowed);
});

Deno.test("arguments of a call are compared as the line says", () => {
  const program = denying("personality errno 1 [0,0x8,SCMP_CMP_EQ]\nptrace errno 2 [1,1,>][2,6,&=,7]");
  const call = (number: number, ...values: bigint[]) =>
    runFilter(program, { number, audit: native, arguments: values });
  assertEquals([call(135, 8n), call(135, 9n)], [failed(1), allowed]);
  assertEquals(call(ptrace.native, 0n, 2n, 0xf6n), failed(2));
  assertEquals(call(ptrace.native, 0n, 1n, 0xf6n), allowed);
  assertEquals(call(ptrace.native, 0n, 2n, 0xf7n), allowed);
  assertEquals(call(ptrace.native, 0n, 1n << 40n, 6n), failed(2), "all 64 bits count");
});

Deno.test("the last line about a call counts", () => {
  const program = denying("ptrace errno 1\nptrace errno 2\nptrace errno 2");
  assertEquals(runFilter(program, { number: ptrace.native, audit: native }), failed(2));
});

Deno.test("without compatibility, programs of other kinds find no call at all", () => {
  const program = denying("ptrace errno 1", { hasNoCompat: true });
  for (const number of [0, 1, ptrace.old, 350]) {
    assertEquals(runFilter(program, { number, audit: old }), failed(38));
    assertEquals(runFilter(program, { number: 0x4000_0000 + number, audit: native }), failed(38));
  }
  assertEquals(runFilter(program, { number: ptrace.native, audit: native }), failed(1));
  assertEquals(runFilter(program, { number: 0, audit: native }), allowed);
});

Deno.test("what is allowed is all that is allowed", () => {
  const list = rules(allowances.parse("read\nwrite\nno_such_call\nptrace errno 1"));
  const program = compileFilter({ otherwise: "kill", hasNoCompat: false, rules: list }, "x86_64");
  const answers = [0, 1, 2, ptrace.native].map((number) => runFilter(program, { number, audit: native }));
  assertEquals(answers, [allowed, allowed, killed, failed(1)]);
  assertEquals(runFilter(program, { number: 3, audit: old }), allowed, "read(2) of 32-bit programs");
});

Deno.test("a policy is compiled for another architecture as well", () => {
  const list = rules(denials.parse("ptrace errno 1"));
  const program = compileFilter({ otherwise: "allow", hasNoCompat: true, rules: list }, "aarch64");
  assertEquals(runFilter(program, { number: 117, audit: 0xc000_00b7 }), failed(1));
  assertEquals(runFilter(program, { number: 26, audit: 0x4000_0028 }), failed(1));
});

Deno.test("compileFilter() names the rule that libseccomp does not take, and counts what the kernel would not", () => {
  assertThrows(() => denying("ptrace errno 1 [0,1,==][0,2,==]"), DreyError, "[0,1,==][0,2,==]");
  const many = Array.from({ length: 1500 }, (_, at) => `ptrace errno 1 [0,0x${at.toString(16)}00000000,==]`)
    .join("\n");
  assertThrows(() => denying(many), DreyError, "instructions");
});

Deno.test("isSyscall() knows calls by name, on whatever architecture they are", () => {
  assert(isSyscall("openat2"));
  assert(isSyscall("socketcall"), "of 32-bit programs alone");
  assert(!isSyscall("opne"));
});
