// The root volumes of instances and their snapshots, as the API shows them among the volumes of a pool: made and deleted
// with their instance, never by themselves. What can be noted on them is in root_notes.ts.

import { DreyError } from "../../errors.ts";
import type { Entry } from "../../store/store.ts";
import { inProject } from "../../wire/address.ts";
import { shownExpiry } from "../../wire/expiry.ts";
import type { StorageVolume, StorageVolumeSnapshot, StorageVolumeState } from "../../wire/storage_volume.ts";
import type { Context, Ref } from "../context.ts";
import { expand } from "../instances/expand.ts";
import { instanceAddress, instanceKey, type InstanceRecord } from "../instances/record.ts";
import { rootSize } from "../instances/root_size.ts";
import { volumeOf } from "../instances/volume_of.ts";
import { listRecords, loadSnapshot, nameOf, type SnapshotRecord } from "../instances/snapshots/record.ts";
import { openPool } from "../storage_pools/open.ts";

/** A root volume as it is asked for: `name` is the instance's, in a project. */
export interface RootName extends Ref {
  pool: string;
  type: string;
}

/** Root volumes and their snapshots; of all pools, of all projects where none is named. */
export async function listRoots(
  context: Context,
  { pool, project }: { pool?: string | undefined; project?: string | undefined },
): Promise<StorageVolume[]> {
  const under = (prefix: string) => project === undefined ? [prefix] : [prefix, project];
  const isWanted = (value: InstanceRecord) => pool === undefined || value.pool === pool;
  const instances = await context.store.list<InstanceRecord>(under("instances"));
  const snapshots = await context.store.list<SnapshotRecord>(under("instance_snapshots"));
  const whole = instances.filter(({ key, value }) => key.length === 3 && isWanted(value));
  const kept = snapshots.filter(({ key, value }) => key.length === 4 && isWanted(value));
  return [...whole, ...kept].map(({ key: [, project = "", name = "", snapshot], value }) =>
    shape({ project, name }, value, snapshot)
  );
}

function shape({ project, name }: Ref, record: InstanceRecord, snapshot?: string): StorageVolume {
  const user = instanceAddress(name) + (snapshot === undefined ? "" : `/snapshots/${snapshot}`);
  return {
    name: snapshot === undefined ? name : `${name}/${snapshot}`,
    description: record.volume?.description ?? "",
    type: record.type,
    pool: record.pool,
    content_type: contentOf(record),
    project,
    location: "none",
    created_at: record.created_at,
    config: record.volume?.config ?? {},
    used_by: [inProject(user, project)],
  };
}

const contentOf = ({ type }: InstanceRecord) => type === "container" ? "filesystem" : "block";

/** @throws {DreyError} `NOT_FOUND` */
export async function getRoot(context: Context, name: RootName): Promise<StorageVolume> {
  return shape(name, (await loadRoot(context, name)).value);
}

/** The record of the instance whose root it is. @throws {DreyError} `NOT_FOUND` */
export async function loadRoot(
  context: Context,
  { project, pool, type, name }: RootName,
): Promise<Entry<InstanceRecord>> {
  const entry = await context.store.get<InstanceRecord>(instanceKey({ project, name }));
  if (entry !== undefined && entry.value.pool === pool && entry.value.type === type) return entry;
  throw new DreyError("NOT_FOUND", { message: `Storage volume "${name}" not found in pool "${pool}"` });
}

/** Snapshots of a root volume, the oldest first. @throws {DreyError} `NOT_FOUND` for the volume */
export async function listRootSnapshots(context: Context, name: RootName): Promise<StorageVolumeSnapshot[]> {
  await loadRoot(context, name);
  return (await listRecords(context, name)).map((entry) => snapshotShape(nameOf(entry), entry.value));
}

/** @throws {DreyError} `NOT_FOUND` */
export async function getRootSnapshot(
  context: Context,
  name: RootName,
  snapshot: string,
): Promise<StorageVolumeSnapshot> {
  await loadRoot(context, name);
  return snapshotShape(snapshot, (await loadSnapshot(context, name, snapshot)).value);
}

function snapshotShape(name: string, record: SnapshotRecord): StorageVolumeSnapshot {
  const { created_at, expires_at, volume: { description, config } = { description: "", config: {} } } =
    record;
  const content_type = contentOf(record);
  return { name, description, content_type, created_at, expires_at: shownExpiry(expires_at), config };
}

/**
 * The space a root takes, and the size that its disk was given, whether or not something holds it to that.
 *
 * @throws {DreyError} `NOT_FOUND`
 */
export async function rootState(context: Context, name: RootName): Promise<StorageVolumeState> {
  const { value: record } = await loadRoot(context, name);
  const { devices } = await expand(context, name.project, record);
  await using pool = await openPool(context, record.pool);
  const used = await pool.driver.usage(volumeOf(name));
  const total = rootSize(devices);
  return { usage: { used, ...(total === undefined ? {} : { total }) } };
}
