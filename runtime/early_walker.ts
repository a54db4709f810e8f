// A walker for a command in a container that is started before anybody knows what it will walk: while drey finds that
// out, Perl begins and compiles. The steps come on its standard input, before the command's own.

import * as libc from "../sys/libc.ts";
import { fullPath, spawn } from "../sys/run.ts";
import { formatSteps, type Step } from "./steps.ts";
import { awaitedPlan, walkerFor } from "./walker.pl.ts";

/** What it has hands for. */
const known: readonly Step["do"][] = [
  "environ",
  "enter-user",
  "rlimit",
  "join-pid",
  "fork",
  "join-rest",
  "be",
  "chdir",
  "run",
];

let early: Deno.ChildProcess | undefined;

/** Begins one; {@link takeWalker} or {@link endEarlyWalker} follows. */
export function beginWalker(): void {
  libc.joinEmptyKeyring();
  libc.sealDescriptors();
  early = spawn(["/usr/bin/perl", "-e", walkerFor(known.map((name) => ({ do: name }))), awaitedPlan], {
    env: { PATH: fullPath() },
    clearEnv: true,
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  });
}

/** Lets the walker that was begun walk these steps; undefined if there is none, or not for them. */
export function takeWalker(
  steps: readonly Step[],
  env: Readonly<Record<string, string>>,
): Deno.ChildProcess | undefined {
  const walker = early;
  if (walker === undefined || !steps.every((step) => known.includes(step.do))) return undefined;
  early = undefined;
  const plan = new TextEncoder().encode(formatSteps([{ do: "environ", env }, ...steps]));
  const size = new TextEncoder().encode(String(plan.length).padStart(8, "0"));
  const writer = walker.stdin.getWriter();
  // one that is gone is noticed by its status
  Promise.all([writer.write(size), writer.write(plan)]).catch(() => {});
  writer.releaseLock();
  return walker;
}

/** Ends what was begun in vain: it finds no steps. */
export async function endEarlyWalker(): Promise<void> {
  const walker = early;
  early = undefined;
  if (walker === undefined) return;
  await walker.stdin.close();
  await Promise.all([walker.stdout.cancel(), walker.stderr.cancel(), walker.status]);
}
