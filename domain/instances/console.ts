// The console log of an instance: what its console printed since the last start.

import type { Context, Ref } from "../context.ts";
import { emitLifecycle } from "../events.ts";
import { instanceAddress, instancePaths, loadRecord } from "./record.ts";

/** The log, as bytes. */
export async function consoleLog(context: Context, ref: Ref): Promise<Uint8Array> {
  await loadRecord(context, ref);
  const { consoleLog: path } = instancePaths(context, ref);
  const parts = await Promise.all([`${path}.1`, path].map(readIfThere));
  return new Uint8Array(await new Blob(parts).arrayBuffer());
}

/** Empties the log. */
export async function clearConsoleLog(context: Context, ref: Ref): Promise<void> {
  await loadRecord(context, ref);
  const { consoleLog: path } = instancePaths(context, ref);
  await readIfThere(path).then((bytes) => bytes.length > 0 ? Deno.truncate(path) : undefined);
  await Deno.remove(`${path}.1`).catch((error) => {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  });
  const source = instanceAddress(ref.name);
  await emitLifecycle(context, { project: ref.project, action: "instance-console-reset", source });
}

async function readIfThere(path: string): Promise<Uint8Array<ArrayBuffer>> {
  try {
    return await Deno.readFile(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return new Uint8Array();
    throw error;
  }
}
