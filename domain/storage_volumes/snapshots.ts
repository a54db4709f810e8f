// Snapshots of custom volumes.

import { validateSnapshotName } from "../../config/names.ts";
import { DreyError } from "../../errors.ts";
import { shownExpiry } from "../../wire/expiry.ts";
import type { Operation } from "../../wire/operation.ts";
import type {
  StorageVolumeSnapshot,
  VolumeSnapshotPost,
  VolumeSnapshotPut,
  VolumeSnapshotsPost,
} from "../../wire/storage_volume.ts";
import type { Context } from "../context.ts";
import { lifecycleWrite } from "../events.ts";
import { manualExpiryOf, nextName, readTime } from "../instances/snapshots/naming.ts";
import { announced, finishLater, noteIntent } from "../intents.ts";
import { openPool } from "../storage_pools/open.ts";
import { volumeOperation } from "./create.ts";
import {
  listSnapshotRecords,
  loadSnapshot,
  loadVolume,
  lockVolume,
  snapshotAddress,
  snapshotKey,
  volumeChanged,
  volumeKey,
  volumeOf,
  type VolumeRecord,
  type VolumeRef,
  type VolumeSnapshotRecord,
} from "./record.ts";

/** Snapshots of a volume, the oldest first. @throws {DreyError} `NOT_FOUND` for the volume */
export async function listVolumeSnapshots(
  context: Context,
  ref: VolumeRef,
): Promise<StorageVolumeSnapshot[]> {
  await loadVolume(context, ref);
  return (await listSnapshotRecords(context, ref)).map(({ name, record }) => shape(name, record));
}

/** @throws {DreyError} `NOT_FOUND` */
export async function getVolumeSnapshot(
  context: Context,
  ref: VolumeRef,
  snapshot: string,
): Promise<StorageVolumeSnapshot> {
  await loadVolume(context, ref);
  return shape(snapshot, (await loadSnapshot(context, ref, snapshot)).value);
}

function shape(name: string, record: VolumeSnapshotRecord): StorageVolumeSnapshot {
  const { description, content_type, created_at, expires_at, config } = record;
  return { name, description, content_type, created_at, expires_at: shownExpiry(expires_at), config };
}

/**
 * Takes a snapshot, as an operation.
 *
 * @throws {DreyError} `NOT_FOUND`, `ALREADY_EXISTS`, `BAD_REQUEST` for a name or time, `NOT_SUPPORTED` for what never
 * changes
 */
export async function createVolumeSnapshot(
  context: Context,
  ref: VolumeRef,
  post: VolumeSnapshotsPost,
): Promise<Operation> {
  const { mustAllowSaving } = await import("../projects/allow.ts");
  await mustAllowSaving(context, ref.project, "snapshots");
  const { value: record } = await loadVolume(context, ref);
  if (record.content_type === "iso") {
    throw new DreyError("BAD_REQUEST", {
      message: "Volumes of content type iso have no snapshots: they never change",
    });
  }
  const name = post.name || await newName(context, ref, record);
  validateSnapshotName(name);
  if (await context.store.get(snapshotKey(ref, name)) !== undefined) throw taken(ref, name);
  const expires_at = manualExpiryOf(context.now(), post.expires_at, record.config);
  const description = post.description ?? record.description;
  return await volumeOperation(context, ref, {
    description: "Creating storage volume snapshot",
    run: async (task) => {
      await using _lock = await lockVolume(context, ref, task.signal);
      await snapshotLocked(context, ref, { name, expires_at, description });
    },
  });
}

/** A name by the volume's pattern. */
export async function newName(context: Context, ref: VolumeRef, { config }: VolumeRecord): Promise<string> {
  const names = (await listSnapshotRecords(context, ref)).map(({ name }) => name);
  return nextName({ now: context.now(), pattern: config["snapshots.pattern"], taken: names });
}

/** Takes a snapshot of a volume whose lock the caller holds. */
export async function snapshotLocked(
  context: Context,
  ref: VolumeRef,
  { name, expires_at, description }: { name: string; expires_at: string; description: string },
): Promise<void> {
  const { value: volume } = await loadVolume(context, ref);
  const key = snapshotKey(ref, name);
  if (await context.store.get(key) !== undefined) throw taken(ref, name);
  const snapshot = { ...volumeOf(ref), snapshot: name };
  const intent = { do: "remove", pool: ref.pool, volume: snapshot, unless: key } as const;
  await using pool = await openPool(context, ref.pool);
  await announced(context, { intent, locks: [volumeKey(ref)] }, async (done) => {
    await pool.driver.snapshot(snapshot);
    const record: VolumeSnapshotRecord = {
      ...volume,
      description,
      created_at: context.now().toISOString(),
      config: { ...volume.config, "volatile.uuid": crypto.randomUUID() },
      expires_at,
    };
    const isFree = await context.store.commit([{ key, revision: 0 }], [
      { key, value: record },
      done,
      lifecycleWrite(context, {
        project: ref.project,
        action: "storage-volume-snapshot-created",
        source: snapshotAddress(ref, name),
        context: { type: "custom" },
      }),
    ]);
    if (!isFree) throw taken(ref, name);
  });
}

/** Changes description and expiry; what is not named stays if `isPatch`. */
export async function updateVolumeSnapshot(
  context: Context,
  ref: VolumeRef,
  { snapshot, put, isPatch }: { snapshot: string; put: VolumeSnapshotPut; isPatch: boolean },
): Promise<void> {
  await using _lock = await lockVolume(context, ref);
  const { value, revision } = await loadSnapshot(context, ref, snapshot);
  const key = snapshotKey(ref, snapshot);
  const expires = put.expires_at === undefined ? undefined : readTime(put.expires_at);
  const record: VolumeSnapshotRecord = {
    ...value,
    description: put.description ?? (isPatch ? value.description : ""),
    expires_at: expires ?? (isPatch ? value.expires_at : ""),
  };
  const done = await context.store.commit([{ key, revision }], [
    { key, value: record },
    lifecycleWrite(context, {
      project: ref.project,
      action: "storage-volume-snapshot-updated",
      source: snapshotAddress(ref, snapshot),
    }),
  ]);
  if (!done) throw volumeChanged(ref);
}

/** Renames a snapshot, or sends it, as an operation. @throws {DreyError} `NOT_FOUND`, `ALREADY_EXISTS`, `BAD_REQUEST` */
export async function renameVolumeSnapshot(
  context: Context,
  ref: VolumeRef,
  { snapshot, post }: { snapshot: string; post: VolumeSnapshotPost },
): Promise<Operation> {
  const { name } = post;
  if (post.migration) {
    const { sendVolume } = await import("../migration/volume_source.ts");
    return await sendVolume(context, ref, { snapshot, target: post.target, volumeOnly: true });
  }
  validateSnapshotName(name);
  await loadSnapshot(context, ref, snapshot);
  return await volumeOperation(context, ref, {
    description: "Renaming storage volume snapshot",
    run: async () => {
      await using _lock = await lockVolume(context, ref);
      const { value, revision } = await loadSnapshot(context, ref, snapshot);
      const [old, key] = [snapshotKey(ref, snapshot), snapshotKey(ref, name)];
      if (await context.store.get(key) !== undefined) throw taken(ref, name);
      const [from, to] = [volumeOf(ref, snapshot), volumeOf(ref, name)];
      const intent = { do: "rename", pool: ref.pool, from, to, record: key } as const;
      await using pool = await openPool(context, ref.pool);
      await announced(context, { intent, locks: [volumeKey(ref)] }, async (done) => {
        await pool.driver.rename(from, to);
        const isFree = await context.store.commit([{ key, revision: 0 }, { key: old, revision }], [
          { key: old, delete: true },
          { key, value },
          done,
          lifecycleWrite(context, {
            project: ref.project,
            action: "storage-volume-snapshot-renamed",
            source: snapshotAddress(ref, name),
            context: { old_name: snapshot },
          }),
        ]);
        if (!isFree) throw taken(ref, name);
      });
    },
  });
}

/** Deletes a snapshot, as an operation. @throws {DreyError} `NOT_FOUND` */
export async function deleteVolumeSnapshot(
  context: Context,
  ref: VolumeRef,
  snapshot: string,
): Promise<Operation> {
  await loadSnapshot(context, ref, snapshot);
  return await volumeOperation(context, ref, {
    description: "Deleting storage volume snapshot",
    run: async () => {
      await using _lock = await lockVolume(context, ref);
      await deleteLocked(context, ref, snapshot);
    },
  });
}

/** Deletes a snapshot of a volume whose lock the caller holds. @throws {DreyError} `NOT_FOUND` */
export async function deleteLocked(context: Context, ref: VolumeRef, snapshot: string): Promise<void> {
  const { revision } = await loadSnapshot(context, ref, snapshot);
  const key = snapshotKey(ref, snapshot);
  await using pool = await openPool(context, ref.pool);
  pool.driver.mustTakeWrites();
  const noted = noteIntent({ do: "remove", pool: ref.pool, volume: volumeOf(ref, snapshot) }, [
    volumeKey(ref),
  ]);
  const done = await context.store.commit([{ key, revision }], [
    { key, delete: true },
    noted.write,
    lifecycleWrite(context, {
      project: ref.project,
      action: "storage-volume-snapshot-deleted",
      source: snapshotAddress(ref, snapshot),
    }),
  ]);
  if (!done) throw volumeChanged(ref);
  await finishLater(context, noted, () => pool.driver.remove(volumeOf(ref, snapshot)));
}

const taken = (ref: VolumeRef, name: string) =>
  new DreyError("ALREADY_EXISTS", {
    message: `Snapshot "${name}" of storage volume "${ref.name}" already exists`,
  });
