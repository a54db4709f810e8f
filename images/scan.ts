// Looks through an image's files without unpacking them: which kind they are, what metadata.yaml says, and whether an
// entry would reach out of its tree.

import type { MappedRoot } from "../idmap/holder.ts";
import { type Compression, invalid, readFormat } from "./archive.ts";
import { firstFileCheck, rootfsCheck } from "./checks.ts";
import { bytesOf } from "../sys/file_bytes.ts";
import { checkImageDisk } from "./disk.ts";
import { type Visit, walkTar } from "./gate.ts";
import { type ImageMetadata, parseMetadata } from "./metadata.ts";
import { scanSquashfs } from "./squashfs.ts";
import { walkTarFile } from "./tar_file.ts";

/** Where the files of an image are. */
export interface ImageFiles {
  /** the unified tarball, or the metadata tarball of a split image */
  metadata: string;
  /** second file of a split image: tarball, squashfs or disk */
  rootfs?: string;
}

export interface ScannedImage {
  type: "container" | "virtual-machine";
  metadata: ImageMetadata;
}

/**
 * Reads an image's files from end to end.
 *
 * @param mapped opens the root that reads a squashfs; called only for one
 * @throws {DreyError} `IMAGE_INVALID` if they are broken, hostile or not an image
 */
export async function scanImage(
  files: ImageFiles,
  mapped: () => Promise<MappedRoot>,
): Promise<ScannedImage> {
  const first = await readFormat(files.metadata);
  if (first.kind !== "tar") throw invalid("its first file is no tarball with a metadata.yaml");
  const { visit, result } = firstFileCheck();
  await eachEntry(files.metadata, first.compression, visit);
  const { metadata: text, root } = result();
  const metadata = await parseMetadata(text);
  if (files.rootfs === undefined) {
    if (root === undefined) throw invalid("it holds no root file system");
    return { type: root === "disk" ? "virtual-machine" : "container", metadata };
  }
  if (root !== undefined) throw invalid("both of its files hold a root file system");
  return { type: await scanRootfs(files.rootfs, mapped), metadata };
}

async function scanRootfs(path: string, mapped: () => Promise<MappedRoot>): Promise<ScannedImage["type"]> {
  const format = await readFormat(path);
  if (format.kind === "qcow2") {
    checkImageDisk(path);
    return "virtual-machine";
  }
  if (format.kind === "squashfs") {
    await scanSquashfs(path, await mapped());
    return "container";
  }
  const { visit, result } = rootfsCheck();
  await eachEntry(path, format.compression, visit);
  result();
  return "container";
}

/**
 * Walks a compressed tarball on disk.
 *
 * @throws {DreyError} `IMAGE_INVALID`, and whatever `visit` throws
 */
export async function eachEntry(path: string, compression: Compression, visit: Visit): Promise<void> {
  if (compression === "none") await walkTarFile(path, visit);
  else await walkTar(bytesOf(path), compression, visit);
}
