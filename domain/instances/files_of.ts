// The end of an instance: its record, its snapshots' records and its files.

import { endFileSessions } from "../../runtime/file_sessions.ts";
import { formatMap, parseMap } from "../../idmap/map.ts";
import { readLayout } from "../../idmap/ranges.ts";
import { discard, exists } from "../../sys/present.ts";
import type { Context, Ref } from "../context.ts";
import { forgetWarnings } from "../warnings.ts";
import { releaseIsolated, releaseLower } from "../images/lower.ts";
import { finishLater, noteIntent } from "../intents.ts";
import { hasHub } from "../networks/nic_files.ts";
import { openPool } from "../storage_pools/open.ts";
import { type FileRoot } from "./file_root.ts";
import { instanceAddress, instanceKey, instancePaths, type InstanceRecord, loadRecord } from "./record.ts";
import { volumeOf } from "./volume_of.ts";
import { forgetBackups } from "../backups.ts";
import { instanceSubject } from "../backups/record.ts";
import { instanceChanged, instanceEvent, snapshotEvents } from "./changes.ts";

/**
 * Deletes a stopped instance whose lock the caller holds: its record first, with a note that its files are to go, so
 * that they go even if that is cut short.
 */
export async function deleteFiles(context: Context, ref: Ref, given?: FileRoot): Promise<void> {
  const { value, revision } = await loadRecord(context, ref);
  const key = instanceKey(ref);
  const volume = volumeOf(ref);
  const noted = noteIntent({ do: "remove", pool: value.pool, volume, unless: key }, [key]);
  const { logs, fileSessions } = instancePaths(context, ref);
  // before anything is forgotten: its disk may be away
  await using pool = await openPool(context, value.pool, given);
  pool.driver.mustTakeWrites();
  await endFileSessions(fileSessions);
  // beside the questions that follow: the disk may want milliseconds for each file
  const removed = Promise.all(
    [fileSessions, logs].filter(exists).map((path) => discard(path, { recursive: true })),
  );
  removed.catch(() => {}); // told below
  const snapshots = await context.store.list<InstanceRecord>(["instance_snapshots", ref.project, ref.name]);
  const backups = await forgetBackups(context, instanceSubject(ref));
  const writes = [
    { key, delete: true as const },
    ...snapshots.map(({ key }) => ({ key, delete: true as const })),
    ...backups.writes,
    ...await forgetWarnings(context, { project: ref.project, entity: instanceAddress(ref.name) }),
    noted.write,
    ...snapshotEvents(context, ref, {
      action: "instance-snapshot-deleted",
      snapshots: snapshots.map(({ key }) => key.at(-1) ?? ""),
    }),
    instanceEvent(context, ref, "instance-deleted"),
  ];
  await removed;
  const done = await context.store.commit([{ key, revision }], writes);
  if (!done) {
    throw instanceChanged(ref);
  }
  await backups.removeFiles();
  if (hasHub(context)) {
    const { releaseLeases } = await import("../networks/release_leases.ts");
    await releaseLeases(context, value);
  }
  await finishLater(context, noted, () => pool.driver.remove(volume, true));
  for (const record of [value, ...snapshots.map((snapshot) => snapshot.value)]) {
    await releaseImage(context, record);
  }
}

/** An image's files may go once nobody stands on them; the record of who did is gone already. */
export async function releaseImage(
  context: Context,
  { config }: Pick<InstanceRecord, "config">,
): Promise<void> {
  const base = config["volatile.base_image"];
  if (base === undefined) return;
  const map = config["volatile.last_state.idmap"];
  const { container } = await readLayout(context.user);
  if (map !== undefined && map !== formatMap(container)) await releaseIsolated(context, base, parseMap(map));
  await releaseLower(context, base);
}
