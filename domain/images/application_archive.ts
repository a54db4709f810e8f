// Application images as archives: taken in from one, and given out as one. The fingerprint stays that of the manifest,
// from which all the rest follows, wherever the image came from.

import { join } from "@std/path";
import { DreyError } from "../../errors.ts";
import { openOciArchive } from "../../images/oci_archive.ts";
import type { OciDocument } from "../../images/oci.ts";
import { bytesOf } from "../../sys/file_bytes.ts";
import { exists } from "../../sys/present.ts";
import type { Context } from "../context.ts";
import { mustStack, type NewApplication, recordApplication } from "./applications.ts";
import { blobsDirectory } from "./directories.ts";
import { openStage } from "./files.ts";
import { wantedArchitecture } from "./kept.ts";
import { unpackLayersAhead } from "./layers_ahead.ts";
import type { ImageRecord } from "./records.ts";

interface Wish extends Pick<NewApplication, "amend" | "aliases"> {
  /** the fingerprint the image must have */
  expected?: string;
}

/**
 * Makes an archive an image of a project.
 *
 * @throws {DreyError} `IMAGE_INVALID`, `ALREADY_EXISTS`, `NOT_FOUND` if it has no image for this architecture
 */
export async function takeInArchive(
  context: Context,
  project: string,
  { archive: path, expected, ...wish }: Wish & { archive: string },
): Promise<ImageRecord> {
  await using stage = await openStage(context, "archive");
  const architecture = await wantedArchitecture(context, project);
  const archive = await openOciArchive(path, { directory: stage.path, architecture });
  const fingerprint = archive.digest.slice("sha256:".length);
  if (expected !== undefined && expected !== fingerprint) {
    throw new DreyError("IMAGE_INVALID", {
      message: `Cannot use the image: its fingerprint is ${fingerprint}, but ${expected} was expected`,
    });
  }
  const { name, manifest, config, raw } = archive;
  mustStack(name || fingerprint, manifest);
  await using ahead = await unpackLayersAhead(context);
  for (const { digest, size } of new Map(manifest.layers.map((layer) => [layer.digest, layer])).values()) {
    const sha256 = digest.slice("sha256:".length);
    // what another image has brought was looked through then
    if (exists(join(blobsDirectory(context), sha256))) continue;
    const layer = join(stage.path, sha256);
    const onward = ahead.file({ sha256, size, urls: [] }, layer);
    for await (const chunk of bytesOf(layer)) await onward.pass(chunk);
    onward.end();
  }
  await ahead.check();
  const document: OciDocument = { oci: 1, name, manifest, config, raw };
  const record = await recordApplication(context, project, {
    fingerprint,
    document,
    staging: stage.path,
    ...wish,
  });
  await ahead.keep();
  return record;
}

/**
 * An application image as an archive.
 *
 * @param name what whoever reads it is to call the image
 * @throws {DreyError} `NOT_SUPPORTED` for an image of an earlier drey, which kept less of it
 */
export async function archiveOf(
  context: Context,
  { fingerprint, document, name }: { fingerprint: string; document: OciDocument; name: string },
): Promise<{ size: number; bytes(): AsyncIterable<Uint8Array> }> {
  const { areTrue, ociArchive } = await import("../../images/oci_archive.ts");
  const { manifest, raw } = document;
  const digest = `sha256:${fingerprint}`;
  if (raw === undefined || !await areTrue(raw, { manifest: digest, config: manifest.config.digest })) {
    throw new DreyError("NOT_SUPPORTED", {
      message: `Cannot export image "${fingerprint}": its manifest was not kept as it came`,
      hint: "Delete the image and fetch it again",
    });
  }
  const layer = (digest: string) => join(blobsDirectory(context), digest.slice("sha256:".length));
  return ociArchive({ digest, name, manifest, raw, layer });
}
