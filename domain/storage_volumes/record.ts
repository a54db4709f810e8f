// What drey remembers of a custom storage volume and of its snapshots, and where they lie.

import { DreyError } from "../../errors.ts";
import { changedMeanwhile } from "../changed.ts";
import type { Volume } from "../../storage/driver.ts";
import type { Entry, Key } from "../../store/store.ts";
import type { Config } from "../../wire/instance.ts";
import type { VolumeContent } from "../../wire/storage_volume.ts";
import type { Context } from "../context.ts";

/** Names a custom volume. */
export interface VolumeRef {
  /** the project that has it */
  project: string;
  pool: string;
  name: string;
}

export interface VolumeRecord {
  description: string;
  content_type: VolumeContent;
  created_at: string;
  /** includes `volatile.*` keys */
  config: Config;
}

export interface VolumeSnapshotRecord extends VolumeRecord {
  /** empty for never */
  expires_at: string;
}

export const volumeKey = ({ project, pool, name }: VolumeRef): Key => ["volumes", project, pool, name];
export const snapshotsKey = ({ project, pool, name }: VolumeRef): Key => [
  "volume_snapshots",
  project,
  pool,
  name,
];
export const snapshotKey = (ref: VolumeRef, snapshot: string): Key => [...snapshotsKey(ref), snapshot];

/** The volume of a record's key, or of a snapshot's. */
export const refOfKey = ([, project = "", pool = "", name = ""]: Key): VolumeRef => ({ project, pool, name });

/** Address of a volume without its project. */
export function volumeAddress({ pool, name }: VolumeRef, type = "custom"): string {
  return `/1.0/storage-pools/${encodeURIComponent(pool)}/volumes/${type}/${encodeURIComponent(name)}`;
}

export const snapshotAddress = (ref: VolumeRef, snapshot: string): string =>
  `${volumeAddress(ref)}/snapshots/${encodeURIComponent(snapshot)}`;

/** What the driver calls it. LXD puts the project in front of custom volumes always. */
export function volumeOf({ project, name }: VolumeRef, snapshot?: string): Volume {
  const volume: Volume = { kind: "custom", name: `${project}_${name}` };
  return snapshot === undefined ? volume : { ...volume, snapshot };
}

/** File of a volume that is a disk, in its directory. */
export const imageFile = (content: "block" | "iso"): string => content === "iso" ? "root.iso" : "root.img";

/** @throws {DreyError} `NOT_FOUND` */
export async function loadVolume(context: Context, ref: VolumeRef): Promise<Entry<VolumeRecord>> {
  const entry = ref.name === "" ? undefined : await context.store.get<VolumeRecord>(volumeKey(ref));
  if (entry !== undefined) return entry;
  throw new DreyError("NOT_FOUND", {
    message: `Storage volume "${ref.name}" not found in pool "${ref.pool}"`,
  });
}

/** @throws {DreyError} `NOT_FOUND` */
export async function loadSnapshot(
  context: Context,
  ref: VolumeRef,
  snapshot: string,
): Promise<Entry<VolumeSnapshotRecord>> {
  const entry = snapshot === ""
    ? undefined
    : await context.store.get<VolumeSnapshotRecord>(snapshotKey(ref, snapshot));
  if (entry !== undefined) return entry;
  throw new DreyError("NOT_FOUND", { message: `Storage volume "${ref.name}" has no snapshot "${snapshot}"` });
}

/** Snapshots of a volume, the oldest first. */
export async function listSnapshotRecords(
  context: Context,
  ref: VolumeRef,
): Promise<{ name: string; record: VolumeSnapshotRecord; revision: number }[]> {
  const entries = await context.store.list<VolumeSnapshotRecord>(snapshotsKey(ref));
  return entries.map(({ key, value, revision }) => ({ name: key[4] ?? "", record: value, revision }))
    .sort((a, b) => a.record.created_at < b.record.created_at ? -1 : 1);
}

/** Takes the lock of a volume: whoever changes it or its snapshots holds it meanwhile. */
export async function lockVolume(
  context: Context,
  ref: VolumeRef,
  signal?: AbortSignal,
): Promise<AsyncDisposable> {
  return await context.store.lock(volumeKey(ref), signal === undefined ? {} : { signal });
}

/** Takes the locks of two volumes, always in the same order. */
export async function lockBoth(context: Context, a: VolumeRef, b: VolumeRef): Promise<AsyncDisposable> {
  const rank = (ref: VolumeRef) => volumeKey(ref).join("/");
  const refs = rank(a) === rank(b) ? [a] : rank(a) < rank(b) ? [a, b] : [b, a];
  await using locks = new AsyncDisposableStack();
  for (const ref of refs) locks.use(await lockVolume(context, ref));
  const kept = locks.move();
  return { [Symbol.asyncDispose]: () => kept.disposeAsync() };
}

export const taken = (ref: VolumeRef): DreyError =>
  new DreyError("ALREADY_EXISTS", {
    message: `Storage volume "${ref.name}" already exists in pool "${ref.pool}"`,
  });

export const volumeChanged = (ref: VolumeRef): DreyError => changedMeanwhile(`Storage volume "${ref.name}"`);
