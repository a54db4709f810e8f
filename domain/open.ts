// The context of this process: whose it is, the opened store, how drey is started again.

import { fromFileUrl, join } from "@std/path";
import { openStore } from "../store/sqlite.ts";
import type { Paths } from "../sys/paths.ts";
import { bundlePath } from "./entrance.ts";
import type { Context } from "./context.ts";
import { currentPlaces } from "./places.ts";
import { noteChanges } from "./recover/noting.ts";

/** `milliseconds` after a change, or at the end of the process, in which its description is written */
const describeAfter = 1000;

/**
 * Opens the store of whoever runs this process.
 *
 * @throws {DreyError} `STATE_BROKEN` if it cannot be opened
 */
export async function openContext(): Promise<Context & AsyncDisposable> {
  const { user, paths } = currentPlaces();
  let clock: AbortSignal | undefined;
  let writing = Promise.resolve();
  const notes = noteChanges(await openStore(paths), () => {
    if (clock !== undefined) return;
    // setTimeout() takes Deno 5 ms when it is first used
    clock = AbortSignal.timeout(describeAfter);
    clock.addEventListener("abort", describe, { once: true });
  });
  const { store } = notes;
  if (isElsewhere(paths)) linkRun(paths);
  const context = { store, paths, user, program: currentProgram, now: () => new Date() };
  function describe(): void {
    clock?.removeEventListener("abort", describe);
    clock = undefined;
    const keys = notes.take();
    if (keys.length === 0) return;
    writing = writing.then(async () => {
      const { writeBackupFiles } = await import("./recover/write.ts");
      await writeBackupFiles(context, keys);
    });
  }
  return {
    ...context,
    async [Symbol.asyncDispose]() {
      describe();
      await writing;
      await store[Symbol.asyncDispose]();
    },
  };
}

/** Whether run-time files are where another session of the user might not look for them. */
const isElsewhere = ({ state, run }: Paths) => run !== join(state, "run") && state !== "/var/lib/drey";

/** Leaves the link where there is none, or replaces one of before the host restarted. */
function linkRun({ state, run }: Paths): void {
  const link = join(state, "run");
  try {
    if (Deno.readLinkSync(link) === run) return;
    Deno.removeSync(link);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) return;
  }
  try {
    Deno.symlinkSync(run, link);
  } catch {
    // on a full or read-only disk, or if another process was first: what it knows is known without
  }
}

/**
 * V8 for a command: room for what it makes before V8 first looks for garbage, which takes 3 ms while there is little; no
 * code of the middle tier, and no notes for it on functions that run a few times, both of which take longer to make than
 * they save in so short a life. The built program starts with the same flags: what Deno keeps of a compiled program is
 * only good for these. V8 has had all of them since Deno 2.0; one that it did not know would stop every command.
 */
export const quickFlag =
  "--v8-flags=--min-semi-space-size=8,--no-sparkplug,--invocation-count-for-feedback-allocation=300";

/** The entrance this process came through; a program that uses drey as a library gets the one beside it. */
export function currentProgram(): string[] {
  if (Deno.build.standalone) return [Deno.execPath()];
  const run = [Deno.execPath(), "run", "-A", "--quiet"];
  const bundle = bundlePath();
  if (bundle !== undefined) return [...run, "--no-config", "--no-lock", quickFlag, bundle];
  const { mainModule } = Deno;
  return [
    ...run,
    fromFileUrl(mainModule.endsWith("/cli.ts") ? mainModule : new URL("../cli.ts", import.meta.url)),
  ];
}
