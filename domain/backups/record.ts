// What drey remembers of backups, and where their files lie. A backup belongs to an instance or to a custom volume.

import { join } from "@std/path";
import { DreyError } from "../../errors.ts";
import type { Entry, Key, Write } from "../../store/store.ts";
import type { Context, Ref } from "../context.ts";
import { lifecycleWrite } from "../events.ts";
import { directoryName, instanceAddress, instanceKey } from "../instances/record.ts";
import { volumeAddress, volumeKey, type VolumeRef } from "../storage_volumes/record.ts";

export interface BackupRecord {
  created_at: string;
  /** empty for never */
  expires_at: string;
  /** without snapshots */
  alone: boolean;
  optimized: boolean;
}

/** What a backup is of. */
export interface Subject {
  kind: "instance" | "volume";
  project: string;
  name: string;
  /** for errors: `instance "web"` */
  title: string;
  /** key of the thing itself, which is its lock too */
  key: Key;
  /** prefix of its backups */
  prefix: Key;
  /** address without the project */
  address: string;
  /** directory of its files below `backups` */
  directory: string;
}

/** An instance as what backups are of. */
export function instanceSubject(ref: Ref): Subject {
  return {
    kind: "instance",
    ...ref,
    title: `instance "${ref.name}"`,
    key: instanceKey(ref),
    prefix: ["instance_backups", ref.project, ref.name],
    address: instanceAddress(encodeURIComponent(ref.name)),
    directory: join("instances", directoryName(ref)),
  };
}

/** A custom volume as what backups are of. */
export function volumeSubject(ref: VolumeRef): Subject {
  return {
    kind: "volume",
    project: ref.project,
    name: ref.name,
    title: `storage volume "${ref.name}"`,
    key: volumeKey(ref),
    prefix: ["volume_backups", ref.project, ref.pool, ref.name],
    address: volumeAddress(ref),
    directory: join("custom", ref.pool, `${ref.project}_${ref.name}`),
  };
}

export const backupKey = ({ prefix }: Subject, name: string): Key => [...prefix, name];
export const backupAddress = ({ address }: Subject, name: string): string =>
  `${address}/backups/${encodeURIComponent(name)}`;

export const backupsRoot = (context: Context): string => join(context.paths.state, "backups");
export const backupFile = (context: Context, subject: Subject, name: string): string =>
  join(backupsRoot(context), subject.directory, name);

/** Whether the time of a backup has come. */
export const isOver = ({ expires_at }: BackupRecord, now: string): boolean =>
  expires_at !== "" && expires_at <= now;

/** What operations on a thing's backups are about. */
export const resourcesOf = ({ kind, address }: Subject): Record<string, string[]> => ({
  [kind === "instance" ? "instances" : "storage_volumes"]: [address],
});

/** Says what became of a backup, as part of a commit. */
export const backupEvent = (
  context: Context,
  subject: Subject,
  { what, name, ...more }: {
    what: "created" | "renamed" | "deleted" | "retrieved";
    name: string;
    context?: Record<string, unknown>;
  },
): Write =>
  lifecycleWrite(context, {
    project: subject.project,
    action: `${subject.kind === "instance" ? "instance" : "storage-volume"}-backup-${what}`,
    source: backupAddress(subject, name),
    ...more,
  });

/** Backups of a thing, the oldest first. */
export async function listBackups(
  context: Context,
  subject: Subject,
): Promise<{ name: string; record: BackupRecord }[]> {
  await mustExist(context, subject);
  const entries = await context.store.list<BackupRecord>(subject.prefix);
  return entries.map(({ key, value }) => ({ name: key.at(-1) ?? "", record: value }))
    .sort((a, b) => a.record.created_at < b.record.created_at ? -1 : 1);
}

/** @throws {DreyError} `NOT_FOUND` */
export async function loadBackup(
  context: Context,
  subject: Subject,
  name: string,
): Promise<Entry<BackupRecord>> {
  await mustExist(context, subject);
  const entry = name === "" ? undefined : await context.store.get<BackupRecord>(backupKey(subject, name));
  if (entry !== undefined) return entry;
  throw new DreyError("NOT_FOUND", { message: `The ${subject.title} has no backup "${name}"` });
}

/** @throws {DreyError} `ALREADY_EXISTS` */
export async function mustBeFree(context: Context, subject: Subject, name: string): Promise<void> {
  if (await context.store.get(backupKey(subject, name)) !== undefined) throw backupTaken(subject, name);
}

export const backupTaken = ({ title }: Subject, name: string): DreyError =>
  new DreyError("ALREADY_EXISTS", { message: `The ${title} has a backup "${name}" already` });

/** @throws {DreyError} `NOT_FOUND` */
async function mustExist(context: Context, { key, title }: Subject): Promise<void> {
  if (await context.store.get(key) !== undefined) return;
  throw new DreyError("NOT_FOUND", { message: `${title[0]?.toUpperCase()}${title.slice(1)} not found` });
}
