// Receiving an instance from another server: its snapshots in the order of their making, then itself, all of them into
// one volume that counts once everything has come. LXD's lxd/migrate_instance.go.

import { DreyError } from "../../errors.ts";
import { formatMap, type IdMap, toHost } from "../../idmap/map.ts";
import { readLayout } from "../../idmap/ranges.ts";
import { receiveArgv, type RsyncFeature } from "../../runtime/rsync.ts";
import type { Hands, Volume } from "../../storage/driver.ts";
import type { Write } from "../../store/store.ts";
import type { InstancesPost } from "../../wire/instance.ts";
import type { Operation } from "../../wire/operation.ts";
import { recordOf, snapshotRecord } from "../backups/described.ts";
import type { IndexInstance } from "../backups/index_file.ts";
import { validateSnapshotName } from "../../config/names.ts";
import type { Context, Ref } from "../context.ts";
import { enterWithVolume, firstMap, refuseTaken, userConfig } from "../instances/create.ts";
import { lazyFileRoot } from "../instances/file_root.ts";
import {
  instanceAddress,
  instanceKey,
  type InstanceRecord,
  lockInstance,
  nicAddresses,
} from "../instances/record.ts";
import { startOnRoot } from "../instances/root_tar.ts";
import { applyRootSize } from "../instances/root_size.ts";
import { snapshotKey } from "../instances/snapshots/record.ts";
import { startLocked } from "../instances/start.ts";
import { templateTrigger } from "../instances/templates.ts";
import { volumeOf } from "../instances/volume_of.ts";
import type { Task } from "../operations.ts";
import { type OpenPool, openPool } from "../storage_pools/open.ts";
import { type Beside, keepBeside, withBeside } from "./beside.ts";
import { converse, type Progress, progressOf, readFrame, sendFrame } from "./carry.ts";
import { type Channels, type Meeting, together } from "./channels.ts";
import {
  commonFeatures,
  featuresHere,
  type Header,
  indexVersion,
  memoryByCriu,
  type OfferedSnapshot,
  readHeader,
  ways,
  writeHeader,
} from "./messages.ts";
import { startMigration } from "./operation.ts";
import { type Receiving, receivingMap } from "./owners.ts";
import { describedSnapshot } from "./snapshots.ts";

/**
 * Starts to receive an instance: from the operation of another server, or from whoever comes with the secrets of this
 * one.
 *
 * @throws {DreyError} `BAD_REQUEST`, `ALREADY_EXISTS`, `NOT_SUPPORTED` for its memory
 */
export async function receiveInstance(context: Context, ref: Ref, body: InstancesPost): Promise<Operation> {
  const { source } = body;
  if (source.live) {
    throw new DreyError("NOT_SUPPORTED", {
      message: `Cannot take instance "${ref.name}" with its memory: live migration is not supported`,
      hint: "Stop it first, or copy it without its memory: --stateless",
    });
  }
  const isThere = await context.store.get(instanceKey(ref)) !== undefined;
  const refreshing = source.refresh === true && isThere;
  if (!refreshing) await refuseTaken(context, ref);
  const { record, warnings } = await newRecord(context, ref, body);
  return await startMigration(context, {
    project: ref.project,
    description: "Creating instance",
    resources: { instances: [instanceAddress(ref.name)] },
    meeting: meetingOf(source),
    work: async (channels, task) => {
      await using _lock = await lockInstance(context, ref, task.signal);
      const coming = { body, record, channels, task };
      if (refreshing) {
        const { refreshInstance } = await import("./refresh.ts");
        return await refreshInstance(context, ref, coming);
      }
      await refuseTaken(context, ref);
      await receive(context, ref, coming);
      warnings.push(...await applyRootSize(context, ref));
      if (body.start) warnings.push(...await startLocked(context, ref));
      if (warnings.length > 0) await task.update({ warnings });
    },
  });
}

async function newRecord(context: Context, ref: Ref, body: InstancesPost) {
  const { config = {}, source: _source, ...rest } = body;
  const image = config["volatile.base_image"];
  const container: IndexInstance = {
    ...rest,
    name: ref.name,
    type: body.type || "container",
    config: {
      ...userConfig(config),
      ...nicAddresses(config),
      ...image && { "volatile.base_image": image },
      "volatile.uuid": crypto.randomUUID(),
    },
  };
  const { record, warnings } = await recordOf(context, ref, { container, wish: {} });
  record.config[templateTrigger] = "copy";
  return { record, warnings };
}

/** Where a source is met; nowhere if it is to come here. @throws {DreyError} `NOT_SUPPORTED` */
export function meetingOf(source: Meeting & { mode?: string }): Meeting | undefined {
  const mode = source.mode || "pull";
  if (mode === "pull") return source;
  if (mode === "push") return undefined;
  throw new DreyError("NOT_SUPPORTED", {
    message: `Mode "${mode}" is no way of a migration: pull or push is`,
  });
}

/** What comes in an operation. */
export interface Coming {
  body: InstancesPost;
  record: InstanceRecord;
  channels: Channels;
  task: Task;
}

async function receive(context: Context, ref: Ref, { record, channels, task }: Coming): Promise<void> {
  await using progress = progressOf(task);
  await together(channels, task.signal, {
    isTold: false,
    agree: () => acceptOffer(channels),
    carry: async (offer, signal) => {
      await readIndex(channels, offer);
      const { map, ids } = await firstMap(context, ref, record);
      await using _ids = ids;
      const snapshots = offer.snapshots;
      await using hands = lazyFileRoot(context);
      await using pool = await openPool(context, record.pool, hands);
      await enterWithVolume(context, ref, {
        record,
        make: async () => {
          await makeEmpty(pool, volumeOf(ref), map);
          const wanted = { pool, hands, map, offer, channels, signal, progress, name: ref.name };
          await receiveStates(context, wanted, async (state) => {
            for (const { name } of snapshots) {
              await state(volumeOf(ref), name);
              await pool.driver.snapshot({ ...volumeOf(ref), snapshot: name });
            }
            await state(volumeOf(ref));
          });
        },
        more: snapshotWrites(ref, { snapshots, record }),
      });
    },
  });
}

async function makeEmpty({ driver }: OpenPool, volume: Volume, map: IdMap): Promise<void> {
  const owner = { uid: toHost(map.uids, 0) ?? 0, gid: toHost(map.gids, 0) ?? 0, mode: 0o755 };
  await driver.create(volume, { map: formatMap(map), owner });
}

/** The records that come to be with the files of snapshots. */
export function snapshotWrites(
  ref: Ref,
  { snapshots, record }: { snapshots: readonly OfferedSnapshot[]; record: InstanceRecord },
): Write[] {
  const ownMap = record.config["volatile.last_state.idmap"];
  return snapshots.map((offered) => {
    const kept = snapshotRecord(describedSnapshot(offered), record);
    kept.config["volatile.uuid"] = crypto.randomUUID();
    if (ownMap !== undefined) kept.config["volatile.last_state.idmap"] = ownMap;
    return { key: snapshotKey(ref, offered.name), value: kept };
  });
}

/** How an offer is accepted. */
export interface Acceptance {
  /** which of the snapshots are to come, if not all */
  choose?: (offer: Header) => Promise<Pick<Header, "snapshots" | "refresh">>;
  /** of {@link ways} */
  way?: number;
}

/** Takes an offer and answers it. @throws {DreyError} `NOT_SUPPORTED` */
export async function acceptOffer(
  channels: Channels,
  { choose = (offer) => Promise.resolve(offer), way = ways.rsync }: Acceptance = {},
): Promise<Header> {
  const offer = readHeader(await channels.hear());
  if (offer.criu === memoryByCriu) {
    throw new DreyError("NOT_SUPPORTED", { message: "Live migration is not supported" });
  }
  if (offer.way === ways.blockAndRsync && way === ways.rsync) {
    throw new DreyError("NOT_SUPPORTED", {
      message: "Virtual machines that come as disks in LXD's format are not supported yet",
    });
  }
  if (offer.snapshots.length !== offer.snapshotNames.length) {
    throw new DreyError("BAD_REQUEST", {
      message: "The other server describes not all of the snapshots it has",
    });
  }
  // what is offered comes: whether snapshots do, the other end was told
  const { snapshots, refresh } = await choose(offer);
  for (const { name } of snapshots) validateSnapshotName(name);
  const answer: Header = {
    ...answerTo(offer),
    way,
    snapshotNames: snapshots.map(({ name }) => name),
    snapshots,
    refresh: refresh ?? false,
  };
  await channels.say(writeHeader(answer));
  return { ...offer, snapshots, snapshotNames: answer.snapshotNames, indexVersion: answer.indexVersion };
}

/** What is the same in every answer. */
const answerTo = (offer: Header): Omit<Header, "way"> => ({
  owners: { uids: [], gids: [] },
  snapshotNames: [],
  snapshots: [],
  features: featuresHere.filter((feature) => offer.features.includes(feature)),
  indexVersion: Math.min(offer.indexVersion, indexVersion),
});

/** `bytes` of a description at most */
const longestIndex = 16 << 20;

/** Takes the description of what follows, if there is one, and says that it has come. Its fields are LXD's. */
export async function readIndex(
  { fs }: Channels,
  { indexVersion, refresh = false }: Header,
): Promise<Record<string, unknown>> {
  if (indexVersion === 0) return {};
  const text = await readFrame(fs, longestIndex);
  await sendFrame(
    fs,
    new TextEncoder().encode(JSON.stringify({ StatusCode: 200, Error: "", Refresh: refresh })),
  );
  try {
    const { config } = JSON.parse(text) as { config?: Record<string, unknown> };
    return config ?? {};
  } catch (cause) {
    throw new DreyError("NETWORK", { message: "The other server described nothing that can be read", cause });
  }
}

/** What states are received with. */
export interface States {
  pool: OpenPool;
  hands: Hands;
  /** the ids of the instance here */
  map: IdMap;
  offer: Header;
  channels: Channels;
  signal: AbortSignal;
  progress: Progress;
  /** of the instance, for people */
  name: string;
}

/** Receives one state into a volume; `snapshot` is its name there. */
export type ReceiveState = (volume: Volume, snapshot?: string) => Promise<void>;

/** Receives states of an instance, each into a volume that is there. */
export async function receiveStates(
  context: Context,
  states: States,
  work: (receive: ReceiveState) => Promise<void>,
): Promise<void> {
  const { pool, hands, map, offer, name } = states;
  const receiving = receivingMap(offer.owners, { ours: map, layout: await readLayout(context.user) });
  const features = commonFeatures(offer.features);
  await withBeside(context, { pool, hands, map }, async (beside) => {
    await work(async (volume, snapshot) => {
      const what = snapshot === undefined ? name : `${name}/${snapshot}`;
      await receiveTree(context, { ...states, receiving, features, beside, volume, what });
      keepBeside(pool.driver, volume, await beside.read());
    });
  });
}

/** One tree that comes. */
export interface ComingTree extends Pick<States, "pool" | "channels" | "signal" | "progress"> {
  receiving: Receiving;
  features: readonly RsyncFeature[];
  volume: Volume;
  /** what stands around the root, if the tree has it as a directory */
  beside?: Beside;
  /** for people */
  what: string;
}

/** Receives a tree into a volume that is there. */
export async function receiveTree(context: Context, tree: ComingTree): Promise<void> {
  const { pool, receiving: { map, root: owners }, features, beside, volume, channels, signal, progress } =
    tree;
  signal.throwIfAborted();
  const program = await startOnRoot(context, {
    root: pool.driver.prepare(volume),
    map,
    argv: (root) => receiveArgv(root, features, owners),
    top: beside?.top,
    program: "rsync",
  });
  await converse(program, { frames: channels.fs, signal, received: progress.of(tree.what) });
}
