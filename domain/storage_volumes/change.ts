// Changing custom volumes: settings, going back to a snapshot, deletion. Another name or place is in move.ts.

import { validateVolumeConfig } from "../../config/volume_keys.ts";
import { mustKnowEmptied, withoutEmpty } from "../../config/key.ts";
import { DreyError } from "../../errors.ts";
import type { Write } from "../../store/store.ts";
import type { Config } from "../../wire/instance.ts";
import type { StorageVolumePut } from "../../wire/storage_volume.ts";
import type { Context } from "../context.ts";
import { lifecycleWrite } from "../events.ts";
import { finishLater, type Noted, noteIntent } from "../intents.ts";
import { forgetBackups } from "../backups.ts";
import { volumeSubject } from "../backups/record.ts";
import { openPool } from "../storage_pools/open.ts";
import { mustAllowIn } from "../projects/allow.ts";
import { diskOf, resizeDisk, sizeOf } from "./content.ts";
import { userConfig } from "./create.ts";
import {
  listSnapshotRecords,
  loadSnapshot,
  loadVolume,
  lockVolume,
  snapshotAddress,
  snapshotKey,
  volumeAddress,
  volumeChanged,
  volumeKey,
  volumeOf,
  type VolumeRecord,
  type VolumeRef,
} from "./record.ts";
import { forgetSize, holdToSize, noteSize } from "./size.ts";
import { mustRest, volumeUsers } from "./users.ts";

/** Replaces description and configuration, or goes back to a snapshot. Gives what there is to say, for people. */
export async function updateVolume(
  context: Context,
  ref: VolumeRef,
  put: StorageVolumePut,
): Promise<string[]> {
  if (put.restore) {
    await restoreVolume(context, ref, put.restore);
    return [];
  }
  return await change(context, ref, (old) => ({
    description: put.description ?? "",
    config: { ...volatileOf(old.config), ...userConfig(put.config ?? {}) },
  }));
}

/** Changes the keys that are named; an empty value removes one. Gives what there is to say, for people. */
export async function patchVolume(
  context: Context,
  ref: VolumeRef,
  put: StorageVolumePut,
): Promise<string[]> {
  return await change(context, ref, (old) => ({
    description: put.description ?? old.description,
    config: { ...old.config, ...userConfig(put.config ?? {}) },
  }));
}

const volatileOf = (config: Config): Config =>
  Object.fromEntries(Object.entries(config).filter(([key]) => key.startsWith("volatile.")));

async function change(
  context: Context,
  ref: VolumeRef,
  edit: (old: VolumeRecord) => Pick<VolumeRecord, "description" | "config">,
): Promise<string[]> {
  await using _lock = await lockVolume(context, ref);
  const { value: old, revision } = await loadVolume(context, ref);
  const edited = edit(old);
  mustKnowEmptied(userConfig(edited.config), (emptied) => validateVolumeConfig(old.content_type, emptied));
  const record = { ...old, description: edited.description, config: withoutEmpty(edited.config) };
  validateVolumeConfig(record.content_type, userConfig(record.config));
  if (sizeOf(old) !== sizeOf(record)) {
    await mustAllowIn(context, ref.project, { volume: { ...ref, config: record.config } });
  }
  const warnings = await resize(context, ref, { old, record });
  await commit(context, ref, { revision, record, action: "storage-volume-updated" });
  return warnings;
}

async function resize(
  context: Context,
  ref: VolumeRef,
  { old, record }: { old: VolumeRecord; record: VolumeRecord },
): Promise<string[]> {
  const size = sizeOf(record);
  if (size === sizeOf(old)) return [];
  await using pool = await openPool(context, ref.pool);
  if (record.content_type === "filesystem") {
    return await noteSize(context, pool.driver, { ref, record, had: true });
  }
  if (record.content_type === "block") {
    await pool.driver.fit?.(volumeOf(ref), size ?? 0);
    await resizeDisk(diskOf(pool.driver, volumeOf(ref), "block"), size ?? 0);
  }
  return [];
}

async function commit(
  context: Context,
  ref: VolumeRef,
  { revision, record, action, more = {} }: {
    revision: number;
    record: VolumeRecord;
    action: string;
    more?: { context?: Record<string, unknown> };
  },
): Promise<void> {
  const key = volumeKey(ref);
  const done = await context.store.commit([{ key, revision }], [
    { key, value: record },
    lifecycleWrite(context, { project: ref.project, action, source: volumeAddress(ref), ...more }),
  ]);
  if (!done) throw volumeChanged(ref);
}

/**
 * Puts back what a snapshot holds.
 *
 * @throws {DreyError} `NOT_FOUND`, `BAD_REQUEST` while instances run with the volume
 */
async function restoreVolume(context: Context, ref: VolumeRef, snapshot: string): Promise<void> {
  await using _lock = await lockVolume(context, ref);
  const { value: record, revision } = await loadVolume(context, ref);
  const { value: then } = await loadSnapshot(context, ref, snapshot);
  await mustRest(context, ref, "restore");
  await using pool = await openPool(context, ref.pool);
  await pool.driver.restore({ ...volumeOf(ref), snapshot });
  await holdToSize(pool.driver, volumeOf(ref), record);
  const ids = Object.entries(then.config).filter(([key]) => key.startsWith("volatile.idmap."));
  const others = Object.entries(record.config).filter(([key]) => !key.startsWith("volatile.idmap."));
  await commit(context, ref, {
    revision,
    record: { ...record, config: Object.fromEntries([...others, ...ids]) },
    action: "storage-volume-restored",
    more: { context: { snapshot } },
  });
}

/**
 * Deletes a volume with its snapshots.
 *
 * @throws {DreyError} `NOT_FOUND`, `BAD_REQUEST` while something uses it
 */
export async function deleteVolume(context: Context, ref: VolumeRef): Promise<void> {
  await using _lock = await lockVolume(context, ref);
  const { revision } = await loadVolume(context, ref);
  const users = await volumeUsers(context, ref);
  if (users.length > 0) {
    throw new DreyError("BAD_REQUEST", {
      message: "The storage volume is still in use",
      hint: `It is used by: ${users.slice(0, 5).join(", ")}`,
    });
  }
  await using pool = await openPool(context, ref.pool);
  pool.driver.mustTakeWrites();
  await removeWith(context, ref, { revision, writes: [deleted(context, ref)] }, pool.driver.remove);
}

export const deleted = (context: Context, ref: VolumeRef): Write =>
  lifecycleWrite(context, {
    project: ref.project,
    action: "storage-volume-deleted",
    source: volumeAddress(ref),
  });

/** Deletes the records first, and the files with an intent, so that what is cut short is finished. */
async function removeWith(
  context: Context,
  ref: VolumeRef,
  { revision, writes }: { revision: number; writes: readonly Write[] },
  remove: (volume: ReturnType<typeof volumeOf>) => Promise<void>,
): Promise<void> {
  const removal = noteRemoval(ref);
  const backups = await forgetBackups(context, volumeSubject(ref));
  const forgetting = await forgetVolume(context, ref);
  const check = { key: volumeKey(ref), revision };
  if (!await context.store.commit([check], [...forgetting, ...backups.writes, ...writes, removal.write])) {
    throw volumeChanged(ref);
  }
  await backups.removeFiles();
  await finishLater(context, removal, () => remove(volumeOf(ref)));
}

/** The intent to remove the files of a volume, to be put down by the commit that forgets it. */
export const noteRemoval = (ref: VolumeRef): Noted =>
  noteIntent({ do: "remove", pool: ref.pool, volume: volumeOf(ref) }, [volumeKey(ref)]);

/** Writes that forget a volume and its snapshots. */
export async function forgetVolume(context: Context, ref: VolumeRef): Promise<Write[]> {
  const snapshots = await listSnapshotRecords(context, ref);
  return [
    { key: volumeKey(ref), delete: true },
    ...snapshots.flatMap(({ name }): Write[] => [
      { key: snapshotKey(ref, name), delete: true },
      lifecycleWrite(context, {
        project: ref.project,
        action: "storage-volume-snapshot-deleted",
        source: snapshotAddress(ref, name),
      }),
    ]),
    ...await forgetSize(context, ref),
  ];
}
