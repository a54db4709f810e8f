// What drey remembers of a snapshot: the instance's record as it was, and until when it is kept.

import { DreyError } from "../../../errors.ts";
import type { Entry, Key } from "../../../store/store.ts";
import type { Context, Ref } from "../../context.ts";
import { instanceAddress, type InstanceRecord } from "../record.ts";

export interface SnapshotRecord extends InstanceRecord {
  /** empty for never */
  expires_at: string;
}

export const snapshotsKey = (ref: Ref): Key => ["instance_snapshots", ref.project, ref.name];
export const snapshotKey = (ref: Ref, snapshot: string): Key => [...snapshotsKey(ref), snapshot];
export const snapshotAddress = (name: string, snapshot: string): string =>
  `${instanceAddress(name)}/snapshots/${snapshot}`;

/** Snapshots of an instance, the oldest first. */
export async function listRecords(context: Context, ref: Ref): Promise<Entry<SnapshotRecord>[]> {
  const entries = await context.store.list<SnapshotRecord>(snapshotsKey(ref));
  return entries.sort((a, b) => a.value.created_at < b.value.created_at ? -1 : 1);
}

/** @throws {DreyError} `NOT_FOUND` */
export async function loadSnapshot(
  context: Context,
  ref: Ref,
  snapshot: string,
): Promise<Entry<SnapshotRecord>> {
  const entry = snapshot === ""
    ? undefined
    : await context.store.get<SnapshotRecord>(snapshotKey(ref, snapshot));
  if (entry !== undefined) return entry;
  throw new DreyError("NOT_FOUND", { message: `Instance "${ref.name}" has no snapshot "${snapshot}"` });
}

/** The record of a snapshot's copy, which may be in another pool and belong to other ids. */
export function copiedSnapshot(
  record: SnapshotRecord,
  { pool, map }: { pool: string; map: string },
): SnapshotRecord {
  const config = { ...record.config, "volatile.uuid": crypto.randomUUID() };
  const ids = ["volatile.last_state.idmap", "volatile.idmap.current"];
  const own = Object.entries(config).map(([key, value]) => [key, ids.includes(key) ? map : value]);
  return { ...record, config: Object.fromEntries(own), pool };
}

/** Name of a snapshot in its entry. */
export const nameOf = ({ key }: Entry): string => key[3] ?? "";
