// Receiving a custom volume from another server: its snapshots in the order of their making, then itself, all of them
// into one volume that counts once everything has come. LXD's lxd/migrate_storage_volumes.go.

import { validateSnapshotName } from "../../config/names.ts";
import { validateVolumeConfig } from "../../config/volume_keys.ts";
import { DreyError } from "../../errors.ts";
import { type IdMap, parseMap } from "../../idmap/map.ts";
import { readLayout } from "../../idmap/ranges.ts";
import type { Snapshot, Volume } from "../../storage/driver.ts";
import type { Entry, Write } from "../../store/store.ts";
import type { Config } from "../../wire/instance.ts";
import type { Operation } from "../../wire/operation.ts";
import type { StorageVolumesPost, VolumeContent } from "../../wire/storage_volume.ts";
import { snapshotRecord } from "../backups/import_volume.ts";
import { type IndexVolume, readVolume } from "../backups/index_file.ts";
import { inProject } from "../../wire/address.ts";
import { withoutEmpty } from "../../config/key.ts";
import type { Context } from "../context.ts";
import { lifecycleWrite } from "../events.ts";
import { lazyFileRoot } from "../instances/file_root.ts";
import { announcedAll, type Intent } from "../intents.ts";
import type { Task } from "../operations.ts";
import { mustAllowIn } from "../projects/allow.ts";
import { type OpenPool, openPool } from "../storage_pools/open.ts";
import { withTemporaryVolume } from "../storage_pools/temporary.ts";
import { diskOf, emptyContent, mapOf, sizeOf } from "../storage_volumes/content.ts";
import { mapKeys } from "../storage_volumes/copy.ts";
import { enterVolume, newRecord, userConfig } from "../storage_volumes/create.ts";
import {
  listSnapshotRecords,
  loadVolume,
  lockVolume,
  snapshotKey,
  taken,
  volumeAddress,
  volumeChanged,
  volumeKey,
  volumeOf,
  type VolumeRecord,
  type VolumeRef,
} from "../storage_volumes/record.ts";
import { holdToSize, makeVolume, noteNewSize, sizedDisk } from "../storage_volumes/size.ts";
import { deleteLocked } from "../storage_volumes/snapshots.ts";
import { mustRest } from "../storage_volumes/users.ts";
import { type Progress, progressOf } from "./carry.ts";
import { type Channels, together } from "./channels.ts";
import { receiveDisk } from "./disk_stream.ts";
import { commonFeatures, type Header, type OfferedSnapshot, wayOf } from "./messages.ts";
import { startMigration } from "./operation.ts";
import { receivingMap } from "./owners.ts";
import { acceptOffer, meetingOf, readIndex, receiveTree } from "./sink.ts";
import { describedSnapshot, isSame } from "./snapshots.ts";

/**
 * Starts to receive a volume: from the operation of another server, or from whoever comes with the secrets of this one.
 *
 * @throws {DreyError} `BAD_REQUEST`, `ALREADY_EXISTS`
 */
export async function receiveVolume(
  context: Context,
  ref: VolumeRef,
  post: StorageVolumesPost,
): Promise<Operation> {
  const { source = {} } = post;
  const isThere = await context.store.get(volumeKey(ref)) !== undefined;
  const refreshing = source.refresh === true && isThere;
  if (isThere && !refreshing) throw taken(ref);
  const { record, warnings } = wantedRecord(context, post);
  return await startMigration(context, {
    project: ref.project,
    description: "Creating storage volume",
    resources: { storage_volumes: [inProject(volumeAddress(ref), ref.project)] },
    meeting: meetingOf(source),
    work: async (channels, task) => {
      await using _lock = await lockVolume(context, ref, task.signal);
      const coming = { post, channels, task };
      if (refreshing) await refresh(context, ref, coming);
      else await receive(context, ref, { ...coming, record });
      warnings.push(...await noteNewSize(context, ref));
      if (warnings.length > 0) await task.update({ warnings });
    },
  });
}

/** The record of the new volume, and what of its settings there is not here, for people. */
function wantedRecord(context: Context, post: StorageVolumesPost) {
  const content_type = post.content_type || "filesystem";
  const given = Object.entries(userConfig(withoutEmpty(post.config ?? {})));
  const isKnown = ([key, value]: [string, string]) => isUsable(content_type, { [key]: value });
  const dropped = given.filter((entry) => !isKnown(entry)).map(([key]) => key);
  return {
    record: newRecord(context, { ...post, config: Object.fromEntries(given.filter(isKnown)) }),
    warnings: dropped.map((key) => `left out the configuration key "${key}", which is not supported yet`),
  };
}

function isUsable(content: string, config: Config): boolean {
  try {
    validateVolumeConfig(content as VolumeContent, config);
    return true;
  } catch (error) {
    if (error instanceof DreyError) return false;
    throw error;
  }
}

interface Coming {
  post: StorageVolumesPost;
  channels: Channels;
  task: Task;
}

async function receive(
  context: Context,
  ref: VolumeRef,
  { post, record, channels, task }: Coming & { record: VolumeRecord },
): Promise<void> {
  if (await context.store.get(volumeKey(ref)) !== undefined) throw taken(ref);
  await using progress = progressOf(task);
  await together(channels, task.signal, {
    isTold: false,
    agree: () => acceptOffer(channels, { way: wayOf(record.content_type) }),
    carry: async (offer, signal) => {
      const described = describedIn(await readIndex(channels, offer), {
        offer,
        post,
        now: context.now().getTime(),
      });
      await using hands = lazyFileRoot(context);
      const limit = await announcedBytes(context, ref, { record, offer, described });
      await enterVolume(context, ref, {
        record,
        make: async () => {
          await using pool = await openPool(context, ref.pool, hands);
          const { driver } = pool;
          const states = { pool, record, offer, channels, signal, progress, limit, name: ref.name };
          await makeVolume(driver, volumeOf(ref), await emptyContent(context, record));
          for (const snapshot of described.snapshots) {
            await receiveState(context, { ...states, volume: volumeOf(ref), described: snapshot });
            await driver.snapshot(volumeOf(ref, snapshot.name) as Snapshot);
          }
          await receiveState(context, { ...states, volume: volumeOf(ref), described: described.volume });
          return await sizedDisk(driver, volumeOf(ref), record);
        },
        more: snapshotWrites(ref, { snapshots: described.snapshots, record }),
      });
    },
  });
}

interface Described {
  volume: IndexVolume;
  snapshots: IndexVolume[];
}

/** What is said of the states that come; times of snapshots that nobody tells follow each other. */
function describedIn(
  index: Record<string, unknown>,
  { offer, post, now }: { offer: Header; post: StorageVolumesPost; now: number },
): Described {
  const all = index["VolumeSnapshots"];
  const kept = (Array.isArray(all) ? all : []).map(readVolume);
  const volume = index["Volume"] === undefined
    // older servers describe nothing: whoever asks for the volume has seen its settings
    ? { name: post.name, config: post.config ?? {} }
    : readVolume(index["Volume"]);
  return {
    volume,
    snapshots: offer.snapshots.map((offered, index) => {
      const { name, created_at = new Date(now + index).toISOString(), expires_at } = describedSnapshot(
        offered,
      );
      const plain = { name, config: volume.config ?? {}, created_at, ...expires_at && { expires_at } };
      return { ...plain, ...kept.find((one) => one.name === name) };
    }),
  };
}

function snapshotWrites(
  ref: VolumeRef,
  { snapshots, record }: { snapshots: readonly IndexVolume[]; record: VolumeRecord },
): Write[] {
  return snapshots.map((snapshot) => {
    const value = snapshotRecord(record, snapshot);
    return {
      key: snapshotKey(ref, snapshot.name),
      value: { ...value, config: { ...value.config, ...mapKeys(record.config) } },
    };
  });
}

/** `bytes` that a disk may have beyond its size: storage that others use rounds up */
const rounding = 4 << 20;

/**
 * Bytes that may come where a volume is a disk: what the record here or the other server says. Of a disc, which has no
 * such setting, those there is room for.
 *
 * @throws {DreyError} `FORBIDDEN` if the project has no place for so much
 */
async function announcedBytes(
  context: Context,
  ref: VolumeRef,
  { record, offer, described: { volume, snapshots } }: {
    record: VolumeRecord;
    offer: Header;
    described: Described;
  },
): Promise<number> {
  const { content_type } = record;
  if (content_type === "filesystem") return Infinity;
  const said = [record, volume, ...snapshots].map(({ config = {} }) => sizeOf({ content_type, config }) ?? 0);
  const size = Math.max(...said, offer.volumeSize ?? 0);
  if (size === 0) {
    await using pool = await openPool(context, ref.pool);
    const { space } = await pool.driver.space();
    return space.total - space.used;
  }
  await mustAllowIn(context, ref.project, {
    volume: { ...ref, config: { ...record.config, size: String(size) } },
  });
  return size + rounding;
}

interface State {
  pool: OpenPool;
  /** of the volume here */
  record: VolumeRecord;
  offer: Header;
  channels: Channels;
  signal: AbortSignal;
  progress: Progress;
  /** `bytes` that a disk may have */
  limit: number;
  /** of the volume, for people */
  name: string;
  volume: Volume;
  described: IndexVolume;
}

/** Receives one state into a volume that is there. */
async function receiveState(context: Context, state: State): Promise<void> {
  const { pool, record, offer, channels, signal, progress, limit, name, volume, described } = state;
  if (record.content_type !== "filesystem") {
    const path = diskOf(pool.driver, volume, record.content_type);
    return await receiveDisk(path, { frames: channels.fs, signal, counted: progress.of(name), limit });
  }
  const theirs = idsIn(described);
  const ours = await mapOf(context, record);
  const receiving = receivingMap(theirs, { ours, layout: await readLayout(context.user) });
  const features = commonFeatures(offer.features);
  await receiveTree(context, { pool, channels, signal, progress, receiving, features, volume, what: name });
}

/** The ids that files come with; none if they are those inside. */
function idsIn({ config = {} }: IndexVolume): IdMap {
  const map = config["volatile.idmap.last"];
  if (!map) return { uids: [], gids: [] };
  try {
    return parseMap(map);
  } catch (cause) {
    throw new DreyError("BAD_REQUEST", {
      message: "The other server describes the ids of the volume in no way that can be read",
      cause,
    });
  }
}

/** Makes a volume what the other server's is now. */
async function refresh(
  context: Context,
  ref: VolumeRef,
  { post, channels, task }: Coming,
): Promise<void> {
  await using progress = progressOf(task);
  const present = await loadVolume(context, ref);
  const { content_type } = present.value;
  await together(channels, task.signal, {
    isTold: false,
    agree: async () => {
      if ((post.content_type || "filesystem") !== content_type) {
        throw new DreyError("BAD_REQUEST", {
          message: "Cannot refresh a volume from one of another content type",
        });
      }
      await mustRest(context, ref, "refresh");
      const isAlone = post.source?.volume_only ?? false;
      return await acceptOffer(channels, {
        way: wayOf(content_type),
        choose: (offer) => missingHere(context, ref, { offer, isAlone }),
      });
    },
    carry: async (offer, signal) => {
      const index = await readIndex(channels, { ...offer, refresh: true });
      const described = describedIn(index, { offer, post, now: context.now().getTime() });
      const limit = await announcedBytes(context, ref, { record: present.value, offer, described });
      await replace(context, ref, { present, described, offer, channels, signal, progress, limit });
    },
  });
}

type Replacing = Pick<State, "offer" | "channels" | "signal" | "progress" | "limit"> & {
  present: Entry<VolumeRecord>;
  described: Described;
};

/** Puts what comes in the place of a volume: it stands beside it until all of it has come. */
async function replace(
  context: Context,
  ref: VolumeRef,
  { present: { value: record, revision }, described: { volume: last, snapshots }, ...coming }: Replacing,
): Promise<void> {
  await using hands = lazyFileRoot(context);
  await using pool = await openPool(context, ref.pool, hands);
  const { driver } = pool;
  const volume = volumeOf(ref);
  const intents = snapshots.map(({ name }): Intent => ({
    do: "remove",
    pool: ref.pool,
    volume: volumeOf(ref, name),
    unless: snapshotKey(ref, name),
  }));
  const key = volumeKey(ref);
  let value = record;
  await announcedAll(context, { intents, locks: [key] }, async (done) => {
    await withTemporaryVolume(context, { pool, kind: volume.kind }, async (beside) => {
      const states = { ...coming, pool, record, name: ref.name, volume: beside };
      await driver.clone(volume, beside);
      for (const described of snapshots) {
        await receiveState(context, { ...states, described });
        await driver.clone(beside, volumeOf(ref, described.name));
      }
      await receiveState(context, { ...states, described: last });
      value = await sizedDisk(driver, beside, record);
      await mustAllowIn(context, ref.project, { volume: { ...ref, config: value.config } });
      await mustRest(context, ref, "refresh");
      await driver.clone(beside, volume);
      await holdToSize(driver, volume, record);
    });
    const source = volumeAddress(ref);
    const isKept = await context.store.commit([{ key, revision }], [
      { key, value },
      ...snapshotWrites(ref, { snapshots, record }),
      ...done,
      lifecycleWrite(context, { project: ref.project, action: "storage-volume-updated", source }),
    ]);
    if (!isKept) throw volumeChanged(ref);
  });
}

/** Snapshots that are to come; those that the other server has not, or not any more as they were, go. */
async function missingHere(
  context: Context,
  ref: VolumeRef,
  { offer, isAlone }: { offer: Header; isAlone: boolean },
): Promise<{ snapshots: OfferedSnapshot[]; refresh: boolean }> {
  if (isAlone) return { snapshots: [], refresh: true };
  for (const { name } of offer.snapshots) validateSnapshotName(name);
  const kept: string[] = [];
  for (const { name, record: { created_at } } of await listSnapshotRecords(context, ref)) {
    // LXD does not say when a volume's snapshots were made
    const isHere = (offered: OfferedSnapshot) =>
      offered.createdAt === 0 ? offered.name === name : isSame(offered, { name, created_at });
    if (offer.snapshots.some(isHere)) kept.push(name);
    else await deleteLocked(context, ref, name);
  }
  return { snapshots: offer.snapshots.filter(({ name }) => !kept.includes(name)), refresh: true };
}
