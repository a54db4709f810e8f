// Backups of instances and of custom volumes as the API shows them, and what becomes of them when their owner goes.

import { exists, namesIn, removeIfThere } from "../sys/present.ts";
import type { Write } from "../store/store.ts";
import type { InstanceBackup, VolumeBackup } from "../wire/backup.ts";
import { shownExpiry } from "../wire/expiry.ts";
import type { Context } from "./context.ts";
import { join } from "@std/path";
import { finishLater, noteIntent } from "./intents.ts";
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

/** What forgets the backups of a thing that goes. */
export interface Forgetting {
  writes: Write[];
  /** to be called after the commit of the writes */
  removeFiles(): Promise<void>;
}

/** Forgets the backups of a thing that goes. The caller holds its lock. */
export async function forgetBackups(context: Context, subject: Subject): Promise<Forgetting> {
  const { directory, prefix, key } = subject;
  const entries = await context.store.list(prefix);
  if (entries.length === 0 && !exists(join(backupsRoot(context), directory))) {
    return { writes: [], removeFiles: () => Promise.resolve() };
  }
  const of = [{ directory, prefix }];
  const noted = noteIntent({ do: "backups", of }, [key]);
  return {
    writes: [...entries.map(({ key }): Write => ({ key, delete: true })), noted.write],
    async removeFiles() {
      const { removeUnrecorded } = await import("./backups/unrecorded.ts");
      await finishLater(context, noted, () => removeUnrecorded(context, of));
    },
  };
}

/** Has a thing's backups follow it to another name: `work` commits {@link backupsFollow}. The caller holds both locks. */
export async function followedByBackups(
  context: Context,
  { from, to }: { from: Subject; to: Subject },
  work: () => Promise<void>,
): Promise<void> {
  const [old, now] = [from, to].map(({ directory }) => join(backupsRoot(context), directory)) as [
    string,
    string,
  ];
  const names = namesIn(old);
  if (names.length === 0) return await work();
  const { withFiles } = await import("./backups/unrecorded.ts");
  await withFiles(context, [from, to], async () => {
    // links first, so that the files are there under whichever name counts
    Deno.mkdirSync(now, { recursive: true, mode: 0o700 });
    for (const name of names) {
      removeIfThere(join(now, name));
      Deno.linkSync(join(old, name), join(now, name));
    }
    await work();
  });
}

/** Writes that make the backups of a thing those of what it is called now. */
export async function backupsFollow(context: Context, from: Subject, to: Subject): Promise<Write[]> {
  const entries = await context.store.list(from.prefix);
  return entries.flatMap(({ key, value }): Write[] => [
    { key, delete: true },
    { key: [...to.prefix, key.at(-1) ?? ""], value },
  ]);
}
