// How the record of an instance changes, and what is said then: to those who listen, and to whoever was too slow.

import type { DreyError } from "../../errors.ts";
import type { Write } from "../../store/store.ts";
import { changedMeanwhile, retryCommit } from "../changed.ts";
import type { Context, Ref } from "../context.ts";
import { lifecycleWrite } from "../events.ts";
import { instanceAddress, instanceKey, type InstanceRecord, loadRecord } from "./record.ts";

/** One of LXD's actions, such as `instance-updated`, as part of the commit that does it. */
export const instanceEvent = (
  context: Context,
  { project, name }: Ref,
  action: string,
  more?: Record<string, unknown>,
): Write =>
  lifecycleWrite(context, { project, action, source: instanceAddress(name), ...more && { context: more } });

/** The same of its snapshots that come and go with it. */
export const snapshotEvents = (
  context: Context,
  { project, name }: Ref,
  { action, snapshots }: { action: `instance-snapshot-${string}`; snapshots: readonly string[] },
): Write[] =>
  snapshots.map((snapshot) =>
    lifecycleWrite(context, { project, action, source: `${instanceAddress(name)}/snapshots/${snapshot}` })
  );

/** Names of the snapshots whose records come to be. */
export const snapshotsIn = (writes: readonly Write[]): string[] =>
  writes.flatMap((write) => {
    const [kind, , , name = ""] = write.key;
    return kind === "instance_snapshots" && "value" in write ? [name] : [];
  });

/**
 * Changes the record of an instance whose lock the caller holds, and writes something more with it. Others change it
 * without the lock: a profile, a network or a volume that is renamed.
 *
 * @throws {DreyError} `NOT_FOUND`
 */
export async function editRecord(
  context: Context,
  ref: Ref,
  edit: (record: InstanceRecord) => InstanceRecord,
  more: readonly Write[] = [],
): Promise<void> {
  const key = instanceKey(ref);
  await retryCommit(titleOf(ref), async () => {
    const { value, revision } = await loadRecord(context, ref);
    return await context.store.commit([{ key, revision }], [{ key, value: edit(value) }, ...more]);
  });
}

/** The error of a commit that finds the record changed. */
export const instanceChanged = (ref: Ref): DreyError => changedMeanwhile(titleOf(ref));

const titleOf = ({ name }: Ref): string => `Instance "${name}"`;
