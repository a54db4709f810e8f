// Storage volumes as the API shows them: custom ones, and the root volumes of instances.

import { DreyError } from "../errors.ts";
import type { StorageVolume, StorageVolumeState, VolumeType } from "../wire/storage_volume.ts";
import type { Context } from "./context.ts";
import { effectiveProject } from "./projects/effective.ts";
import { openPool } from "./storage_pools/open.ts";
import { loadPool } from "./storage_pools/record.ts";
import { diskOf, sizeOf } from "./storage_volumes/content.ts";
import {
  loadVolume,
  refOfKey,
  volumeOf,
  type VolumeRecord,
  type VolumeRef,
  type VolumeSnapshotRecord,
} from "./storage_volumes/record.ts";
import { getRoot, listRoots, rootState } from "./storage_volumes/roots.ts";
import { usersByVolume, volumeUsers } from "./storage_volumes/users.ts";

/** A volume as it is asked for. */
export interface VolumeName {
  pool: string;
  type: string;
  name: string;
}

export interface VolumesWanted {
  /** all pools without it */
  pool?: string;
  type?: string;
  /** all projects without it */
  project?: string;
}

/** LXD keeps images in volumes; here no list has any. */
const typeOfImages = "image";
const types: readonly VolumeType[] = ["custom", "container", "virtual-machine"];

/** @throws {DreyError} `BAD_REQUEST` for a type LXD does not know */
export function volumeType(text: string): VolumeType {
  const found = types.find((type) => type === text);
  if (found !== undefined) return found;
  throw new DreyError("BAD_REQUEST", { message: `Invalid storage volume type "${text}"` });
}

/**
 * The custom volume that a request in a project means.
 *
 * @throws {DreyError} `BAD_REQUEST` for the root volume of an instance, which is changed with its instance
 */
export async function customRef(context: Context, project: string, name: VolumeName): Promise<VolumeRef> {
  if (volumeType(name.type) !== "custom") {
    throw new DreyError("BAD_REQUEST", {
      message: `Storage volumes of type "${name.type}" are changed with their instance`,
    });
  }
  await loadPool(context, name.pool);
  const home = await effectiveProject(context, project, "storage.volumes");
  return { project: home, pool: name.pool, name: name.name };
}

/** Volumes with their snapshots, by type and name. */
export async function listVolumes(context: Context, wanted: VolumesWanted): Promise<StorageVolume[]> {
  if (wanted.pool !== undefined) await loadPool(context, wanted.pool);
  if (wanted.type === typeOfImages) return [];
  const type = wanted.type === undefined ? undefined : volumeType(wanted.type);
  const custom = type === undefined || type === "custom" ? await customVolumes(context, wanted) : [];
  const roots = type === "custom" ? [] : await listRoots(context, wanted);
  const rank = ({ type, name, pool, project }: StorageVolume) => `${type}\0${name}\0${pool}\0${project}`;
  return [...custom, ...roots.filter((volume) => type === undefined || volume.type === type)]
    .sort((a, b) => rank(a) < rank(b) ? -1 : 1);
}

async function customVolumes(context: Context, { pool, project }: VolumesWanted): Promise<StorageVolume[]> {
  const home = project === undefined
    ? undefined
    : await effectiveProject(context, project, "storage.volumes");
  const under = (prefix: string) =>
    home === undefined ? [prefix] : [prefix, home, ...(pool === undefined ? [] : [pool])];
  const wanted = async <T extends VolumeRecord>(prefix: string) =>
    (await context.store.list<T>(under(prefix)))
      .map(({ key, value }) => ({ ref: refOfKey(key), key, value }))
      .filter(({ ref }) => pool === undefined || ref.pool === pool);
  const volumes = await wanted<VolumeRecord>("volumes");
  const snapshots = await wanted<VolumeSnapshotRecord>("volume_snapshots");
  if (volumes.length === 0) return [];
  const usersOf = await usersByVolume(context, new Set(volumes.map(({ ref }) => ref.project)));
  return [
    ...volumes.map(({ ref, value }) => shape(ref, value, usersOf(ref))),
    ...snapshots.map(({ ref, key, value }) => ({
      ...shape(ref, value, []),
      name: `${ref.name}/${key[4]}`,
    })),
  ];
}

/** @throws {DreyError} `NOT_FOUND` */
export async function getVolume(context: Context, project: string, name: VolumeName): Promise<StorageVolume> {
  if (volumeType(name.type) !== "custom") {
    return await getRoot(context, { ...name, project });
  }
  const ref = await customRef(context, project, name);
  const { value } = await loadVolume(context, ref);
  return shape(ref, value, await volumeUsers(context, ref));
}

function shape(ref: VolumeRef, record: VolumeRecord, used_by: string[]): StorageVolume {
  const { description, content_type, created_at, config } = record;
  return {
    name: ref.name,
    description,
    type: "custom",
    pool: ref.pool,
    content_type,
    project: ref.project,
    location: "none",
    created_at,
    config,
    used_by,
  };
}

/**
 * The space a volume takes.
 *
 * @throws {DreyError} `NOT_FOUND`
 */
export async function volumeState(
  context: Context,
  project: string,
  name: VolumeName,
): Promise<StorageVolumeState> {
  if (volumeType(name.type) !== "custom") {
    return await rootState(context, { ...name, project });
  }
  const ref = await customRef(context, project, name);
  const { value } = await loadVolume(context, ref);
  await using pool = await openPool(context, ref.pool);
  const used = await pool.driver.usage(volumeOf(ref));
  const total = value.content_type === "iso"
    ? (await Deno.stat(diskOf(pool.driver, volumeOf(ref), "iso"))).size
    : sizeOf(value);
  return { usage: { used, ...(total === undefined ? {} : { total }) } };
}
