// Renaming and deleting backups, and sending them out.

import { dirname } from "@std/path";
import { validateSnapshotName } from "../../config/names.ts";
import { DreyError } from "../../errors.ts";
import { removeIfThere } from "../../sys/present.ts";
import type { Operation } from "../../wire/operation.ts";
import type { Context } from "../context.ts";
import { emitLifecycle, lifecycleWrite } from "../events.ts";
import { startOperation } from "../operations.ts";
import { backupAddress, backupFile, backupKey, loadBackup, type Subject } from "./record.ts";

const action = ({ kind }: Subject, what: string) =>
  `${kind === "instance" ? "instance" : "storage-volume"}-backup-${what}`;

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
    resources: { [subject.kind === "instance" ? "instances" : "storage_volumes"]: [subject.address] },
    run: async () => {
      await using _lock = await context.store.lock(subject.key);
      const { value, revision } = await loadBackup(context, subject, name);
      // a link first, so that the file is there under whichever name counts
      const [from, target] = [backupFile(context, subject, name), backupFile(context, subject, to)];
      if (await context.store.get(backupKey(subject, to)) !== undefined) throw taken(subject, to);
      removeIfThere(target);
      await Deno.link(from, target);
      const done = await context.store.commit([{ key: backupKey(subject, name), revision }], [
        { key: backupKey(subject, name), delete: true },
        { key: backupKey(subject, to), value },
        lifecycleWrite(context, {
          project: subject.project,
          action: action(subject, "renamed"),
          source: backupAddress(subject, to),
          context: { old_name: `${subject.name}/${name}` },
        }),
      ]);
      removeIfThere(done ? from : target);
      if (!done) throw taken(subject, to);
    },
  });
}

const taken = ({ title }: Subject, name: string) =>
  new DreyError("ALREADY_EXISTS", { message: `The ${title} has a backup "${name}" already` });

/** Deletes a backup, as an operation. @throws {DreyError} `NOT_FOUND` */
export async function deleteBackup(context: Context, subject: Subject, name: string): Promise<Operation> {
  await loadBackup(context, subject, name);
  return await startOperation(context, {
    project: subject.project,
    description: subject.kind === "instance" ? "Removing instance backup" : "Deleting custom volume backup",
    resources: { [subject.kind === "instance" ? "instances" : "storage_volumes"]: [subject.address] },
    run: () => removeBackup(context, subject, name),
  });
}

/** Deletes a backup. @throws {DreyError} `NOT_FOUND` */
export async function removeBackup(context: Context, subject: Subject, name: string): Promise<void> {
  await using _lock = await context.store.lock(subject.key);
  const { revision } = await loadBackup(context, subject, name);
  await remove(context, subject, { name, revision });
}

async function remove(
  context: Context,
  subject: Subject,
  { name, revision }: { name: string; revision: number },
): Promise<void> {
  const key = backupKey(subject, name);
  const done = await context.store.commit([{ key, revision }], [
    { key, delete: true },
    lifecycleWrite(context, {
      project: subject.project,
      action: action(subject, "deleted"),
      source: backupAddress(subject, name),
    }),
  ]);
  if (!done) return;
  const path = backupFile(context, subject, name);
  removeIfThere(path);
  removeEmpty(dirname(path));
}

function removeEmpty(directory: string): void {
  try {
    Deno.removeSync(directory);
  } catch {
    // there are others in it, or it is gone already
  }
}

/** The file of a backup. @throws {DreyError} `NOT_FOUND` */
export async function openBackup(
  context: Context,
  subject: Subject,
  name: string,
): Promise<{ file: Deno.FsFile; size: number }> {
  await loadBackup(context, subject, name);
  const file = await Deno.open(backupFile(context, subject, name));
  await emitLifecycle(context, {
    project: subject.project,
    action: action(subject, "retrieved"),
    source: backupAddress(subject, name),
  });
  return { file, size: (await file.stat()).size };
}
