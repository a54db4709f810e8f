// Backups of instances and of custom volumes as the API shows them, and what becomes of them when their owner goes.

import { exists } from "../sys/present.ts";
import type { Write } from "../store/store.ts";
import type { InstanceBackup, VolumeBackup } from "../wire/backup.ts";
import { shownExpiry } from "../wire/expiry.ts";
import type { Context } from "./context.ts";
import { join } from "@std/path";
import { type BackupRecord, backupsRoot, listBackups, loadBackup, type Subject } from "./backups/record.ts";

/** A backup of an instance. */
export function instanceShape(name: string, record: BackupRecord): InstanceBackup {
  const { created_at, expires_at, alone, optimized } = record;
  return {
    name,
    created_at,
    expires_at: shownExpiry(expires_at),
    instance_only: alone,
    container_only: alone,
    optimized_storage: optimized,
  };
}

/** A backup of a custom volume. */
export function volumeShape(name: string, record: BackupRecord): VolumeBackup {
  const { created_at, expires_at, alone, optimized } = record;
  return {
    name,
    created_at,
    expires_at: shownExpiry(expires_at),
    volume_only: alone,
    optimized_storage: optimized,
  };
}

/** All backups of a thing. @throws {DreyError} `NOT_FOUND` */
export async function backupsOf<T>(
  context: Context,
  subject: Subject,
  shape: (name: string, record: BackupRecord) => T,
): Promise<T[]> {
  return (await listBackups(context, subject)).map(({ name, record }) => shape(name, record));
}

/** @throws {DreyError} `NOT_FOUND` */
export async function backupOf<T>(
  context: Context,
  { subject, name }: { subject: Subject; name: string },
  shape: (name: string, record: BackupRecord) => T,
): Promise<T> {
  return shape(name, (await loadBackup(context, subject, name)).value);
}

/** Writes that forget the backups of a thing that goes; then {@link removeFiles} removes them. */
export async function forgetBackups(context: Context, { prefix }: Subject): Promise<Write[]> {
  return (await context.store.list(prefix)).map(({ key }) => ({ key, delete: true as const }));
}

/** Removes the files of a thing's backups. */
export function removeFiles(context: Context, { directory }: Subject): void {
  const path = join(backupsRoot(context), directory);
  if (exists(path)) Deno.removeSync(path, { recursive: true });
}

/** Writes that make the backups of a thing those of what it is called now; then {@link moveFiles} moves them. */
export async function backupsFollow(context: Context, from: Subject, to: Subject): Promise<Write[]> {
  const entries = await context.store.list(from.prefix);
  return entries.flatMap(({ key, value }): Write[] => [
    { key, delete: true },
    { key: [...to.prefix, key.at(-1) ?? ""], value },
  ]);
}

/** Moves the files of a thing's backups to its new name. */
export function moveFiles(context: Context, from: Subject, to: Subject): void {
  const [old, now] = [from, to].map(({ directory }) => join(backupsRoot(context), directory));
  if (old === undefined || now === undefined || !exists(old)) return;
  Deno.mkdirSync(join(now, ".."), { recursive: true, mode: 0o700 });
  Deno.renameSync(old, now);
}
