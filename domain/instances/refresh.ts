// Bringing an earlier copy up to date: its files and snapshots become those of the source, its settings stay.

import { DreyError } from "../../errors.ts";
import { parseMap } from "../../idmap/map.ts";
import { readLayout } from "../../idmap/ranges.ts";
import type { InstancesPost } from "../../wire/instance.ts";
import { formatMap } from "../../idmap/map.ts";
import type { Context, Ref } from "../context.ts";
import { announcedAll, type Intent } from "../intents.ts";
import { openPool } from "../storage_pools/open.ts";
import type { CopySource } from "./copy.ts";
import { replaceVolume } from "./copy_volume.ts";
import { instanceKey, type InstanceRecord, loadRecord, lockBoth } from "./record.ts";
import { applyRootSize } from "./root_size.ts";
import { volumeOf } from "./volume_of.ts";
import { atRest } from "./snapshots/at_rest.ts";
import { deleteLocked } from "./snapshots/change.ts";
import { copiedSnapshot, listRecords, loadSnapshot, nameOf, snapshotKey } from "./snapshots/record.ts";
import { currentState } from "./status.ts";
import { editRecord, instanceEvent } from "./changes.ts";

/**
 * Brings a copy up to date.
 *
 * @throws {DreyError} `INSTANCE_STATE` while it runs
 */
export async function refreshCopy(
  context: Context,
  ref: Ref,
  { source, body }: { source: CopySource; body: InstancesPost },
): Promise<void> {
  await using _locks = await lockBoth(context, source.ref, ref);
  if (currentState(context, ref).status !== "Stopped") {
    throw new DreyError("INSTANCE_STATE", { message: "Cannot refresh a running instance" });
  }
  const { value: from } = source.snapshot === undefined
    ? await loadRecord(context, source.ref)
    : await loadSnapshot(context, source.ref, source.snapshot);
  const { value: to } = await loadRecord(context, ref);
  const isAlone = source.snapshot !== undefined || body.source.instance_only || body.source.container_only;
  const wanted = isAlone ? [] : await listRecords(context, source.ref);
  if (!isAlone) await removeOthers(context, ref, wanted.map((entry) => sameness(nameOf(entry), entry.value)));
  const present = (await listRecords(context, ref)).map(nameOf);
  const missing = wanted.filter((entry) => !present.includes(nameOf(entry)));
  await using fromPool = await openPool(context, from.pool);
  await using toPool = await openPool(context, to.pool);
  await atRest(context, ref);
  const map = await mapOf(context, to);
  const live = source.snapshot === undefined ? await atRest(context, source.ref) : undefined;
  const intents = missing.map((entry): Intent => ({
    do: "remove",
    pool: to.pool,
    volume: volumeOf(ref, nameOf(entry)),
    unless: snapshotKey(ref, nameOf(entry)),
  }));
  await announcedAll(context, { intents, locks: [instanceKey(ref)] }, async (done) => {
    await replaceVolume(context, {
      from: { pool: fromPool, volume: volumeOf(source.ref, source.snapshot) },
      to: { pool: toPool, volume: volumeOf(ref) },
      map,
      live,
      snapshots: missing.map(nameOf),
    });
    await editRecord(context, ref, (record) => record, [
      ...missing.map((entry) => ({
        key: snapshotKey(ref, nameOf(entry)),
        value: copiedSnapshot(entry.value, { pool: to.pool, map }),
      })),
      ...done,
      instanceEvent(context, ref, "instance-updated"),
    ]);
  });
  await applyRootSize(context, ref);
}

/** Snapshots the source does not have, or not any more as they were. */
async function removeOthers(context: Context, ref: Ref, wanted: readonly string[]): Promise<void> {
  for (const entry of await listRecords(context, ref)) {
    const name = nameOf(entry);
    if (!wanted.includes(sameness(name, entry.value))) await deleteLocked(context, ref, name);
  }
}

const sameness = (name: string, { created_at }: { created_at: string }) => `${name} ${created_at}`;

async function mapOf(context: Context, { config }: InstanceRecord): Promise<string> {
  const last = config["volatile.last_state.idmap"];
  return formatMap(last === undefined ? (await readLayout(context.user)).container : parseMap(last));
}
