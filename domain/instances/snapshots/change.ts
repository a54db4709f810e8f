// Renaming, deleting and keeping longer: what is done to a snapshot that is there.

import { validateSnapshotName } from "../../../config/names.ts";
import { describeError, DreyError } from "../../../errors.ts";
import { changedMeanwhile } from "../../changed.ts";
import type { InstanceSnapshotPost, InstanceSnapshotPut } from "../../../wire/instance_snapshot.ts";
import type { Operation } from "../../../wire/operation.ts";
import type { Context, Ref } from "../../context.ts";
import { emitLogging, lifecycleWrite } from "../../events.ts";
import { announced, finishLater, noteIntent } from "../../intents.ts";
import { startOperation, type Task } from "../../operations.ts";
import { type OpenPool, openPool } from "../../storage_pools/open.ts";
import { releaseImage } from "../files_of.ts";
import { instanceAddress, instanceKey, lockInstance } from "../record.ts";
import { volumeOf } from "../volume_of.ts";
import { currentState } from "../status.ts";
import { readTime } from "./naming.ts";
import { loadSnapshot, snapshotAddress, snapshotKey } from "./record.ts";

/** Changes when a snapshot expires, as an operation; with `merge` only if that is given. */
export async function updateSnapshot(
  context: Context,
  ref: Ref,
  { snapshot, put, merge }: { snapshot: string; put: InstanceSnapshotPut; merge: boolean },
): Promise<Operation> {
  const { value, revision } = await loadSnapshot(context, ref, snapshot);
  const isKept = merge && put.expires_at === undefined;
  const expires_at = isKept ? value.expires_at : readTime(put.expires_at ?? "");
  return await operate(context, ref, { snapshot, description: "Updating snapshot" }, async () => {
    const key = snapshotKey(ref, snapshot);
    const done = await context.store.commit([{ key, revision }], [
      { key, value: { ...value, expires_at } },
      happened(context, ref, { action: "instance-snapshot-updated", snapshot }),
    ]);
    if (!done) throw snapshotChanged(snapshot);
  });
}

/** Renames a snapshot, or sends it to another server, as an operation. @throws {DreyError} `NOT_FOUND`, `ALREADY_EXISTS`, `BAD_REQUEST` */
export async function renameSnapshot(
  context: Context,
  ref: Ref,
  { snapshot, post }: { snapshot: string; post: InstanceSnapshotPost },
): Promise<Operation> {
  if (post.migration) {
    const { sendInstance } = await import("../../migration/source.ts");
    return await sendInstance(context, ref, { snapshot, post });
  }
  validateSnapshotName(post.name);
  await loadSnapshot(context, ref, snapshot);
  return await operate(context, ref, { snapshot, description: "Renaming snapshot" }, async () => {
    await rename(context, ref, { snapshot, name: post.name });
  });
}

async function rename(
  context: Context,
  ref: Ref,
  { snapshot, name }: { snapshot: string; name: string },
): Promise<void> {
  const { value, revision } = await loadSnapshot(context, ref, snapshot);
  const record = snapshotKey(ref, name);
  if (await context.store.get(record) !== undefined) {
    throw new DreyError("ALREADY_EXISTS", {
      message: `Snapshot "${name}" of instance "${ref.name}" already exists`,
    });
  }
  await using pool = await openPool(context, value.pool);
  const [from, to] = [volumeOf(ref, snapshot), volumeOf(ref, name)];
  const intent = { do: "rename", pool: value.pool, from, to, record } as const;
  await announced(context, { intent, locks: [instanceKey(ref)] }, async (done) => {
    await pool.driver.rename(from, to);
    const key = snapshotKey(ref, snapshot);
    const isDone = await context.store.commit([{ key, revision }, { key: record, revision: 0 }], [
      { key, delete: true },
      { key: record, value },
      done,
      happened(context, ref, {
        action: "instance-snapshot-renamed",
        snapshot: name,
        more: { old_name: `${ref.name}/${snapshot}` },
      }),
    ]);
    if (!isDone) throw snapshotChanged(snapshot);
  });
}

/** Deletes a snapshot, as an operation. @throws {DreyError} `NOT_FOUND` */
export async function deleteSnapshot(context: Context, ref: Ref, snapshot: string): Promise<Operation> {
  await loadSnapshot(context, ref, snapshot);
  return await operate(
    context,
    ref,
    { snapshot, description: "Deleting snapshot" },
    () => deleteLocked(context, ref, snapshot),
  );
}

/** Deletes a snapshot of an instance whose lock the caller holds. */
export async function deleteLocked(context: Context, ref: Ref, snapshot: string): Promise<void> {
  const { value, revision } = await loadSnapshot(context, ref, snapshot);
  const key = snapshotKey(ref, snapshot);
  const volume = volumeOf(ref, snapshot);
  await using pool = await openPool(context, value.pool);
  pool.driver.mustTakeWrites();
  const noted = noteIntent({ do: "remove", pool: value.pool, volume, unless: key }, [instanceKey(ref)]);
  const done = await context.store.commit([{ key, revision }], [
    { key, delete: true },
    noted.write,
    happened(context, ref, { action: "instance-snapshot-deleted", snapshot }),
  ]);
  if (!done) throw snapshotChanged(snapshot);
  await finishLater(context, noted, () => pool.driver.remove(volume));
  await releaseImage(context, value);
  await compact(context, ref, pool);
}

/** Layers that the snapshot kept apart become one, if nobody stands on them. It is a saving, so failing is no failure. */
async function compact(context: Context, ref: Ref, { driver }: OpenPool): Promise<void> {
  if (driver.compact === undefined || currentState(context, ref).status !== "Stopped") return;
  try {
    await driver.compact(volumeOf(ref));
  } catch (error) {
    const message = `Cannot merge the layers of instance "${ref.name}": ${describeError(error)}`;
    await emitLogging(context, { level: "warning", message, project: ref.project });
  }
}

async function operate(
  context: Context,
  ref: Ref,
  { snapshot, description }: { snapshot: string; description: string },
  work: (task: Task) => Promise<void>,
): Promise<Operation> {
  return await startOperation(context, {
    project: ref.project,
    description,
    resources: {
      instances: [instanceAddress(ref.name)],
      instances_snapshots: [snapshotAddress(ref.name, snapshot)],
    },
    run: async (task) => {
      await using _lock = await lockInstance(context, ref, task.signal);
      await work(task);
    },
  });
}

function happened(
  context: Context,
  ref: Ref,
  { action, snapshot, more }: { action: string; snapshot: string; more?: Record<string, unknown> },
) {
  const source = snapshotAddress(ref.name, snapshot);
  return lifecycleWrite(context, { project: ref.project, action, source, ...(more && { context: more }) });
}

const snapshotChanged = (snapshot: string) => changedMeanwhile(`Snapshot "${snapshot}"`);
