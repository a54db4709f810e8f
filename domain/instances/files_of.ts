// The end of an instance's files and of its record. Files of sub-ids need a root that stands above them.

import { readLayout } from "../../idmap/ranges.ts";
import { removeTrees } from "../../images/unpack.ts";
import type { Context, Ref } from "../context.ts";
import { lifecycleWrite } from "../events.ts";
import { releaseLower } from "../images.ts";
import { instanceAddress, instanceKey, instancePaths, loadRecord } from "./record.ts";

/**
 * Deletes a stopped instance whose lock the caller holds: files first, so that a record is left to try again with
 * if that is cut short.
 */
export async function deleteFiles(context: Context, ref: Ref): Promise<void> {
  const { value, revision } = await loadRecord(context, ref);
  const { volume, logs } = instancePaths(context, ref);
  await removeVolume(context, volume);
  removeOwn(logs);
  await context.store.commit([{ key: instanceKey(ref), revision }], [
    { key: instanceKey(ref), delete: true },
    lifecycleWrite(context, {
      project: ref.project,
      action: "instance-deleted",
      source: instanceAddress(ref.name),
    }),
  ]);
  const base = value.config["volatile.base_image"];
  if (base !== undefined) await releaseLower(context, base);
}

async function removeVolume(context: Context, volume: string): Promise<void> {
  try {
    removeOwn(volume);
  } catch (error) {
    if (!(error instanceof Deno.errors.PermissionDenied)) throw error;
    const layout = await readLayout(context.user);
    if (layout.kind !== "ranges") throw error;
    await removeTrees([volume], context.user);
  }
}

function removeOwn(path: string): void {
  try {
    Deno.removeSync(path, { recursive: true });
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}
