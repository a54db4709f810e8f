// The log files of an instance: what its start said, its console, and the output of commands that was recorded.

import { join } from "@std/path";
import { DreyError } from "../../errors.ts";
import { runFiles } from "../../runtime/run_files.ts";
import { bytesIfThere, namesIn } from "../../sys/present.ts";
import type { Context, Ref } from "../context.ts";
import { emitLifecycle } from "../events.ts";
import { clearConsoleLog, consoleLog } from "./console.ts";
import { instanceAddress, instancePaths, loadRecord } from "./record.ts";

/** LXD's names: of the log of the start, which clients ask for by it, and of the console's. */
const startLog = "lxc.log";
const ofConsole = "console.log";
const recorded = /^exec_[0-9a-f-]+\.(stdout|stderr)$/;

const execOutputDirectory = (logs: string): string => join(logs, "exec-output");

/** Names of the log files. @throws {DreyError} `NOT_FOUND` */
export async function listLogs(context: Context, ref: Ref): Promise<string[]> {
  await loadRecord(context, ref);
  return [ofConsole, startLog];
}

/** Names of the files of recorded output. @throws {DreyError} `NOT_FOUND` */
export async function listExecOutput(context: Context, ref: Ref): Promise<string[]> {
  await loadRecord(context, ref);
  const names = namesIn(execOutputDirectory(instancePaths(context, ref).logs));
  return names.filter((name) => recorded.test(name)).sort();
}

/**
 * One log file; recorded output is found here under its name too, where LXD 5.0 keeps it.
 *
 * @throws {DreyError} `NOT_FOUND`
 */
export async function readLog(
  context: Context,
  ref: Ref,
  name: string,
): Promise<Uint8Array<ArrayBuffer>> {
  if (recorded.test(name)) return await readExecOutput(context, ref, name);
  if (name !== startLog && name !== ofConsole) throw noSuchLog(name);
  const ofStart = name === startLog
    ? await bytesIfThere(join(instancePaths(context, ref).run, runFiles.log))
    : undefined;
  const parts = [...ofStart === undefined ? [] : [ofStart], Uint8Array.from(await consoleLog(context, ref))];
  await tell(context, ref, { action: "instance-log-retrieved", name });
  return new Uint8Array(await new Blob(parts).arrayBuffer());
}

/** What a command printed. @throws {DreyError} `NOT_FOUND` */
export async function readExecOutput(
  context: Context,
  ref: Ref,
  name: string,
): Promise<Uint8Array<ArrayBuffer>> {
  const found = await bytesIfThere(await outputPath(context, ref, name));
  if (found === undefined) throw noSuchLog(name);
  await tell(context, ref, { action: "instance-log-retrieved", name });
  return found;
}

/** Deletes recorded output, or empties the console's log. @throws {DreyError} `NOT_FOUND`, `BAD_REQUEST` */
export async function deleteLog(context: Context, ref: Ref, name: string): Promise<void> {
  if (name === startLog) {
    throw new DreyError("BAD_REQUEST", { message: `The log file "${name}" cannot be deleted` });
  }
  if (name === ofConsole) await clearConsoleLog(context, ref);
  else await deleteExecOutput(context, ref, name);
}

/** Deletes what a command printed. @throws {DreyError} `NOT_FOUND` */
export async function deleteExecOutput(context: Context, ref: Ref, name: string): Promise<void> {
  try {
    await Deno.remove(await outputPath(context, ref, name));
  } catch (error) {
    throw error instanceof Deno.errors.NotFound ? noSuchLog(name) : error;
  }
  await tell(context, ref, { action: "instance-log-deleted", name });
}

/** A name that is none of ours never becomes a path. */
async function outputPath(context: Context, ref: Ref, name: string): Promise<string> {
  await loadRecord(context, ref);
  if (!recorded.test(name)) throw noSuchLog(name);
  return join(execOutputDirectory(instancePaths(context, ref).logs), name);
}

/** The source says "backups", as LXD's own does. */
async function tell(
  context: Context,
  ref: Ref,
  { action, name }: { action: string; name: string },
): Promise<void> {
  const source = `${instanceAddress(ref.name)}/backups/${name}`;
  await emitLifecycle(context, { project: ref.project, action, source });
}

function noSuchLog(name: string): DreyError {
  return new DreyError("NOT_FOUND", { message: `Log file "${name}" not found` });
}
