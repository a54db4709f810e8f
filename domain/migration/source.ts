// Sending an instance, or a snapshot of it, to another server: the files of each state as rsync(1) sees them, the oldest
// first, after a description of them all. LXD's lxd/migrate_instance.go.

import { DreyError } from "../../errors.ts";
import { type RsyncFeature, sendArgv } from "../../runtime/rsync.ts";
import type { Volume } from "../../storage/driver.ts";
import type { InstancePost } from "../../wire/instance.ts";
import type { Operation } from "../../wire/operation.ts";
import type { BackupConfig } from "../backups/index_file.ts";
import { describeInstance } from "../backups/describe.ts";
import { metadataFiles, stillVolume, yaml } from "../backups/parts.ts";
import type { Context, Ref } from "../context.ts";
import { lazyFileRoot } from "../instances/file_root.ts";
import { instanceAddress, loadRecord, lockInstance } from "../instances/record.ts";
import { mapOf, startOnRoot } from "../instances/root_tar.ts";
import { loadSnapshot } from "../instances/snapshots/record.ts";
import { currentState } from "../instances/status.ts";
import { volumeOf } from "../instances/volume_of.ts";
import type { Task } from "../operations.ts";
import { type OpenPool, openPool } from "../storage_pools/open.ts";
import { type Beside, withBeside } from "./beside.ts";
import { converse, type Progress, progressOf, readFrame, sendFrame } from "./carry.ts";
import { type Channels, type Meeting, together } from "./channels.ts";
import {
  commonFeatures,
  featuresHere,
  type Header,
  indexVersion,
  otherEnd,
  readHeader,
  ways,
  writeHeader,
} from "./messages.ts";
import { startMigration } from "./operation.ts";
import { offeredSnapshot } from "./snapshots.ts";

/** What is asked to be sent. */
export interface Sending {
  /** a snapshot instead of the instance */
  snapshot?: string;
  post: Pick<InstancePost, "live" | "instance_only" | "container_only"> & { target?: Meeting };
}

/**
 * Starts to send an instance: to the operation of another server, or to whoever comes with the secrets of this one.
 *
 * @throws {DreyError} `NOT_FOUND`; `NOT_SUPPORTED` for the memory of one that runs
 */
export async function sendInstance(context: Context, ref: Ref, sending: Sending): Promise<Operation> {
  const { snapshot, post: { target, live } } = sending;
  if (snapshot === undefined) await loadRecord(context, ref);
  else await loadSnapshot(context, ref, snapshot);
  if (live && snapshot === undefined && currentState(context, ref).status !== "Stopped") {
    throw refuseMemory(ref);
  }
  return await startMigration(context, {
    project: ref.project,
    description: "Migrating instance",
    resources: { instances: [instanceAddress(ref.name)] },
    meeting: target,
    work: async (channels, task) => {
      await using _lock = await lockInstance(context, ref, task.signal);
      await send(context, ref, { sending, channels, task });
    },
  });
}

const refuseMemory = ({ name }: Ref) =>
  new DreyError("NOT_SUPPORTED", {
    message: `Cannot send instance "${name}" with its memory while it runs: live migration is not supported`,
    hint: "Stop it first, or copy it without its memory: --stateless",
  });

interface Going {
  sending: Sending;
  channels: Channels;
  task: Task;
}

async function send(context: Context, ref: Ref, { sending, channels, task }: Going): Promise<void> {
  const { snapshot, post } = sending;
  const { value: record } = snapshot === undefined
    ? await loadRecord(context, ref)
    : await loadSnapshot(context, ref, snapshot);
  const alone = snapshot !== undefined || (post.instance_only ?? post.container_only ?? false);
  const index = await describeInstance(context, ref, { alone });
  await using hands = lazyFileRoot(context);
  await using pool = await openPool(context, record.pool, hands);
  await using still = snapshot === undefined
    ? await stillVolume(context, pool, ref)
    : { volume: volumeOf(ref, snapshot), [Symbol.asyncDispose]: () => Promise.resolve() };
  await using progress = progressOf(task);
  await together(channels, task.signal, {
    isTold: true,
    agree: () => agree(channels, offerOf(index)),
    carry: async (answer, signal) => {
      const wanted = snapshotsFor(answer, (index.snapshots ?? []).map(({ name }) => name));
      await sendIndex(channels, { index: onlyWith(index, wanted), answer });
      const map = mapOf(pool.driver, still.volume);
      const features = commonFeatures(answer.features);
      await withBeside(context, { pool, hands, map }, async (beside) => {
        const common = { pool, beside, features, channels, signal, progress, index, ref };
        for (const name of wanted) {
          await sendState(context, { ...common, volume: volumeOf(ref, name), name: `${ref.name}/${name}` });
        }
        await sendState(context, { ...common, volume: still.volume, name: ref.name });
      });
    },
  });
}

function offerOf({ snapshots = [] }: BackupConfig): Header {
  return {
    way: ways.rsync,
    // owners are sent as they are inside
    owners: { uids: [], gids: [] },
    snapshotNames: snapshots.map(({ name }) => name),
    snapshots: snapshots.map(offeredSnapshot),
    features: [...featuresHere],
    indexVersion,
  };
}

/** Makes an offer, and takes what the other end makes of it. @throws {DreyError} `NOT_SUPPORTED` */
export async function agree(channels: Channels, offer: Header): Promise<Header> {
  await channels.say(writeHeader(offer));
  const answer = readHeader(await channels.hear());
  if (answer.way === offer.way) return answer;
  const isDisk = answer.way === ways.blockAndRsync;
  throw new DreyError("NOT_SUPPORTED", {
    message: isDisk
      ? "The other server takes a virtual machine as a disk in LXD's format, which is not supported yet"
      : "The other server takes files in no way that is known here",
  });
}

/**
 * Names of the snapshots that are to be sent: in a refresh, what the other end lacks.
 *
 * @throws {DreyError} `FORBIDDEN` for one that was not offered: it would be a path here, to what belongs to others
 */
function snapshotsFor(
  { refresh, snapshotNames }: Header,
  offered: readonly string[],
): readonly string[] {
  if (!refresh) return offered;
  const strange = snapshotNames.find((name) => !offered.includes(name));
  if (strange === undefined) return snapshotNames;
  throw new DreyError("FORBIDDEN", {
    message: `The other server asks for "${strange}", which it was not offered`,
  });
}

/** What is described of the snapshots that are sent. */
export function onlyWith(index: BackupConfig, names: readonly string[]): BackupConfig {
  const isSent = ({ name }: { name: string }) => names.includes(name);
  return {
    ...index,
    ...index.snapshots && { snapshots: index.snapshots.filter(isSent) },
    ...index.volume_snapshots && { volume_snapshots: index.volume_snapshots.filter(isSent) },
  };
}

/** `bytes` of the answer to a description at most */
const longestAnswer = 1 << 20;

/** Sends the description of what follows, if the other end knows of such. @throws {DreyError} `OPERATION_FAILED` */
export async function sendIndex(
  { fs }: Channels,
  { index, answer }: { index: BackupConfig; answer: Header },
): Promise<void> {
  if (answer.indexVersion === 0) return;
  const { container, snapshots, pool, volume, volume_snapshots } = index;
  // LXD's names for these are those of its program's fields
  const config = {
    ...container && { Container: container },
    Snapshots: snapshots ?? [],
    ...pool && { Pool: pool },
    Volume: volume,
    VolumeSnapshots: volume_snapshots ?? [],
  };
  await sendFrame(fs, new TextEncoder().encode(JSON.stringify({ config })));
  const said = answerIn(await readFrame(fs, longestAnswer));
  if (said?.StatusCode === 200) return;
  throw otherEnd(String(said?.Error ?? ""));
}

/** An answer to a description. @throws {DreyError} `NETWORK` */
function answerIn(text: string): { StatusCode?: unknown; Error?: unknown } | null {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new DreyError("NETWORK", { message: "The other server answered nothing that can be read", cause });
  }
}

interface State {
  pool: OpenPool;
  volume: Volume;
  /** of the instance or snapshot, for people */
  name: string;
  beside: Beside;
  features: readonly RsyncFeature[];
  channels: Channels;
  signal: AbortSignal;
  progress: Progress;
  index: BackupConfig;
  ref: Ref;
}

async function sendState(context: Context, state: State): Promise<void> {
  const { pool: { driver }, volume, beside, features, channels, signal, progress, index, ref, name } = state;
  signal.throwIfAborted();
  const base = "state";
  const files = await metadataFiles(context, { ref, home: driver.home(volume), base });
  await beside.fill([
    ...files.map(({ name, text }) => ({ name: name.slice(base.length + 1), text })),
    { name: "backup.yaml", text: await yaml(index) },
  ]);
  const program = await startOnRoot(context, {
    root: driver.shown(volume),
    map: mapOf(driver, volume),
    argv: (root) => sendArgv(root, features),
    top: beside.top,
    program: "rsync",
  });
  await converse(program, { frames: channels.fs, signal, sent: progress.of(name) });
}
