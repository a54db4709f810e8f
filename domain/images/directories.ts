// Where images lie: as they came, and unpacked.

import { join } from "@std/path";
import type { Context } from "../context.ts";

/** Files of images as they came: `<fingerprint>`, and `<fingerprint>.rootfs` of split ones. */
export const imagesDirectory = (context: Context): string => join(context.paths.state, "images");

/** Unpacked images of the default pool: `<fingerprint>-<map>`. */
export const lowersDirectory = (context: Context): string =>
  join(context.paths.state, "storage-pools", "default", "images");
