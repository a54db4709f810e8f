// Application images becoming images of a project: the record of one is its manifest, its layers are shared.

import { join } from "@std/path";
import { DreyError } from "../../errors.ts";
import type { Manifest, OciDocument } from "../../images/oci.ts";
import { exists } from "../../sys/present.ts";
import type { ImageAlias } from "../../wire/image.ts";
import type { Context } from "../context.ts";
import { blobsDirectory } from "./directories.ts";
import { adoptImage, makeClosed } from "./files.ts";
import { layersLock } from "./layers.ts";
import { newRecord } from "./new_record.ts";
import type { ImageRecord } from "./records.ts";

/** An overlay of more could not be named in one mount(2), whose options fit one page. */
const mostLayers = 70;

/** @throws {DreyError} `NOT_SUPPORTED` for an image with more layers than an overlay takes */
export function mustStack(name: string, { layers }: Manifest): void {
  if (layers.length <= mostLayers) return;
  throw new DreyError("NOT_SUPPORTED", {
    message: `Cannot use image "${name}": it has ${layers.length} layers, and ${mostLayers} can be stacked`,
  });
}

export interface NewApplication {
  /** digest of the manifest, 64 hexadecimal digits */
  fingerprint: string;
  document: OciDocument;
  /** directory among the images that holds the blobs which are not here yet, and is removed afterwards */
  staging: string;
  amend(fresh: ImageRecord): ImageRecord;
  aliases?: ImageAlias[];
}

/**
 * Takes an application image in, whose layers have been looked through.
 *
 * @throws {DreyError} `ALREADY_EXISTS`
 */
export async function recordApplication(
  context: Context,
  project: string,
  { fingerprint, document, staging, amend, aliases = [] }: NewApplication,
): Promise<ImageRecord> {
  const { kernelArchitecture } = await import("../../images/metadata.ts");
  const { config, manifest: { layers } } = document;
  const file = join(staging, "document");
  await Deno.writeTextFile(file, JSON.stringify(document));
  await Deno.chmod(file, 0o644);
  await makeClosed(blobsDirectory(context));
  await using _lock = await context.store.lock(layersLock);
  for (const { digest } of layers) {
    const name = digest.slice("sha256:".length);
    const blob = join(blobsDirectory(context), name);
    if (!exists(blob)) await Deno.rename(join(staging, name), blob);
  }
  const record = amend(newRecord(context, {
    project,
    fingerprint,
    size: layers.reduce((sum, { size }) => sum + size, 0),
    type: "container",
    metadata: {
      architecture: kernelArchitecture(config.architecture) ?? Deno.build.arch,
      creation_date: Math.floor(Date.parse(config.created) / 1000),
      expiry_date: 0,
      properties: propertiesOf(document, document.name),
      templates: {},
    },
  }));
  await adoptImage(context, { metadata: file }, { record, aliases });
  return record;
}

/** What people see of an application image. */
export function propertiesOf({ config, name }: OciDocument, description: string): Record<string, string> {
  const version = config.labels["org.opencontainers.image.version"];
  return {
    type: "oci",
    id: name,
    description,
    architecture: config.architecture,
    ...config.ports.length > 0 && { exposed_ports: config.ports.join(",") },
    ...version && { version },
  };
}
