// Sending a custom volume, or a snapshot of it, to another server: its states, the oldest first, after a description of
// them all. LXD's lxd/migrate_storage_volumes.go.

import { receivingMap } from "./owners.ts";
import type { IdMap } from "../../idmap/map.ts";
import { type IdLayout, readLayout } from "../../idmap/ranges.ts";
import { type RsyncFeature, sendArgv } from "../../runtime/rsync.ts";
import type { Volume } from "../../storage/driver.ts";
import type { Config } from "../../wire/instance.ts";
import type { Operation } from "../../wire/operation.ts";
import type { VolumeContent } from "../../wire/storage_volume.ts";
import { describeVolume } from "../backups/describe.ts";
import type { BackupConfig } from "../backups/index_file.ts";
import { inProject } from "../../wire/address.ts";
import type { Context } from "../context.ts";
import { lazyFileRoot } from "../instances/file_root.ts";
import { startOnRoot } from "../instances/root_tar.ts";
import type { Task } from "../operations.ts";
import { type OpenPool, openPool } from "../storage_pools/open.ts";
import { withTemporaryVolume } from "../storage_pools/temporary.ts";
import { diskOf, mapOf } from "../storage_volumes/content.ts";
import {
  loadSnapshot,
  loadVolume,
  lockVolume,
  volumeAddress,
  volumeOf,
  type VolumeRecord,
  type VolumeRef,
} from "../storage_volumes/record.ts";
import { runningUsers } from "../storage_volumes/users.ts";
import { converse, type Progress, progressOf } from "./carry.ts";
import { type Channels, type Meeting, together } from "./channels.ts";
import { sendDisk } from "./disk_stream.ts";
import { commonFeatures, featuresHere, type Header, indexVersion, wayOf } from "./messages.ts";
import { startMigration } from "./operation.ts";
import { offeredSnapshot } from "./snapshots.ts";
import { agree, onlyWith, sendIndex } from "./source.ts";

/** What is asked to be sent. */
export interface SendingVolume {
  /** a snapshot instead of the volume */
  snapshot?: string;
  volumeOnly: boolean;
  target: Meeting | undefined;
}

/**
 * Starts to send a volume: to the operation of another server, or to whoever comes with the secrets of this one.
 *
 * @throws {DreyError} `NOT_FOUND`, `BAD_REQUEST`
 */
export async function sendVolume(
  context: Context,
  ref: VolumeRef,
  sending: SendingVolume,
): Promise<Operation> {
  await recordOf(context, ref, sending.snapshot);
  return await startMigration(context, {
    project: ref.project,
    description: "Migrating storage volume",
    resources: { storage_volumes: [inProject(volumeAddress(ref), ref.project)] },
    meeting: sending.target,
    work: async (channels, task) => {
      await using _lock = await lockVolume(context, ref, task.signal);
      await send(context, ref, { sending, channels, task });
    },
  });
}

async function recordOf(context: Context, ref: VolumeRef, snapshot?: string): Promise<VolumeRecord> {
  const { value } = snapshot === undefined
    ? await loadVolume(context, ref)
    : await loadSnapshot(context, ref, snapshot);
  return value;
}

interface Going {
  sending: SendingVolume;
  channels: Channels;
  task: Task;
}

async function send(context: Context, ref: VolumeRef, { sending, channels, task }: Going): Promise<void> {
  const { snapshot, volumeOnly } = sending;
  const { content_type, config, description } = await recordOf(context, ref, snapshot);
  const layout = await readLayout(context.user);
  const whole = await describeVolume(context, ref, { alone: volumeOnly, isOwn: true });
  const index = shown({ ...whole, volume: { ...whole.volume, name: ref.name, config, description } }, layout);
  await using hands = lazyFileRoot(context);
  await using pool = await openPool(context, ref.pool, hands);
  await using progress = progressOf(task);
  await together(channels, task.signal, {
    isTold: true,
    agree: () => agree(channels, offerOf(index, content_type)),
    carry: async (answer, signal) => {
      const names = (index.volume_snapshots ?? []).map(({ name }) => name);
      const wanted = answer.refresh ? answer.snapshotNames : names;
      const going = onlyWith(index, wanted);
      await sendIndex(channels, { index: going, answer });
      const features = commonFeatures(answer.features);
      const common = { pool, layout, content: content_type, features, channels, signal, progress };
      for (const { name, config = {} } of going.volume_snapshots ?? []) {
        const what = `${ref.name}/${name}`;
        await sendState(context, { ...common, volume: volumeOf(ref, name), config, what });
      }
      await atRest(context, { ref, pool, snapshot }, async (volume) => {
        const { config = {} } = going.volume ?? {};
        await sendState(context, { ...common, volume, config, what: ref.name });
      });
    },
  });
}

/** Without what counts on this server alone. */
function shown({ volume, volume_snapshots = [] }: BackupConfig, layout: IdLayout): BackupConfig {
  const plain = (config: Config = {}): Config =>
    Object.fromEntries(
      Object.entries(config).filter(([key]) => !key.startsWith("volatile.idmap.") || hasNumbers(layout)),
    );
  return {
    ...volume && { volume: { ...volume, config: plain(volume.config) } },
    volume_snapshots: volume_snapshots.map((one) => ({ ...one, config: plain(one.config) })),
  };
}

/** Whether files can be sent with the ids of this host. */
const hasNumbers = ({ kind }: IdLayout): boolean => kind !== "single";

function offerOf({ volume_snapshots = [] }: BackupConfig, content: VolumeContent): Header {
  return {
    way: wayOf(content),
    owners: { uids: [], gids: [] },
    snapshotNames: volume_snapshots.map(({ name }) => name),
    snapshots: volume_snapshots.map(({ name, config = {}, created_at, expires_at }) =>
      offeredSnapshot({ name, config, ...created_at && { created_at }, ...expires_at && { expires_at } })
    ),
    features: [...featuresHere],
    indexVersion,
  };
}

/** A volume that instances write to is copied first, and the copy is sent. */
async function atRest(
  context: Context,
  { ref, pool, snapshot }: { ref: VolumeRef; pool: OpenPool; snapshot: string | undefined },
  work: (volume: Volume) => Promise<void>,
): Promise<void> {
  const volume = volumeOf(ref, snapshot);
  if (snapshot !== undefined || (await runningUsers(context, ref)).length === 0) return await work(volume);
  await withTemporaryVolume(context, { pool, kind: volume.kind }, async (copy) => {
    await pool.driver.clone(volume, copy);
    await work(copy);
  });
}

interface State {
  pool: OpenPool;
  layout: IdLayout;
  volume: Volume;
  content: VolumeContent;
  /** as it was described */
  config: Config;
  features: readonly RsyncFeature[];
  channels: Channels;
  signal: AbortSignal;
  progress: Progress;
  /** for people */
  what: string;
}

async function sendState(context: Context, state: State): Promise<void> {
  const { pool: { driver }, volume, content, features, channels: { fs: frames }, signal, what } = state;
  signal.throwIfAborted();
  const sent = state.progress.of(what);
  if (content !== "filesystem") {
    return await sendDisk(diskOf(driver, volume, content), { frames, signal, counted: sent });
  }
  const program = await startOnRoot(context, {
    root: driver.shown(volume),
    map: await sendingMap(context, state),
    argv: (root) => sendArgv(root, features),
    program: "rsync",
  });
  await converse(program, { frames, signal, sent });
}

/** Files go with the ids that LXD takes the description to speak of: those of this host, where it has such. */
async function sendingMap(context: Context, { config, layout }: State): Promise<IdMap> {
  const map = await mapOf(context, { config });
  if (config["volatile.idmap.last"] === undefined) return map;
  return receivingMap(map, { ours: map, layout }).map;
}
