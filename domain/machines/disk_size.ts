// The size that a machine's own disk has, held against the one it is to have: a disk only grows.

import { join } from "@std/path";
import { formatSize } from "../../config/size.ts";
import { DreyError } from "../../errors.ts";
import { diskHead, readDisk } from "../../images/disk.ts";
import type { Driver, Volume } from "../../storage/driver.ts";
import { exists } from "../../sys/present.ts";
import { directoriesOf, lastDiskOf } from "./own_disk.ts";

/** `bytes` of the disk that is a volume's root; undefined where there is none. */
function diskSize(driver: Driver, volume: Volume): number | undefined {
  if (!driver.exists(volume)) return undefined;
  const root = driver.root(volume);
  const disk = lastDiskOf(root);
  if (disk === undefined) return undefined;
  const path = directoriesOf(root).map((directory) => join(directory, disk)).find(exists);
  if (path === undefined) return undefined;
  using file = Deno.openSync(path);
  const head = new Uint8Array(diskHead);
  return readDisk(head.subarray(0, file.readSync(head) ?? 0)).size;
}

/**
 * Holds a size against the disk that a volume's root is.
 *
 * @param size `bytes`; undefined for a disk of any size
 * @throws {DreyError} `BAD_REQUEST` if the disk is larger
 */
export function mustNotShrink(driver: Driver, volume: Volume, size: number | undefined): void {
  const now = size === undefined ? undefined : diskSize(driver, volume);
  if (size === undefined || now === undefined || size >= now) return;
  throw new DreyError("BAD_REQUEST", {
    message: `Block volumes cannot be shrunk: the disk has ${formatSize(now)}, more than ${formatSize(size)}`,
  });
}
