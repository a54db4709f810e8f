// Where images lie: as they came, and unpacked; what is on its way, and what else is theirs.

import { join } from "@std/path";
import type { Context } from "../context.ts";

/** Files of images as they came: `<fingerprint>`, and `<fingerprint>.rootfs` of split ones. */
export const imagesDirectory = (context: Context): string => join(context.paths.state, "images");

/** Files that are being downloaded, `<fingerprint>/<SHA-256>`. */
export const downloadsDirectory = (context: Context): string => join(imagesDirectory(context), "downloads");

/** What image servers said of themselves, a directory per server. */
export const catalogsDirectory = (context: Context): string => join(context.paths.state, "catalogs");

/** What virtual machines can begin with, most of it of an image. */
export const memoriesDirectory = (context: Context): string =>
  join(context.paths.state, "machines", "memories");

/** Unpacked images of the default pool: `<fingerprint>-<map>`. */
export const lowersDirectory = (context: Context): string =>
  join(context.paths.state, "storage-pools", "default", "images");

/** Layers of OCI images as they came, each named by its SHA-256; images share them. */
export const blobsDirectory = (context: Context): string => join(imagesDirectory(context), "blobs");

/** Unpacked layers of OCI images: `<start of the SHA-256>-<map>`, short because a mount names many at once. */
export const layersDirectory = (context: Context): string => join(lowersDirectory(context), "l");
