// From files that have arrived to an image of a project: checked from end to end, then recorded.

import { DreyError } from "../../errors.ts";
import { defaultMap } from "../../idmap/ranges.ts";
import type { ImageFiles, ScannedImage } from "../../images/scan.ts";
import type { ImageAlias } from "../../wire/image.ts";
import type { Context } from "../context.ts";
import { adoptImage } from "./files.ts";
import { newRecord } from "./new_record.ts";
import type { ImageRecord } from "./records.ts";

export interface Arrived {
  files: ImageFiles;
  fingerprint: string;
  /** bytes of all files */
  size: number;
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
  { files, fingerprint, size, expected, amend, aliases = [] }: Arrived & TakeInOptions,
): Promise<ImageRecord> {
  if (expected !== undefined && expected !== fingerprint) {
    throw new DreyError("IMAGE_INVALID", {
      message: `Cannot use the image: its fingerprint is ${fingerprint}, but ${expected} was expected`,
    });
  }
  const scanned = await scan(context, files);
  const record = amend(newRecord(context, { project, fingerprint, size, ...scanned }));
  await adoptImage(context, files, { record, aliases });
  return record;
}

async function scan(context: Context, files: ImageFiles): Promise<ScannedImage> {
  const { scanImage } = await import("../../images/scan.ts");
  const { openMappedRoot } = await import("../../idmap/holder.ts");
  await using undo = new AsyncDisposableStack();
  return await scanImage(files, async () => {
    return undo.use(await openMappedRoot(await defaultMap(context.user)));
  });
}
