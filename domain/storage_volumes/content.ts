// What is in a custom volume: files of instances, or one file that is a disk. Where it lies, how it is made, and how it
// gets from one volume to another.

import { join } from "@std/path";
import { DreyError } from "../../errors.ts";
import { formatMap, type IdMap, parseMap, toHost } from "../../idmap/map.ts";
import { readLayout } from "../../idmap/ranges.ts";
import type { Content, Driver, Volume } from "../../storage/driver.ts";
import type { VolumeContent } from "../../wire/storage_volume.ts";
import { parseSize } from "../../config/size.ts";
import type { Context } from "../context.ts";
import { imageFile, type VolumeRecord } from "./record.ts";

/** `bytes` of a block device nobody gave a size */
const usualBlockSize = 10 * 2 ** 30;

/** The ids that files of a volume belong to: those of the instances that last used it, or will first. */
export async function mapOf(context: Context, { config }: Pick<VolumeRecord, "config">): Promise<IdMap> {
  const last = config["volatile.idmap.last"];
  return last === undefined ? (await readLayout(context.user)).container : parseMap(last);
}

/** What a new volume begins with. A disk belongs to the user, whose machines open it. */
export async function emptyContent(context: Context, record: VolumeRecord): Promise<Content> {
  const map = await mapOf(context, record);
  const size = sizeOf(record);
  if (record.content_type !== "filesystem") {
    const owner = { ...context.user, mode: 0o711 };
    return { map: formatMap(map), owner, ...(size === undefined ? {} : { expected: size }) };
  }
  const owner = { uid: toHost(map.uids, 0) ?? 0, gid: toHost(map.gids, 0) ?? 0, mode: 0o711 };
  return { map: formatMap(map), owner, ...(size === undefined ? {} : { size }) };
}

/** Bytes a volume was given; a block device always has a size. */
export function sizeOf(
  { content_type, config }: Pick<VolumeRecord, "content_type" | "config">,
): number | undefined {
  const size = config["size"] ? parseSize(config["size"]) : undefined;
  return content_type === "block" ? size ?? usualBlockSize : size;
}

/** Directory of a custom volume's content, which is no overlay in any pool. */
export function treeOf(driver: Driver, volume: Volume): string {
  const root = driver.root(volume);
  if (root.kind === "directory") return root.path;
  throw new Error(`a custom volume is no overlay: ${volume.name}`);
}

/** Path of the file that a volume of content type `block` or `iso` is. */
export const diskOf = (
  driver: Driver,
  volume: Volume,
  content: Exclude<VolumeContent, "filesystem">,
): string => join(treeOf(driver, volume), imageFile(content));

/** Gives a block device its size. It only grows: what lies beyond a new end would be lost. */
export async function resizeDisk(path: string, size: number): Promise<void> {
  const file = await Deno.open(path, { write: true, create: true, mode: 0o600 });
  try {
    const { size: now } = await file.stat();
    if (size < now) {
      throw new DreyError("BAD_REQUEST", { message: "Block volumes cannot be shrunk" });
    }
    await file.truncate(size);
  } finally {
    file.close();
  }
}
