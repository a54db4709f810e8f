// Volumes made of a file that a client sends.

import { validateVolumeName } from "../../config/names.ts";
import { DreyError } from "../../errors.ts";
import type { Operation } from "../../wire/operation.ts";
import type { Context } from "../context.ts";
import { receiveFile } from "../backups/receive.ts";
import { effectiveProject } from "../projects/effective.ts";
import { loadPool } from "../storage_pools/record.ts";
import { diskOf, emptyContent } from "./content.ts";
import { enterVolume, newRecord, volumeOperation } from "./create.ts";
import { lockVolume, taken, volumeKey, volumeOf, type VolumeRef } from "./record.ts";

export interface VolumeImport {
  pool: string;
  name: string;
  /** LXD's word for what the file is: `iso`, `backup`, `tar` */
  kind: string;
  content: ReadableStream<Uint8Array>;
}

/**
 * Makes a volume of a file, as an operation. The file is taken in before that is answered: it ends with the request.
 *
 * @throws {DreyError} `BAD_REQUEST`, `ALREADY_EXISTS`, `NOT_SUPPORTED`
 */
export async function importVolume(
  context: Context,
  project: string,
  { pool, name, kind, content }: VolumeImport,
): Promise<Operation> {
  await loadPool(context, pool);
  const home = await effectiveProject(context, project, "storage.volumes");
  if (kind === "iso") return await importIso(context, { project: home, pool, name }, content);
  if (kind === "backup") {
    const { importVolumeBackup } = await import("../backups/import_volume.ts");
    return await importVolumeBackup(context, { project: home, pool, name }, content);
  }
  throw new DreyError("NOT_SUPPORTED", {
    message: `Storage volumes cannot be made of a file of type "${kind}" yet`,
  });
}

async function importIso(
  context: Context,
  ref: VolumeRef,
  content: ReadableStream<Uint8Array>,
): Promise<Operation> {
  validateVolumeName(ref.name);
  if (await context.store.get(volumeKey(ref)) !== undefined) throw taken(ref);
  await using undo = new AsyncDisposableStack();
  const file = undo.use(await receiveFile(context, "iso", content));
  const record = newRecord(context, { content_type: "iso" });
  const operation = await volumeOperation(context, ref, {
    description: "Creating storage volume",
    run: async () => {
      await using _file = file;
      await using _lock = await lockVolume(context, ref);
      await enterVolume(context, ref, {
        record,
        make: async ({ driver }) => {
          const { size } = await Deno.stat(file.path);
          await driver.create(volumeOf(ref), { ...await emptyContent(context, record), expected: size });
          await Deno.copyFile(file.path, diskOf(driver, volumeOf(ref), "iso"));
        },
      });
    },
  });
  undo.move();
  return operation;
}
