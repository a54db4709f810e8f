// The end of an instance's files and of its record. Files of sub-ids need a root that stands above them.

import { endFileSessions } from "../../runtime/file_sessions.ts";
import { formatMap, parseMap } from "../../idmap/map.ts";
import { readLayout } from "../../idmap/ranges.ts";
import type { Context, Ref } from "../context.ts";
import { lifecycleWrite } from "../events.ts";
import { type FileRoot, openFileRoot } from "./file_root.ts";
import { releaseIsolated, releaseLower } from "../images.ts";
import { instanceAddress, instanceKey, instancePaths, loadRecord } from "./record.ts";

/**
 * Deletes a stopped instance whose lock the caller holds: files first, so that a record is left to try again with
 * if that is cut short.
 */
export async function deleteFiles(context: Context, ref: Ref, given?: FileRoot): Promise<void> {
  const { value, revision } = await loadRecord(context, ref);
  const { volume, logs, fileSessions } = instancePaths(context, ref);
  await endFileSessions(fileSessions);
  removeOwn(fileSessions);
  await removeVolume(context, volume, given);
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
  if (base === undefined) return;
  const map = value.config["volatile.last_state.idmap"];
  const { container } = await readLayout(context.user);
  if (map !== undefined && map !== formatMap(container)) await releaseIsolated(context, base, parseMap(map));
  await releaseLower(context, base);
}

async function removeVolume(context: Context, volume: string, given: FileRoot | undefined): Promise<void> {
  try {
    removeOwn(volume);
    return;
  } catch (error) {
    if (!(error instanceof Deno.errors.PermissionDenied)) throw error;
  }
  const argv = ["rm", "-rf", "--", volume];
  if (given !== undefined) return await given.run(argv);
  await using files = openFileRoot(context);
  await files.run(argv);
}

function removeOwn(path: string): void {
  try {
    Deno.removeSync(path, { recursive: true });
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}
