// The context of this process: who runs drey, where it keeps things, the opened store.

import { fromFileUrl, join, resolve } from "@std/path";
import { DreyError } from "../errors.ts";
import { openStore } from "../store/sqlite.ts";
import { choosePaths, type Paths } from "../sys/paths.ts";
import { bundlePath } from "./entrance.ts";
import type { Context, User } from "./context.ts";
import { noteChanges } from "./recover/noting.ts";

/** `milliseconds` after a change, or at the end of the process, in which its description is written */
const describeAfter = 1000;

/**
 * Opens the store of whoever runs this process.
 *
 * @throws {DreyError} `STATE_BROKEN` if it cannot be opened
 */
export async function openContext(): Promise<Context & AsyncDisposable> {
  const { user, home } = whoRuns();
  const paths = pathsOf(user, home);
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

/** Whoever runs this process. */
export function currentUser(): User {
  return whoRuns().user;
}

/** Where drey of whoever runs this process keeps things. */
export function currentPaths(): Paths {
  const { user, home } = whoRuns();
  return pathsOf(user, home);
}

function pathsOf(user: User, home: string): Paths {
  const env = (name: string) => {
    const value = Deno.env.get(name);
    return value === undefined || value === "" ? undefined : resolve(value);
  };
  const paths = choosePaths({
    env,
    uid: user.uid,
    home,
    owns: (directory) => ownerOf(directory) === user.uid,
    linkedRun: (state) => linkedRun(state, user.uid),
  });
  for (const directory of [paths.state, paths.run]) mustBeOwn(directory, user.uid);
  // plans name paths line by line
  if (!paths.state.includes("\n")) return paths;
  throw new DreyError("STATE_BROKEN", {
    message: `Cannot keep anything in ${JSON.stringify(paths.state)}: there is a line break in it`,
    hint: "Set DREY_DIR to another directory",
  });
}

/** Who owns a directory, or may write to it, can put other records and scripts in the place of drey's. */
function mustBeOwn(directory: string, uid: number): void {
  const { uid: owner, mode } = lookAt(directory) ?? {};
  if (owner === undefined || owner === uid) return;
  const isOpen = ((mode ?? 0) & 0o2) !== 0;
  if (owner === 0 && !isOpen) return;
  throw new DreyError("FORBIDDEN", {
    message: `Cannot keep anything in "${directory}": ${
      owner === 0 ? "everybody may write to it" : `it belongs to user ${owner}`
    }, and what drey runs could be replaced`,
    hint: "Set DREY_DIR to a directory of your own, or to one that does not exist yet",
  });
}

/** What the link `run` in the state directory leads to, if that is there. */
function linkedRun(state: string, uid: number): string | undefined {
  const link = join(state, "run");
  try {
    if (!Deno.lstatSync(link).isSymlink) return undefined;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.PermissionDenied) {
      return undefined;
    }
    throw error;
  }
  const target = Deno.readLinkSync(link);
  return ownerOf(target) === uid ? target : undefined;
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

/** The first line of /etc/passwd with the uid; users it does not know (NSS) are named by the environment. */
function whoRuns(): { user: User; home: string } {
  const uid = Deno.uid() ?? 0;
  const gid = Deno.gid() ?? 0;
  const line = passwd().map((text) => text.split(":")).find((fields) => fields[2] === `${uid}`);
  const name = line?.[0] ?? Deno.env.get("USER") ?? Deno.env.get("LOGNAME") ?? `${uid}`;
  const home = Deno.env.get("HOME") ?? line?.[5] ?? "/";
  return { user: { uid, gid, name }, home };
}

function passwd(): string[] {
  try {
    return Deno.readTextFileSync("/etc/passwd").split("\n");
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}

const ownerOf = (directory: string): number | undefined => lookAt(directory)?.uid ?? undefined;

function lookAt(directory: string): Deno.FileInfo | undefined {
  try {
    return Deno.statSync(directory);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.PermissionDenied) {
      return undefined;
    }
    throw error;
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
