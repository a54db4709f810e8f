// The files of an image as they go out, in LXD's names for them.

import { extension, readFormat } from "../../images/archive.ts";
import type { OciDocument } from "../../images/oci.ts";
import type { Context } from "../context.ts";
import { emitLifecycle } from "../events.ts";
import { imageFiles } from "./files.ts";
import { readOci } from "./layers.ts";
import { findRecord, type ImageRecord } from "./records.ts";

export interface ExportedFile {
  /** name of the part it becomes: `metadata`, `rootfs`, or `rootfs.img` for a disk */
  part: "metadata" | "rootfs" | "rootfs.img";
  filename: string;
  /** in bytes */
  size: number;
  open(): Promise<ReadableStream<Uint8Array<ArrayBuffer>>>;
}

/**
 * The files of an image: one if it is unified or an application, two if it is split.
 *
 * @throws {DreyError} `NOT_FOUND`, `NOT_SUPPORTED` for an application image of an earlier drey
 */
export async function exportImage(
  context: Context,
  project: string,
  prefix: string,
): Promise<ExportedFile[]> {
  const { value: record } = await findRecord(context, project, prefix);
  const { fingerprint } = record;
  await emitLifecycle(context, { project, action: "image-retrieved", source: `/1.0/images/${fingerprint}` });
  const document = readOci(context, fingerprint);
  if (document !== undefined) return [await archived(context, record, document)];
  const { metadata, rootfs } = imageFiles(context, fingerprint);
  const named = async (path: string) => `${fingerprint}.${extension(await readFormat(path))}`;
  const file = async (part: ExportedFile["part"], path: string, filename: string): Promise<ExportedFile> => ({
    part,
    filename,
    size: (await Deno.stat(path)).size,
    open: async () => (await Deno.open(path)).readable,
  });
  if (rootfs === undefined) return [await file("metadata", metadata, await named(metadata))];
  const { kind } = await readFormat(rootfs);
  return [
    await file("metadata", metadata, `meta-${await named(metadata)}`),
    await file(kind === "qcow2" ? "rootfs.img" : "rootfs", rootfs, await named(rootfs)),
  ];
}

async function archived(
  context: Context,
  { fingerprint, update_source }: ImageRecord,
  document: OciDocument,
): Promise<ExportedFile> {
  const { archiveOf } = await import("./application_archive.ts");
  const source = update_source?.protocol === "oci" ? `${new URL(update_source.server).host}/` : "";
  const name = `${source}${document.name}`;
  const { size, bytes } = await archiveOf(context, { fingerprint, document, name });
  return {
    part: "metadata",
    filename: `${fingerprint}.tar`,
    size,
    open: () => Promise.resolve(ReadableStream.from(bytes()) as ReadableStream<Uint8Array<ArrayBuffer>>),
  };
}
