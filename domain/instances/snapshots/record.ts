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

/** Name of a snapshot in its entry. */
export const nameOf = ({ key }: Entry): string => key[3] ?? "";
