// Unpacked images whose files have been made into the disk of a virtual machine: beside the image's own files, and gone
// with them.

import { join } from "@std/path";
import { DreyError } from "../../errors.ts";
import type { IdMap } from "../../idmap/map.ts";
import { isDiskRoot } from "../../images/disk.ts";
import { isDirectory, namesIn } from "../../sys/present.ts";
import { fullPath, toolMissing } from "../../sys/run.ts";
import { findTool } from "../../sys/tools.ts";
import type { Context } from "../context.ts";
import { diskSuffix, ensureUnpacked, lowerPath } from "./lower.ts";
import { readOci } from "./layers.ts";
import { imageLock } from "./records.ts";

/**
 * The tree with the disk of an image under a map, made by whoever comes first; undefined if the image is a disk already.
 *
 * @throws {DreyError} `IMAGE_INVALID`, `NO_SPACE`, `TOOL_MISSING`; `NOT_SUPPORTED` for images of several layers
 */
export async function ensureDisk(
  context: Context,
  fingerprint: string,
  map: IdMap,
): Promise<string | undefined> {
  const from = lowerPath(context, fingerprint, map);
  const to = `${from}${diskSuffix}`;
  const rootfs = join(to, "rootfs");
  if (isDirectory(rootfs)) return rootfs;
  const tree = await ensureUnpacked(context, { fingerprint }, map);
  if (isDiskRoot(namesIn(tree))) return undefined;
  if (readOci(context, fingerprint) !== undefined) {
    throw new DreyError("NOT_SUPPORTED", {
      message: "Cannot make a disk of an image that consists of layers",
      hint: "Unset migration.stateful: the virtual machine then shares its root with the host",
    });
  }
  const missing = ["mke2fs", "qemu-img"].find((tool) => findTool(tool, fullPath()) === undefined);
  if (missing !== undefined) throw toolMissing(missing);
  await using _lock = await context.store.lock(imageLock(fingerprint));
  // somebody may have done it while we waited
  if (isDirectory(rootfs)) return rootfs;
  const { makeDiskTree } = await import("../../images/disk_of_tree.ts");
  await makeDiskTree({ from, to, map, account: context.user });
  return rootfs;
}
