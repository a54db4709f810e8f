// Copies of custom volumes within a server: with their snapshots or without, between pools, brought up to date later.

import { withoutEmpty } from "../../config/key.ts";
import { DreyError } from "../../errors.ts";
import { copyTree } from "../../storage/copy_tree.ts";
import type { Driver, Hands, Volume } from "../../storage/driver.ts";
import type { Write } from "../../store/store.ts";
import type { Config } from "../../wire/instance.ts";
import type { Operation } from "../../wire/operation.ts";
import { validateVolumeConfig } from "../../config/volume_keys.ts";
import type { Context } from "../context.ts";
import { lifecycleWrite } from "../events.ts";
import { lazyFileRoot } from "../instances/file_root.ts";
import { announcedAll, type Intent } from "../intents.ts";
import { mustAllowIn } from "../projects/allow.ts";
import { type OpenPool, openPool } from "../storage_pools/open.ts";
import { withTemporaryVolume } from "../storage_pools/temporary.ts";
import { diskOf, emptyContent, sizeOf, treeOf } from "./content.ts";
import { enterVolume, type Joining, userConfig, volumeOperation } from "./create.ts";
import {
  listSnapshotRecords,
  loadSnapshot,
  loadVolume,
  lockBoth,
  snapshotKey,
  taken,
  volumeAddress,
  volumeChanged,
  volumeKey,
  volumeOf,
  type VolumeRecord,
  type VolumeRef,
  type VolumeSnapshotRecord,
} from "./record.ts";
import { holdToSize, makeVolume, noteNewSize, sizedDisk } from "./size.ts";
import { deleteLocked } from "./snapshots.ts";
import { mustRest } from "./users.ts";

export interface Copying {
  from: VolumeRef;
  /** a snapshot to copy instead of the volume as it is */
  snapshot?: string;
  to: VolumeRef;
  volumeOnly: boolean;
  refresh: boolean;
  /** settings of the copy, if not those of the source */
  config?: Config;
  description?: string;
}

/**
 * Copies a volume, as an operation.
 *
 * @throws {DreyError} `NOT_FOUND` for the source, `ALREADY_EXISTS`
 */
export async function copyVolume(context: Context, copying: Copying): Promise<Operation> {
  const { from, to, snapshot, refresh } = copying;
  const { value: source } = snapshot === undefined
    ? await loadVolume(context, from)
    : await loadSnapshot(context, from, snapshot);
  const given = withoutEmpty(copying.config ?? {});
  validateVolumeConfig(source.content_type, given);
  if (!refresh) mustNotShrink(source, given);
  const there = await context.store.get(volumeKey(to));
  if (there !== undefined && !refresh) throw taken(to);
  return await volumeOperation(context, to, {
    description: "Copying storage volume",
    run: async (task) => {
      await using _locks = await lockBoth(context, from, to);
      if (refresh && await context.store.get(volumeKey(to)) !== undefined) {
        return await bringUpToDate(context, copying);
      }
      await copyLocked(context, copying);
      const warnings = await noteNewSize(context, to);
      if (warnings.length > 0) await task.update({ warnings });
    },
  });
}

function mustNotShrink({ content_type, config }: VolumeRecord, wanted: Config): void {
  if (content_type !== "block" || wanted["size"] === undefined) return;
  if ((sizeOf({ content_type, config: wanted }) ?? 0) >= (sizeOf({ content_type, config }) ?? 0)) return;
  throw new DreyError("BAD_REQUEST", { message: "Block volumes cannot be shrunk" });
}

interface Kept {
  name: string;
  record: VolumeSnapshotRecord;
}

/** Copies a volume whose lock the caller holds, as well as that of the new one. `join` is for the same commit. */
export async function copyLocked(
  context: Context,
  copying: Copying,
  join?: () => Promise<Joining>,
): Promise<void> {
  const { from, to, snapshot, volumeOnly } = copying;
  const { value: source } = snapshot === undefined
    ? await loadVolume(context, from)
    : await loadSnapshot(context, from, snapshot);
  const snapshots = volumeOnly || snapshot !== undefined ? [] : await listSnapshotRecords(context, from);
  const record: VolumeRecord = {
    description: copying.description ?? source.description,
    content_type: source.content_type,
    created_at: context.now().toISOString(),
    config: { ...copiedConfig(source, copying.config), "volatile.uuid": crypto.randomUUID() },
  };
  await using hands = lazyFileRoot(context);
  await using origin = await openPool(context, from.pool, hands);
  await enterVolume(context, to, {
    record,
    make: async (pool) => {
      await transfer(context, {
        pools: { origin, target: pool },
        hands,
        record,
        from: volumeOf(from, snapshot),
        to: volumeOf(to),
        snapshots: snapshots.map(({ name }) => name),
      });
      return await sizedDisk(pool.driver, volumeOf(to), record);
    },
    more: snapshots.map(({ name, record }) => snapshotWrite(to, { name, record })),
    join,
  });
}

/** As in LXD, settings that are given stand in the place of all that the source has; what its content is stays. */
function copiedConfig({ config, content_type }: VolumeRecord, given?: Config): Config {
  if (given === undefined) return config;
  const size: Config = content_type !== "filesystem" && config["size"] ? { size: config["size"] } : {};
  return { ...mapKeys(config), ...size, ...userConfig(withoutEmpty(given)) };
}

const snapshotWrite = (to: VolumeRef, { name, record }: Kept): Write => ({
  key: snapshotKey(to, name),
  value: { ...record, config: { ...record.config, "volatile.uuid": crypto.randomUUID() } },
});

interface Transfer {
  pools: { origin: OpenPool; target: OpenPool };
  hands: Hands;
  /** of the new volume */
  record: VolumeRecord;
  from: Volume;
  to: Volume;
  /** the oldest first */
  snapshots: readonly string[];
}

/** Brings files from one volume to another, which is replaced. Within a pool the driver knows the shortest way. */
async function transfer(context: Context, transfer: Transfer): Promise<void> {
  const { pools: { origin, target }, record, from, to, snapshots } = transfer;
  if (origin.name === target.name) {
    for (const snapshot of snapshots) {
      await target.driver.clone({ ...from, snapshot }, { ...to, snapshot });
    }
    await target.driver.clone(from, to);
    return await holdToSize(target.driver, to, record);
  }
  for (const snapshot of snapshots) {
    await fill(context, transfer, { ...from, snapshot });
    await target.driver.snapshot({ ...to, snapshot });
  }
  await fill(context, transfer, from);
}

/** Makes a volume of another pool's. */
async function fill(
  context: Context,
  { pools: { origin, target }, hands, record, to }: Omit<Transfer, "from" | "snapshots">,
  source: Volume,
): Promise<void> {
  const content = await emptyContent(context, record);
  const extent = await origin.driver.extent(source);
  await target.driver.mustHold(extent);
  await makeVolume(target.driver, to, { expected: extent, ...content });
  await copyTree(hands, treeOf(origin.driver, source), treeOf(target.driver, to));
}

/** The same in the place of a volume that counts until the new one is whole: what comes from afar is made beside it. */
async function replace(context: Context, replacing: Transfer): Promise<void> {
  const { pools: { origin, target: pool }, record, from, to, snapshots } = replacing;
  if (origin.name === pool.name) return await transfer(context, replacing);
  await withTemporaryVolume(context, { pool, kind: to.kind }, async (beside) => {
    const making = { ...replacing, to: beside };
    for (const snapshot of snapshots) {
      await fill(context, making, { ...from, snapshot });
      await pool.driver.clone(beside, { ...to, snapshot });
    }
    await fill(context, making, from);
    await pool.driver.clone(beside, to);
    await holdToSize(pool.driver, to, record);
  });
}

/** Makes an existing copy what its origin is now: snapshots that are missing come, those gone there go. */
async function bringUpToDate(context: Context, { from, to, snapshot, volumeOnly }: Copying): Promise<void> {
  if (snapshot !== undefined) {
    throw new DreyError("BAD_REQUEST", { message: "Cannot refresh a volume from a snapshot" });
  }
  await mustRest(context, to, "refresh");
  const { value: source } = await loadVolume(context, from);
  const { value: record, revision } = await loadVolume(context, to);
  if (source.content_type !== record.content_type) {
    throw new DreyError("BAD_REQUEST", {
      message: "Cannot refresh a volume from one of another content type",
    });
  }
  const there = volumeOnly ? [] : await listSnapshotRecords(context, from);
  const here = volumeOnly ? [] : await listSnapshotRecords(context, to);
  const isSame = (a: Kept, b: Kept) => a.name === b.name && a.record.created_at === b.record.created_at;
  const gone = here.filter((one) => !there.some((other) => isSame(one, other)));
  const missing = there.filter((one) => !here.some((other) => isSame(one, other)));
  await using hands = lazyFileRoot(context);
  await using origin = await openPool(context, from.pool, hands);
  await using target = await openPool(context, to.pool, hands);
  const mapped = { ...record, config: { ...record.config, ...mapKeys(source.config) } };
  const updated = await asLargeAs(origin.driver, volumeOf(from), mapped);
  await mustAllowIn(context, to.project, { volume: { ...to, config: updated.config } });
  for (const { name } of gone) await deleteLocked(context, to, name);
  const key = volumeKey(to);
  const intents = missing.map(({ name }): Intent => ({
    do: "remove",
    pool: to.pool,
    volume: volumeOf(to, name),
    unless: snapshotKey(to, name),
  }));
  await announcedAll(context, { intents, locks: [key] }, async (done) => {
    await replace(context, {
      pools: { origin, target },
      hands,
      record: updated,
      from: volumeOf(from),
      to: volumeOf(to),
      snapshots: missing.map(({ name }) => name),
    });
    const value = await sizedDisk(target.driver, volumeOf(to), updated);
    const isKept = await context.store.commit([{ key, revision }], [
      { key, value },
      ...missing.map((one) => snapshotWrite(to, one)),
      ...done,
      lifecycleWrite(context, {
        project: to.project,
        action: "storage-volume-updated",
        source: volumeAddress(to),
      }),
    ]);
    if (!isKept) throw volumeChanged(to);
  });
}

/** The record of a disk that is to have the content of another, which may be larger. */
async function asLargeAs(driver: Driver, origin: Volume, record: VolumeRecord): Promise<VolumeRecord> {
  if (record.content_type !== "block") return record;
  const { size } = await Deno.stat(diskOf(driver, origin, record.content_type));
  if (size <= (sizeOf(record) ?? 0)) return record;
  return { ...record, config: { ...record.config, size: String(size) } };
}

/** What the configuration says of the ids that files belong to. */
export const mapKeys = (config: Config): Config =>
  Object.fromEntries(Object.entries(config).filter(([key]) => key.startsWith("volatile.idmap.")));
