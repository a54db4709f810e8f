// Rules about system calls, as LXC writes them: a call in a line, then what becomes of it and with which arguments;
// `[x86]` says of which kind of programs the lines below it speak.

import type { Parsed, ValueType } from "./types.ts";

/** Kinds of programs by LXC's names; a host runs two or three of them. */
export const abis = ["all", "x86", "x32", "x86_64", "arm", "arm64"] as const;
export type Abi = typeof abis[number];

export type SyscallAction = { do: "allow" | "kill" | "trap" } | { do: "errno"; errno: number };

/** In the order in which libseccomp numbers them. */
export const comparisons = ["NE", "LT", "LE", "EQ", "GE", "GT", "MASKED_EQ"] as const;
const signs = ["!=", "<", "<=", "==", ">=", ">", "&="] as const;

/** What an argument of a call is compared with. */
export interface ArgumentTest {
  /** the first is 0 */
  index: number;
  compare: typeof comparisons[number];
  value: bigint;
  /** bits that count, for `MASKED_EQ` */
  mask: bigint;
}

export interface SyscallRule {
  /** as it was written */
  line: string;
  call: string;
  abi: Abi;
  action: SyscallAction;
  /** all of these must hold */
  when: ArgumentTest[];
}

/** All that is said about the calls of an instance. */
export interface SyscallPolicy {
  /** what becomes of a call that no rule names */
  otherwise: "allow" | "kill";
  /** programs of x86 and x32 find no system call at all */
  hasNoCompat: boolean;
  rules: SyscallRule[];
}

/** LXD's usual list, which `security.syscalls.deny_default` stands for. */
export const usualDenials = `reject_force_umount
kexec_load errno 38
open_by_handle_at errno 38
init_module errno 38
finit_module errno 38
delete_module errno 38`;

/** Calls that are refused, each killing who makes it unless the line says something else. */
export const denials: ValueType<SyscallRule[]> = {
  name: "string",
  wanted: 'lines such as "ptrace errno 1": a system call, then kill, trap or errno and its number',
  parse: (text) => parseRules(text, "kill"),
};

/** Calls that are allowed, unless the line says something else. */
export const allowances: ValueType<SyscallRule[]> = {
  name: "string",
  wanted: "lines with the name of a system call each",
  parse: (text) => parseRules(text, "allow"),
};

type Usual = "kill" | "allow";

function parseRules(text: string, usual: Usual): Parsed<SyscallRule[]> {
  const rules: SyscallRule[] = [];
  let abi: Abi | undefined = "all";
  for (const line of text.split("\n").map((raw) => raw.replace(/#.*/, "").trim())) {
    if (line === "") continue;
    const section = /^\[(\w+)\]$/.exec(line)?.[1]?.toLowerCase();
    if (section !== undefined) {
      // other kinds than these are for hosts that drey does not run on
      abi = abis.find((name) => name === section);
      continue;
    }
    const rule = parseRule(line, usual);
    if (typeof rule === "string") return { problem: `expected ${rule} in "${line}"` };
    if (abi !== undefined) rules.push({ ...rule, abi });
  }
  return { value: rules };
}

/** A rule, or what was expected instead. */
function parseRule(line: string, usual: Usual): Omit<SyscallRule, "abi"> | string {
  const parts = /^(\w+)((?:\s+\w+)*)\s*((?:\[[^\]]*\]\s*)*)$/.exec(line);
  if (parts === null) return "the name of a system call, then what becomes of it";
  const [, call = "", words = "", tests = ""] = parts;
  if (call === "reject_force_umount") {
    // MNT_FORCE and EACCES
    const when: ArgumentTest[] = [{ index: 1, compare: "MASKED_EQ", value: 1n, mask: 1n }];
    return words === "" && tests === ""
      ? { line, call: "umount2", action: { do: "errno", errno: 13 }, when }
      : "no more words";
  }
  const action = parseAction(words.trim(), usual);
  if (typeof action === "string") return action;
  const when = [...tests.matchAll(/\[([^\]]*)\]/g)].map(([, test = ""]) => parseTest(test));
  const known = when.filter((test) => test !== undefined);
  if (known.length < when.length) return "arguments such as [1,64,SCMP_CMP_MASKED_EQ,64]";
  return { line, call, action, when: known };
}

function parseAction(words: string, usual: Usual): SyscallAction | string {
  if (words === "" || words === usual) return { do: usual };
  if (words === "trap") return { do: "trap" };
  const [, number = ""] = /^errno\s+(\d{1,4})$/.exec(words) ?? [];
  // the kernel knows no greater one: MAX_ERRNO
  if (number !== "" && Number(number) <= 4095) return { do: "errno", errno: Number(number) };
  if (words === "notify") return "kill, trap or errno (nobody supervises calls)";
  return `${usual}, trap, or errno and a number up to 4095`;
}

/** `index,value,comparison` and perhaps a mask; numbers as C writes them. */
function parseTest(text: string): ArgumentTest | undefined {
  const [index = "", value = "", sign = "", mask = "0", ...rest] = text.split(",").map((word) => word.trim());
  const at = signs.findIndex((known, at) => sign === known || sign === `SCMP_CMP_${comparisons[at]}`);
  const compare = comparisons[at];
  const numbers = [index, value, mask].map(parseNumber);
  const [number = 6n, wanted, bits] = numbers;
  if (rest.length > 0 || compare === undefined || wanted === undefined || bits === undefined) {
    return undefined;
  }
  return number > 5n ? undefined : { index: Number(number), compare, value: wanted, mask: bits };
}

function parseNumber(text: string): bigint | undefined {
  if (!/^(0x[0-9a-f]{1,16}|\d{1,20})$/i.test(text)) return undefined;
  const number = BigInt(/^0\d/.test(text) ? `0o${text.slice(1)}` : text);
  return number < 2n ** 64n ? number : undefined;
}
