// How the program of a server is started: it lives long, and what it keeps of memory counts more than how fast it begins.

import { currentProgram, quickFlag } from "./open.ts";
import { replaceProgram } from "../sys/processes.ts";

/** V8 gives memory back sooner this way, and answers as fast: half as much stays taken after many requests. */
const flag = "--v8-flags=--optimize-for-size";

/** argv of drey with a heap that stays small. */
export function sparing(program: readonly string[]): string[] {
  const [deno = "", run, ...rest] = program;
  return run === "run" ? [deno, run, flag, ...rest.filter((word) => word !== quickFlag)] : [...program];
}

/**
 * Starts this process anew with a heap that stays small: V8 takes its flags before the first line of ours, and only
 * then. Pid, descriptors and environment stay, and so does what systemd has handed over.
 */
export function becomeSparing(argv: readonly string[]): void {
  const program = currentProgram();
  const isSparing = Deno.readTextFileSync("/proc/self/cmdline").includes(flag);
  if (isSparing || program[1] !== "run") return;
  replaceProgram([...sparing(program), "serve", ...argv]);
}
