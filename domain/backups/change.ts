// Renaming and deleting backups, and sending them out.

import { validateSnapshotName } from "../../config/names.ts";
import { removeIfThere } from "../../sys/present.ts";
import type { Operation } from "../../wire/operation.ts";
import type { Context } from "../context.ts";
import { lockIfFree } from "../lock_if_free.ts";
import { startOperation } from "../operations.ts";
import {
  backupEvent,
  backupFile,
  backupKey,
  type BackupRecord,
  backupTaken,
  isOver,
  loadBackup,
  mustBeFree,
  resourcesOf,
  type Subject,
} from "./record.ts";
import { withFiles } from "./unrecorded.ts";

/** Renames a backup, as an operation. @throws {DreyError} `NOT_FOUND`, `ALREADY_EXISTS`, `BAD_REQUEST` */
export async function renameBackup(
  context: Context,
  subject: Subject,
  { name, to }: { name: string; to: string },
): Promise<Operation> {
  validateSnapshotName(to);
  await loadBackup(context, subject, name);
  return await startOperation(context, {
    project: subject.project,
    description: subject.kind === "instance" ? "Renaming instance backup" : "Renaming custom volume backup",
    resources: resourcesOf(subject),
    run: () => rename(context, subject, { name, to }),
  });
}

async function rename(
  context: Context,
  subject: Subject,
  { name, to }: { name: string; to: string },
): Promise<void> {
  await using _lock = await context.store.lock(subject.key);
  const { value, revision } = await loadBackup(context, subject, name);
  await mustBeFree(context, subject, to);
  await withFiles(context, [subject], async () => {
    // a link first, so that the file is there under whichever name counts
    const [from, target] = [backupFile(context, subject, name), backupFile(context, subject, to)];
    removeIfThere(target);
    await Deno.link(from, target);
    const done = await context.store.commit([{ key: backupKey(subject, name), revision }], [
      { key: backupKey(subject, name), delete: true },
      { key: backupKey(subject, to), value },
      backupEvent(context, subject, {
        what: "renamed",
        name: to,
        context: { old_name: `${subject.name}/${name}` },
      }),
    ]);
    if (!done) throw backupTaken(subject, to);
  });
}

/** Deletes a backup, as an operation. @throws {DreyError} `NOT_FOUND` */
export async function deleteBackup(context: Context, subject: Subject, name: string): Promise<Operation> {
  await loadBackup(context, subject, name);
  return await startOperation(context, {
    project: subject.project,
    description: subject.kind === "instance" ? "Removing instance backup" : "Deleting custom volume backup",
    resources: resourcesOf(subject),
    run: () => removeBackup(context, subject, name),
  });
}

/** Deletes a backup. @throws {DreyError} `NOT_FOUND` */
async function removeBackup(context: Context, subject: Subject, name: string): Promise<void> {
  await using _lock = await context.store.lock(subject.key);
  await remove(context, subject, { name, ...await loadBackup(context, subject, name) });
}

/** Deletes a backup if its time has come; that of something others are busy with another time. */
export async function removeIfOver(
  context: Context,
  subject: Subject,
  { name, now }: { name: string; now: string },
): Promise<void> {
  await using lock = await lockIfFree(context, subject.key);
  if (lock === undefined) return;
  const entry = await context.store.get<BackupRecord>(backupKey(subject, name));
  if (entry !== undefined && isOver(entry.value, now)) await remove(context, subject, { name, ...entry });
}

async function remove(
  context: Context,
  subject: Subject,
  { name, revision }: { name: string; revision: number },
): Promise<void> {
  const key = backupKey(subject, name);
  await withFiles(context, [subject], async () => {
    await context.store.commit([{ key, revision }], [
      { key, delete: true },
      backupEvent(context, subject, { what: "deleted", name }),
    ]);
  });
}

/** The file of a backup. @throws {DreyError} `NOT_FOUND` */
export async function openBackup(
  context: Context,
  subject: Subject,
  name: string,
): Promise<{ file: Deno.FsFile; size: number }> {
  await loadBackup(context, subject, name);
  using undo = new DisposableStack();
  const file = undo.use(await Deno.open(backupFile(context, subject, name)));
  const { size } = await file.stat();
  await context.store.commit([], [backupEvent(context, subject, { what: "retrieved", name })]);
  undo.move(); // from here it is the caller's
  return { file, size };
}
