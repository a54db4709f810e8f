// An instance or a custom volume as LXD's index of a backup has it.

import type { Config } from "../../wire/instance.ts";
import type { Context, Ref } from "../context.ts";
import { expand } from "../instances/expand.ts";
import { loadRecord } from "../instances/record.ts";
import { listRecords, nameOf } from "../instances/snapshots/record.ts";
import { loadPool, type PoolRecord } from "../storage_pools/record.ts";
import { formatMap } from "../../idmap/map.ts";
import { mapOf } from "../storage_volumes/content.ts";
import {
  listSnapshotRecords,
  loadVolume,
  type VolumeRecord,
  type VolumeRef,
} from "../storage_volumes/record.ts";
import type { BackupConfig, BackupIndex, IndexInstance, IndexVolume } from "./index_file.ts";

const never = "0001-01-01T00:00:00Z";

/** What of `volatile.*` means something on another server; LXD refuses a backup with keys it does not know. */
const travels =
  /^volatile\.(base_image|uuid|apply_template|cloud-init\.instance-id|last_state\.power|[^.]+\.(hwaddr|name))$/;

/** In a backup files have the owners they have inside: LXD's name for that is an empty map. */
function portable(config: Config, map = "[]"): Config {
  const kept = Object.entries(config).filter(([key]) => !key.startsWith("volatile.") || travels.test(key));
  return { ...Object.fromEntries(kept), "volatile.last_state.idmap": map };
}

/** How much is said. */
export interface Wish {
  /** without the snapshots */
  alone: boolean;
  /** for this very drey and this host: everything, where a backup says what means something elsewhere too */
  isOwn?: boolean;
  /** the ids that files have in the backup, if those are the host's */
  map?: string;
}

/** The description of an instance, of its snapshots too unless it goes `alone`. */
export async function describeInstance(
  context: Context,
  ref: Ref,
  { alone, isOwn = false, map }: Wish,
): Promise<BackupConfig> {
  const shown = (config: Config) => isOwn ? config : portable(config, map);
  const { value: record } = await loadRecord(context, ref);
  const { config, devices } = await expand(context, ref.project, record);
  const snapshots = alone ? [] : await listRecords(context, ref);
  const { value: pool } = await loadPool(context, record.pool);
  const volume: IndexVolume = {
    name: ref.name,
    type: "container",
    content_type: "filesystem",
    description: record.volume?.description ?? "",
    config: { ...record.volume?.config },
  };
  const instance = {
    name: ref.name,
    description: record.description,
    type: record.type,
    architecture: record.architecture,
    status: "Stopped",
    status_code: 102,
    created_at: record.created_at,
    last_used_at: record.last_used_at,
    ephemeral: record.ephemeral,
    stateful: false,
    profiles: record.profiles,
    config: shown(record.config),
    devices: record.devices,
    expanded_config: shown(config),
    expanded_devices: devices,
    location: "none",
    project: ref.project,
  };
  const kept = snapshots.map((entry): IndexInstance => ({
    name: nameOf(entry),
    architecture: entry.value.architecture,
    created_at: entry.value.created_at,
    expires_at: entry.value.expires_at || never,
    last_used_at: entry.value.last_used_at,
    ephemeral: entry.value.ephemeral,
    profiles: entry.value.profiles,
    ...(isOwn ? { description: entry.value.description } : {}),
    config: shown(entry.value.config),
    devices: entry.value.devices,
  }));
  return {
    container: instance,
    snapshots: kept,
    pool: poolShape(record.pool, pool),
    volume,
    volume_snapshots: snapshots.map((entry): IndexVolume => ({
      name: nameOf(entry),
      description: entry.value.volume?.description ?? "",
      content_type: "filesystem",
      config: { ...entry.value.volume?.config },
      created_at: entry.value.created_at,
      expires_at: entry.value.expires_at || never,
    })),
  };
}

const poolShape = (name: string, { driver, description, config }: PoolRecord) => ({
  name,
  driver,
  description,
  config,
});

/** The description of a custom volume; `hasHostIds` says that the files of the backup belong to ids of this host. */
export async function describeVolume(
  context: Context,
  ref: VolumeRef,
  { alone, isOwn = false, hasHostIds = false }: Pick<Wish, "alone" | "isOwn"> & { hasHostIds?: boolean },
): Promise<BackupConfig> {
  const { value: record } = await loadVolume(context, ref);
  const snapshots = alone ? [] : await listSnapshotRecords(context, ref);
  const plain = async (record: VolumeRecord): Promise<Config> => {
    if (isOwn) return record.config;
    const kept = Object.entries(record.config).filter(([key]) => !key.startsWith("volatile.idmap."));
    if (!hasHostIds) return Object.fromEntries(kept);
    const map = formatMap(await mapOf(context, record));
    return { ...Object.fromEntries(kept), "volatile.idmap.last": map, "volatile.idmap.next": map };
  };
  return {
    ...(isOwn ? { pool: poolShape(ref.pool, (await loadPool(context, ref.pool)).value) } : {}),
    volume: {
      name: ref.name,
      description: record.description,
      type: "custom",
      content_type: record.content_type,
      config: await plain(record),
      created_at: record.created_at,
      ...(isOwn ? { project: ref.project } : {}),
    },
    volume_snapshots: await Promise.all(snapshots.map(async ({ name, record }) => ({
      name,
      description: record.description,
      content_type: record.content_type,
      config: await plain(record),
      created_at: record.created_at,
      expires_at: record.expires_at || never,
    }))),
  };
}

/** The whole index. */
export async function indexOf(
  context: Context,
  { name, pool, type, config }: Pick<BackupIndex, "name" | "pool" | "type" | "config">,
): Promise<BackupIndex> {
  const { value: { driver } } = await loadPool(context, pool);
  const snapshots = type === "custom" ? config.volume_snapshots : config.snapshots;
  return {
    name,
    backend: driver,
    pool,
    snapshots: (snapshots ?? []).map(({ name }) => name),
    optimized: false,
    optimized_header: false,
    type,
    config,
  };
}
