// The console log of an instance: what its console printed since the last start.

import { bytesIfThere, discard } from "../../sys/present.ts";
import type { Context, Ref } from "../context.ts";
import { emitLifecycle } from "../events.ts";
import { instanceAddress, instancePaths, loadRecord } from "./record.ts";

/** The log, as bytes, told to those who listen. */
export async function retrieveConsoleLog(context: Context, ref: Ref): Promise<Uint8Array> {
  const log = await consoleLog(context, ref);
  const source = instanceAddress(ref.name);
  await emitLifecycle(context, { project: ref.project, action: "instance-console-retrieved", source });
  return log;
}

/** The log, as bytes. */
export async function consoleLog(context: Context, ref: Ref): Promise<Uint8Array> {
  await loadRecord(context, ref);
  const { consoleLog: path } = instancePaths(context, ref);
  const parts = await Promise.all([`${path}.1`, path].map(bytesIfThere));
  return new Uint8Array(await new Blob(parts.filter((part) => part !== undefined)).arrayBuffer());
}

/** Empties the log. */
export async function clearConsoleLog(context: Context, ref: Ref): Promise<void> {
  await loadRecord(context, ref);
  const { consoleLog: path } = instancePaths(context, ref);
  await Deno.truncate(path).catch((error) => {
    // an instance that never started has none, and one that is full has just been moved
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  });
  await discard(`${path}.1`);
  const source = instanceAddress(ref.name);
  await emitLifecycle(context, { project: ref.project, action: "instance-console-reset", source });
}
