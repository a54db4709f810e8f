// Whether KVM is of use here: asked of the kernel by running a program on it. A node that can be opened is no proof, for
// there are hosts whose KVM is slower than emulation or stops in the middle of it.

import { kill, spawn } from "../../sys/run.ts";

export type Accelerator = "kvm" | "tcg";

/**
 * A boot sector for the proof: counts, then writes to QEMU's port for leaving.
 *
 *     xor cx, cx; again: mov ax, 1; mul cx; dec cx; jnz again; mov al, 0x31; out 0xf4, al; hlt
 */
const program = [0x31, 0xc9, 0xb8, 1, 0, 0xf7, 0xe1, 0x49, 0x75, 0xf8, 0xb0, 0x31, 0xe6, 0xf4, 0xf4];

/** isa-debug-exit ends QEMU with twice the byte and one more */
const expected = (0x31 << 1) | 1;

/** `milliseconds` the proof may take; emulation takes a third of a second, firmware and all */
const patience = 2_000;

export interface Proof {
  accelerator: Accelerator;
  /** why it is not KVM, for people */
  why?: string;
}

/** @param scratch directory that a file may be written to */
export async function proveKvm(scratch: string): Promise<Proof> {
  try {
    Deno.openSync("/dev/kvm", { read: true, write: true }).close();
  } catch (error) {
    const isAbsent = error instanceof Deno.errors.NotFound;
    return { accelerator: "tcg", why: isAbsent ? "there is no /dev/kvm" : "/dev/kvm is not for this user" };
  }
  // other firmware, other ports: a node that opens has to be proof enough there
  if (Deno.build.arch !== "x86_64") return { accelerator: "kvm" };
  const sector = new Uint8Array(512);
  sector.set(program);
  sector.set([0x55, 0xaa], 510);
  const file = `${scratch}/kvm-proof.${Deno.pid}`;
  Deno.writeFileSync(file, sector);
  try {
    return await runs(file)
      ? { accelerator: "kvm" }
      : { accelerator: "tcg", why: "a test program on /dev/kvm did not end in time" };
  } finally {
    Deno.removeSync(file);
  }
}

async function runs(file: string): Promise<boolean> {
  const child = spawn([
    "qemu-system-x86_64",
    "-nodefaults",
    ...["-display", "none", "-accel", "kvm", "-m", "16"],
    ...["-drive", `file=${file},format=raw,if=ide,readonly=off,snapshot=off`],
    ...["-device", "isa-debug-exit,iobase=0xf4,iosize=4"],
  ], { stdin: "null", stdout: "null", stderr: "null" });
  const timer = setTimeout(() => kill(child, "SIGKILL"), patience);
  const { code } = await child.status;
  clearTimeout(timer);
  return code === expected;
}
