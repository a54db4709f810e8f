// Custom volumes made of backups: drey's own, and those of LXD.

import { validateSnapshotName, validateVolumeName } from "../../config/names.ts";
import type { Renumber } from "../../images/tar_join.ts";
import type { Driver, Volume } from "../../storage/driver.ts";
import type { Write } from "../../store/store.ts";
import type { Operation } from "../../wire/operation.ts";
import type { Context } from "../context.ts";
import { unpackVolume } from "../instances/root_tar.ts";
import { diskOf, emptyContent } from "../storage_volumes/content.ts";
import { enterVolume, newRecord, userConfig, volumeOperation } from "../storage_volumes/create.ts";
import {
  imageFile,
  lockVolume,
  snapshotKey,
  taken,
  volumeKey,
  volumeOf,
  type VolumeRecord,
  type VolumeRef,
  type VolumeSnapshotRecord,
} from "../storage_volumes/record.ts";
import { makeVolume, noteNewSize, sizedDisk } from "../storage_volumes/size.ts";
import { unpackDisk } from "./disk.ts";
import { diskExtension, type IndexVolume, invalid } from "./index_file.ts";
import { foreignOwners, withOwners } from "./owners.ts";
import { streamsOf } from "./optimized.ts";
import { receiveFile } from "./receive.ts";
import { scanBackup, type ScannedBackup } from "./scan.ts";

/**
 * Makes a volume of a backup, as an operation; an empty name means the backup's own.
 *
 * @throws {DreyError} `IMAGE_INVALID`, `ALREADY_EXISTS`, `NOT_SUPPORTED`
 */
export async function importVolumeBackup(
  context: Context,
  wanted: VolumeRef,
  content: ReadableStream<Uint8Array>,
): Promise<Operation> {
  await using undo = new AsyncDisposableStack();
  const file = undo.use(await receiveFile(context, "backup", content));
  const backup = await scanBackup(file.path);
  const { index: { type, name, config: { volume } } } = backup;
  if (type !== "custom" || volume === undefined) throw invalid("it is not one of a custom volume");
  const ref = { ...wanted, name: wanted.name || name };
  validateVolumeName(ref.name);
  if (await context.store.get(volumeKey(ref)) !== undefined) throw taken(ref);
  const operation = await volumeOperation(context, ref, {
    description: "Restoring custom volume backup",
    run: async (task) => {
      await using _file = file;
      await using _lock = await lockVolume(context, ref);
      await restore(context, ref, { backup, volume });
      const warnings = await noteNewSize(context, ref);
      if (warnings.length > 0) await task.update({ warnings });
    },
  });
  undo.move();
  return operation;
}

interface Restoring {
  backup: ScannedBackup;
  volume: IndexVolume;
}

async function restore(context: Context, ref: VolumeRef, { backup, volume }: Restoring): Promise<void> {
  const record = newRecord(context, {
    content_type: volume.content_type ?? "",
    description: volume.description ?? "",
    config: userConfig(volume.config ?? {}),
  });
  const snapshots = snapshotsOf(backup).map((snapshot) => ({
    name: snapshot.name,
    record: snapshotRecord(record, snapshot),
  }));
  const owners = foreignOwners(volume.config?.["volatile.idmap.last"]);
  const fill = (driver: Driver, tree: string) =>
    fillVolume(context, driver, { backup, record, tree, owners, volume: volumeOf(ref) });
  await enterVolume(context, ref, {
    record,
    make: async ({ driver }) => {
      if (backup.index.optimized) {
        await receive(context, driver, { backup, record, volume: volumeOf(ref) });
        return await sizedDisk(driver, volumeOf(ref), record);
      }
      for (const { name } of snapshots) {
        await fill(driver, `backup/volume-snapshots/${name}`);
        await driver.snapshot(volumeOf(ref, name) as Volume & { snapshot: string });
      }
      await fill(driver, "backup/volume");
      return await sizedDisk(driver, volumeOf(ref), record);
    },
    more: snapshots.map(({ name, record }): Write => ({ key: snapshotKey(ref, name), value: record })),
  });
}

/** Makes the volume of streams of the driver's own. */
async function receive(
  context: Context,
  driver: Driver,
  { backup, record, volume }: Pick<Filling, "backup" | "record" | "volume">,
): Promise<void> {
  const { sources, receive } = await streamsOf(backup, driver);
  const { content_type } = record;
  const disk = content_type === "filesystem" ? {} : { disk: imageFile(content_type) };
  await receive({ volume, sources, map: (await emptyContent(context, record)).map, ...disk });
}

function snapshotsOf({ index }: ScannedBackup): IndexVolume[] {
  return index.snapshots.map((name) => {
    validateSnapshotName(name);
    return index.config.volume_snapshots?.find((one) => one.name === name) ?? { name };
  });
}

/** The record of a snapshot that is described; settings that are not are those of its volume. */
export function snapshotRecord(record: VolumeRecord, snapshot: IndexVolume): VolumeSnapshotRecord {
  return {
    ...record,
    description: snapshot.description ?? "",
    created_at: snapshot.created_at ?? record.created_at,
    expires_at: snapshot.expires_at ?? "",
    config: { ...userConfig(snapshot.config ?? record.config), "volatile.uuid": crypto.randomUUID() },
  };
}

interface Filling extends Omit<Restoring, "volume"> {
  record: VolumeRecord;
  tree: string;
  owners: Renumber | undefined;
  volume: Volume;
}

async function fillVolume(
  context: Context,
  driver: Driver,
  { backup, record, tree, owners, volume }: Filling,
): Promise<void> {
  const { content_type } = record;
  const name = content_type === "filesystem" ? tree : `${tree}.${diskExtension(content_type)}`;
  const expected = backup.sizes.get(name) ?? 0;
  await driver.mustHold(expected);
  await makeVolume(driver, volume, { expected, ...await emptyContent(context, record) });
  if (content_type !== "filesystem") {
    if (!backup.sizes.has(name)) throw invalid(`it holds no "${name}"`);
    return await unpackDisk(backup.tarball, { name, to: diskOf(driver, volume, content_type) });
  }
  const { stream, finish } = backup.open();
  await unpackVolume(context, driver, { volume, stream: withOwners(stream, owners), below: tree });
  await finish();
}
