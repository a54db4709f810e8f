// What system calls the kernel refuses a container's processes: a program of classic BPF, seccomp(2). The usual one is
// written here, so that the start of a container needs no compiler; others come from sys/libseccomp.ts.

import type { Step } from "./steps.ts";

/** The usual program, or another one as hexadecimal digits. */
export type SyscallFilter = "default" | { program: string };

/** Puts a filter on this process and all that follow. A kernel built without filters does without the usual one. */
export function filterSteps(filter: SyscallFilter | undefined): Step[] {
  if (filter === undefined) return [];
  if (filter === "default") return [{ do: "filter", program: defaultProgram().toHex(), optional: true }];
  return [{ do: "filter", program: filter.program }];
}

type Architecture = "x86_64" | "aarch64";

/** Numbers of calls in the table of one kind of programs; syscalls(2), asm/unistd.h. */
interface Table {
  /** the kind as audit(7) names it; include/uapi/linux/audit.h */
  audit: number;
  /** kexec_load, open_by_handle_at, init_module, finit_module and delete_module */
  absent: readonly number[];
  umount2: readonly number[];
}

const x32 = 0x4000_0000;

const tables: Record<Architecture, readonly Table[]> = {
  x86_64: [
    // x32 has a bit of its own in the numbers, and another one for kexec_load
    {
      audit: 0xc000_003e,
      absent: [246, 304, 175, 313, 176, x32 | 528, x32 | 304, x32 | 175, x32 | 313, x32 | 176],
      umount2: [166, x32 | 166],
    },
    { audit: 0x4000_0003, absent: [283, 342, 128, 350, 129], umount2: [52] },
  ],
  aarch64: [
    { audit: 0xc000_00b7, absent: [104, 265, 105, 273, 106], umount2: [39] },
    { audit: 0x4000_0028, absent: [347, 371, 128, 379, 129], umount2: [52] },
  ],
};

// linux/bpf_common.h: load a word, jump if equal, jump if a bit is set, return
const [load, jumpIfEqual, jumpIfSet, end] = [0x20, 0x15, 0x45, 0x06];
// struct seccomp_data: the number of the call, the kind of program, the low half of the second argument
const [numberAt, auditAt, flagsAt] = [0, 4, 24];
const [EACCES, ENOSYS] = [13, 38];
const allow = 0x7fff_0000;
const fail = (errno: number) => 0x0005_0000 | errno;
const kill = 0;
const MNT_FORCE = 1;

/** struct sock_filter: what to do, instructions to skip if so and if not, and its number */
type Instruction = readonly [code: number, ifTrue: number, ifFalse: number, value: number];

/**
 * LXD's usual list as a program: modules, kernels and handles of files are not there, and no mount is taken away by
 * force. In every kind of programs that the kernel runs.
 */
export function defaultProgram(arch: Architecture = Deno.build.arch): Uint8Array<ArrayBuffer> {
  const sections = tables[arch].flatMap((table): Instruction[] => {
    const own = section(table);
    return [[jumpIfEqual, 0, own.length, table.audit], ...own];
  });
  return assemble([[load, 0, 0, auditAt], ...sections, [end, 0, 0, kill]]);
}

/** What becomes of the calls of one kind of programs. */
function section({ absent, umount2 }: Table): Instruction[] {
  const tests = [
    ...absent.map((value) => ({ value, to: "absent" as const })),
    ...umount2.map((value) => ({ value, to: "force" as const })),
  ];
  // after the tests: allow, then the two instructions about force, then both refusals
  const targets = { force: 1, absent: 4 };
  return [
    [load, 0, 0, numberAt],
    ...tests.map(({ value, to }, at): Instruction => [
      jumpIfEqual,
      tests.length - 1 - at + targets[to],
      0,
      value,
    ]),
    [end, 0, 0, allow],
    [load, 0, 0, flagsAt],
    [jumpIfSet, 0, 2, MNT_FORCE],
    [end, 0, 0, fail(EACCES)],
    [end, 0, 0, fail(ENOSYS)],
    [end, 0, 0, allow],
  ];
}

function assemble(instructions: readonly Instruction[]): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(8 * instructions.length);
  const view = new DataView(bytes.buffer);
  for (const [index, [code, ifTrue, ifFalse, value]] of instructions.entries()) {
    view.setUint16(8 * index, code, true);
    view.setUint8(8 * index + 2, ifTrue);
    view.setUint8(8 * index + 3, ifFalse);
    view.setUint32(8 * index + 4, value, true);
  }
  return bytes;
}
