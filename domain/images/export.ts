// The files of an image as they go out, in LXD's names for them.

import { DreyError } from "../../errors.ts";
import { extension, readFormat } from "../../images/archive.ts";
import type { Context } from "../context.ts";
import { imageFiles } from "./files.ts";
import { readOci } from "./layers.ts";
import { findRecord } from "./records.ts";

export interface ExportedFile {
  /** name of the part it becomes: `metadata`, `rootfs`, or `rootfs.img` for a disk */
  part: "metadata" | "rootfs" | "rootfs.img";
  filename: string;
  path: string;
  /** in bytes */
  size: number;
}

/**
 * The files of an image: one if it is unified, two if it is split.
 *
 * @throws {DreyError} `NOT_FOUND`
 */
export async function exportImage(
  context: Context,
  project: string,
  prefix: string,
): Promise<ExportedFile[]> {
  const { value: { fingerprint } } = await findRecord(context, project, prefix);
  if (readOci(context, fingerprint) !== undefined) {
    throw new DreyError("NOT_SUPPORTED", {
      message: "Cannot export an application image: its layers have no form LXD could import",
      hint: "Make an instance of it and publish that",
    });
  }
  const { metadata, rootfs } = await imageFiles(context, fingerprint);
  const named = async (path: string) => `${fingerprint}.${extension(await readFormat(path))}`;
  const size = async (path: string) => (await Deno.stat(path)).size;
  const first = { part: "metadata", path: metadata, size: await size(metadata) } as const;
  if (rootfs === undefined) return [{ ...first, filename: await named(metadata) }];
  const { kind } = await readFormat(rootfs);
  return [
    { ...first, filename: `meta-${await named(metadata)}` },
    {
      part: kind === "qcow2" ? "rootfs.img" : "rootfs",
      filename: await named(rootfs),
      path: rootfs,
      size: await size(rootfs),
    },
  ];
}
