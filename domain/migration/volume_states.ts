// The states of a volume that comes from another server, its snapshots and itself: what is said of them, how much may
// come, and one of them into a volume that is there.

import { DreyError } from "../../errors.ts";
import { type IdMap, parseMap } from "../../idmap/map.ts";
import { readLayout } from "../../idmap/ranges.ts";
import type { Volume } from "../../storage/driver.ts";
import type { Write } from "../../store/store.ts";
import type { StorageVolumesPost } from "../../wire/storage_volume.ts";
import { snapshotRecord } from "../backups/import_volume.ts";
import { type IndexVolume, readVolume } from "../backups/index_file.ts";
import type { Context } from "../context.ts";
import type { Task } from "../operations.ts";
import { mustAllowIn } from "../projects/allow.ts";
import { type OpenPool, openPool } from "../storage_pools/open.ts";
import { diskOf, mapOf, sizeOf } from "../storage_volumes/content.ts";
import { mapKeys } from "../storage_volumes/copy.ts";
import { snapshotKey, type VolumeRecord, type VolumeRef } from "../storage_volumes/record.ts";
import type { Progress } from "./carry.ts";
import type { Channels } from "./channels.ts";
import { receiveDisk } from "./disk_stream.ts";
import { commonFeatures, type Header } from "./messages.ts";
import { receivingMap } from "./owners.ts";
import { receiveTree } from "./sink.ts";
import { describedSnapshot } from "./snapshots.ts";

/** A volume that another server sends. */
export interface Coming {
  post: StorageVolumesPost;
  channels: Channels;
  task: Task;
}

/** What is said of a volume and of its snapshots. */
export interface Described {
  volume: IndexVolume;
  snapshots: IndexVolume[];
}

/** What is said of the states that come; times of snapshots that nobody tells follow each other. */
export function describedIn(
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

/** The records of the snapshots that come, with the id map of the volume here. */
export function snapshotWrites(
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
export async function announcedBytes(
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

/** One of the states, with what it takes to receive it. */
export interface State {
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
export async function receiveState(context: Context, state: State): Promise<void> {
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
