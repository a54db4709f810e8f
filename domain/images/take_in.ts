// From files that have arrived to an image of a project: checked from end to end, recorded, and ready for its first
// instance.

import { DreyError } from "../../errors.ts";
import { defaultMap } from "../../idmap/ranges.ts";
import type { ImageFiles, ScannedImage } from "../../images/scan.ts";
import type { ImageAlias } from "../../wire/image.ts";
import type { Context } from "../context.ts";
import { type Ahead, unpackOnDisk } from "./ahead.ts";
import { adoptImage } from "./files.ts";
import { keepUnpacked } from "./lower.ts";
import { newRecord } from "./new_record.ts";
import type { ImageRecord } from "./records.ts";

export interface Arrived {
  files: ImageFiles;
  fingerprint: string;
  /** bytes of all files */
  size: number;
  /** has unpacked the files while they came */
  ahead?: Ahead;
}

export interface TakeInOptions {
  /** the fingerprint the image must have */
  expected?: string;
  /** what is known better than the image itself knows */
  amend(fresh: ImageRecord): ImageRecord;
  aliases?: ImageAlias[];
}

/**
 * Checks files and makes them an image.
 *
 * @throws {DreyError} `IMAGE_INVALID`, `ALREADY_EXISTS`
 */
export async function takeIn(
  context: Context,
  project: string,
  { files, fingerprint, size, ahead, expected, amend, aliases = [] }: Arrived & TakeInOptions,
): Promise<ImageRecord> {
  const isOther = expected !== undefined && expected !== fingerprint;
  const early = isOther ? undefined : await ahead?.outcome();
  if (early === undefined && await isArchive(files)) {
    const { takeInArchive } = await import("./application_archive.ts");
    const wish = { amend, aliases, ...expected !== undefined && { expected } };
    return await takeInArchive(context, project, { archive: files.metadata, ...wish });
  }
  if (isOther) {
    throw new DreyError("IMAGE_INVALID", {
      message: `Cannot use the image: its fingerprint is ${fingerprint}, but ${expected} was expected`,
    });
  }
  await using unpacked = early ?? await unpackOnDisk(context, files);
  // what was unpacked was looked through on the way
  const scanned = unpacked === undefined
    ? await scan(context, files)
    : { type: "container" as const, metadata: unpacked.image.metadata };
  const record = amend(newRecord(context, { project, fingerprint, size, ...scanned }));
  await adoptImage(context, files, { record, aliases });
  if (unpacked !== undefined) await keepUnpacked(context, fingerprint, unpacked);
  return record;
}

/** Whether it is an application image, which has layers instead of a root file system. */
async function isArchive({ metadata, rootfs }: ImageFiles): Promise<boolean> {
  if (rootfs !== undefined) return false;
  const { isOciArchive } = await import("../../images/oci_archive.ts");
  return await isOciArchive(metadata);
}

async function scan(context: Context, files: ImageFiles): Promise<ScannedImage> {
  const { scanImage } = await import("../../images/scan.ts");
  const { openMappedRoot } = await import("../../idmap/holder.ts");
  await using undo = new AsyncDisposableStack();
  return await scanImage(files, async () => {
    return undo.use(await openMappedRoot(await defaultMap(context.user)));
  });
}
