// libseccomp through FFI: rules about system calls to a program of classic BPF. The library knows the numbers of all
// calls on all architectures, and every Debian and Ubuntu has it, since apt filters itself.

import { type Abi, comparisons, type SyscallPolicy, type SyscallRule } from "../config/syscall_rules.ts";
import { DreyError } from "../errors.ts";
import { closeFd, openMemory } from "./descriptors.ts";
import { cString } from "./libc.ts";

const symbols = {
  seccomp_init: { parameters: ["u32"], result: "pointer" }, // scmp_filter_ctx seccomp_init(uint32_t def_action);
  seccomp_release: { parameters: ["pointer"], result: "void" }, // void seccomp_release(scmp_filter_ctx ctx);
  seccomp_arch_add: { parameters: ["pointer", "u32"], result: "i32" }, // int seccomp_arch_add(scmp_filter_ctx ctx, uint32_t arch);
  seccomp_arch_remove: { parameters: ["pointer", "u32"], result: "i32" }, // int seccomp_arch_remove(scmp_filter_ctx ctx, uint32_t arch);
  seccomp_merge: { parameters: ["pointer", "pointer"], result: "i32" }, // int seccomp_merge(scmp_filter_ctx dst, scmp_filter_ctx src);
  seccomp_attr_set: { parameters: ["pointer", "u32", "u32"], result: "i32" }, // int seccomp_attr_set(scmp_filter_ctx ctx, enum scmp_filter_attr attr, uint32_t value);
  seccomp_syscall_resolve_name: { parameters: ["buffer"], result: "i32" }, // int seccomp_syscall_resolve_name(const char *name);
  seccomp_syscall_resolve_name_arch: { parameters: ["u32", "buffer"], result: "i32" }, // int seccomp_syscall_resolve_name_arch(uint32_t arch, const char *name);
  seccomp_rule_add_exact_array: { // int seccomp_rule_add_exact_array(scmp_filter_ctx, uint32_t action, int syscall, unsigned int arg_cnt, const struct scmp_arg_cmp *);
    parameters: ["pointer", "u32", "i32", "u32", "buffer"],
    result: "i32",
  },
  seccomp_export_bpf: { parameters: ["pointer", "i32"], result: "i32" }, // int seccomp_export_bpf(const scmp_filter_ctx ctx, int fd);
} as const satisfies Deno.ForeignLibraryInterface;

type Library = Deno.StaticForeignLibraryInterface<typeof symbols>;
type Architecture = typeof Deno.build.arch;

/** A kind of programs, by the library's number for it; seccomp.h, SCMP_ARCH_. */
type Kind = readonly [abi: Abi, token: number];
/** Those that a host runs, its own first. */
const kinds: Record<Architecture, readonly [Kind, ...Kind[]]> = {
  x86_64: [["x86_64", 0xc000_003e], ["x86", 0x4000_0003], ["x32", 0x4000_003e]],
  aarch64: [["arm64", 0xc000_00b7], ["arm", 0x4000_0028]],
};

/**
 * Whether the library knows a system call of this name, on whatever architecture.
 *
 * @throws {DreyError} `TOOL_MISSING`
 */
export function isSyscall(name: string): boolean {
  return library().seccomp_syscall_resolve_name(cString(name)) !== -1;
}

/**
 * The program for a policy. A call that some kind of programs does not have is passed over there.
 *
 * @throws {DreyError} `TOOL_MISSING`; `BAD_REQUEST` naming the rule that the library does not take
 */
export function compileFilter(
  policy: SyscallPolicy,
  arch: Architecture = Deno.build.arch,
): Uint8Array<ArrayBuffer> {
  const lib = library();
  const [own, ...others] = kinds[arch];
  const context = contextOf(lib, policy, own);
  try {
    for (const kind of policy.hasNoCompat && arch === "x86_64" ? [] : others) {
      // the second is released by this
      mustWork(lib.seccomp_merge(context, contextOf(lib, policy, kind)), "merge(3)");
    }
    return exported(lib, context);
  } finally {
    lib.seccomp_release(context);
  }
}

/** One kind of programs with the rules about it; the caller releases it. */
function contextOf(lib: Library, policy: SyscallPolicy, kind: Kind): Deno.PointerValue {
  const context = lib.seccomp_init(actions[policy.otherwise]);
  try {
    addRules(lib, policy, { context, kind });
    return context;
  } catch (error) {
    lib.seccomp_release(context);
    throw error;
  }
}

function addRules(
  lib: Library,
  { hasNoCompat, rules }: SyscallPolicy,
  { context, kind: [abi, token] }: { context: Deno.PointerValue; kind: Kind },
): void {
  const [, native] = kinds[Deno.build.arch][0];
  if (token !== native) {
    mustWork(lib.seccomp_arch_add(context, token), "arch_add(3)");
    mustWork(lib.seccomp_arch_remove(context, native), "arch_remove(3)");
  }
  const [SCMP_FLTATR_ACT_BADARCH, ENOSYS] = [2, 38];
  if (hasNoCompat) {
    mustWork(lib.seccomp_attr_set(context, SCMP_FLTATR_ACT_BADARCH, failing(ENOSYS)), "attr_set(3)");
  }
  for (const rule of latest(rules.filter((rule) => rule.abi === "all" || rule.abi === abi))) {
    addRule(lib, rule, { context, token });
  }
}

/** A call that is named again, in whatever way it is called, is what the last line says. */
function latest(rules: readonly SyscallRule[]): SyscallRule[] {
  return rules.filter(({ call, when }, at) =>
    when.length > 0 || !rules.slice(at + 1).some((other) => other.call === call && other.when.length === 0)
  );
}

/** seccomp.h, SCMP_ACT_ */
const actions = { allow: 0x7fff_0000, kill: 0, trap: 0x0003_0000 };
const failing = (errno: number) => 0x0005_0000 | errno;

function addRule(
  lib: Library,
  { line, call, action, when }: SyscallRule,
  { context, token }: { context: Deno.PointerValue; token: number },
): void {
  const name = cString(call);
  if (lib.seccomp_syscall_resolve_name_arch(token, name) < 0) return;
  // struct scmp_arg_cmp: what is compared and how, then the value, or a mask and the value
  const tests = new Uint8Array(24 * Math.max(when.length, 1));
  const view = new DataView(tests.buffer);
  for (const [at, { index, compare, value, mask }] of when.entries()) {
    view.setUint32(24 * at, index, true);
    view.setUint32(24 * at + 4, comparisons.indexOf(compare) + 1, true);
    view.setBigUint64(24 * at + 8, compare === "MASKED_EQ" ? mask : value, true);
    view.setBigUint64(24 * at + 16, compare === "MASKED_EQ" ? value : 0n, true);
  }
  // the library wants the number that the call has here, whatever the kind of programs
  const number = lib.seccomp_syscall_resolve_name(name);
  const end = action.do === "errno" ? failing(action.errno) : actions[action.do];
  const result = lib.seccomp_rule_add_exact_array(context, end, number, when.length, tests);
  const EEXIST = 17;
  if (result < 0 && result !== -EEXIST) {
    throw new DreyError("BAD_REQUEST", {
      message: `Cannot filter system calls by "${line}": libseccomp answers with errno ${-result}`,
    });
  }
}

/** What the kernel takes at most, in instructions; linux/bpf_common.h, BPF_MAXINSNS. */
const mostInstructions = 4096;

function exported(lib: Library, context: Deno.PointerValue): Uint8Array<ArrayBuffer> {
  const fd = openMemory("filter");
  try {
    mustWork(lib.seccomp_export_bpf(context, fd), "export_bpf(3)");
    const program = Deno.readFileSync(`/proc/self/fd/${fd}`);
    if (program.length <= 8 * mostInstructions) return program;
    throw new DreyError("BAD_REQUEST", {
      message: `Cannot filter system calls by so many rules: they make ${program.length / 8} instructions, ` +
        `and the kernel takes ${mostInstructions}`,
    });
  } finally {
    closeFd(fd);
  }
}

function mustWork(result: number, call: string): void {
  if (result < 0) throw new Error(`seccomp_${call}: errno ${-result}`);
}

let opened: Library | undefined;

function library(): Library {
  try {
    return opened ??= Deno.dlopen("libseccomp.so.2", symbols).symbols;
  } catch (cause) {
    throw new DreyError("TOOL_MISSING", {
      message: "Cannot filter system calls by rules: libseccomp.so.2 is not installed",
      hint: "Ask an administrator to run: apt-get install libseccomp2",
      cause,
    });
  }
}
