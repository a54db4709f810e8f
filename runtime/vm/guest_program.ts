// Small programs of drey's own in a guest. Whoever is root there may be anybody: they have so long, and may say so much.

import { beginningOf } from "../../sys/bounded_text.ts";
import { fullPath, kill, type RunResult, spawn } from "../../sys/run.ts";
import { inGuest } from "./door.pl.ts";

/** `milliseconds` for what is to be done in a guest, which may have to wait for a device */
const usualPatience = 60_000;

/** `bytes` of what it may answer */
const most = 1 << 20;

/** Runs `perl -e PROGRAM WORDS…` to its end, as run() does; a guest that does not come to one counts as killed. */
export async function runInGuest(
  door: string,
  argv: readonly string[],
  { patience = usualPatience }: { patience?: number } = {},
): Promise<RunResult> {
  const child = spawn(inGuest(door, argv), {
    env: { PATH: fullPath() },
    clearEnv: true,
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  });
  // another signal would go on to the guest
  const timer = setTimeout(() => kill(child, "SIGKILL"), patience);
  try {
    const [stdout, stderr, { code, signal }] = await Promise.all([
      beginningOf(child.stdout, most),
      beginningOf(child.stderr),
      child.status,
    ]);
    return { code, stdout, stderr: signal === "SIGKILL" ? "its agent does not answer" : stderr };
  } finally {
    clearTimeout(timer);
  }
}
