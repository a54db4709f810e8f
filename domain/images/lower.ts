// Unpacked images: the read-only lower layer that all instances of one image and one id map share. It outlives the
// image's record as long as an instance stands on it.

import { basename, dirname, join } from "@std/path";
import { DreyError } from "../../errors.ts";
import { formatMap, type IdMap, mapId } from "../../idmap/map.ts";
import { isPartial, partialName } from "../../sys/partial.ts";
import type { Image } from "../../wire/image.ts";
import type { Config } from "../../wire/instance.ts";
import type { Context } from "../context.ts";
import { lowersDirectory } from "./directories.ts";
import type { Unpacked } from "./ahead.ts";
import { imageFiles, makeClosed } from "./files.ts";
import { readOci, sweepLayers, unpackOci } from "./layers.ts";
import { removeMemoriesOf } from "../machines/memories_directory.ts";
import { listPools } from "../storage_pools/record.ts";
import { imagesInUse, treesInUse } from "./used.ts";
import { imageLock } from "./records.ts";
import { isDirectory, namesIn } from "../../sys/present.ts";

/** What the name of an image's tree ends with whose files have been made into a disk: domain/images/disk_lower.ts. */
export const diskSuffix = "-disk";

/** Where an image is unpacked under a map: holds `rootfs`, `metadata.yaml` and perhaps `templates`. */
export function lowerPath(context: Context, fingerprint: string, map: IdMap): string {
  return join(lowersDirectory(context), `${fingerprint}-${mapId(map)}`);
}

/**
 * The root file system of an image under a map, or a tree with the disk of a virtual machine, unpacked by whoever comes first. Costs one stat(2) from then on.
 *
 * @throws {DreyError} `IMAGE_INVALID`, `NO_SPACE`
 */
export async function ensureUnpacked(
  context: Context,
  image: Pick<Image, "fingerprint">,
  map: IdMap,
): Promise<string> {
  const lower = lowerPath(context, image.fingerprint, map);
  const rootfs = join(lower, "rootfs");
  if (isDirectory(rootfs)) return rootfs;
  await using _lock = await context.store.lock(imageLock(image.fingerprint));
  // somebody may have done it while we waited
  if (isDirectory(rootfs)) return rootfs;
  await makeClosed(dirname(lower));
  const document = readOci(context, image.fingerprint);
  if (document !== undefined) {
    await unpackOci(context, lower, { document, map });
    return rootfs;
  }
  const { unpackImage } = await import("../../images/unpack.ts");
  const files = imageFiles(context, image.fingerprint);
  await unpackImage(files, { target: lower, map, account: context.user });
  if (isDirectory(rootfs)) return rootfs;
  throw new DreyError("IMAGE_INVALID", { message: "Cannot use the image: it holds no root file system" });
}

/** Keeps what was unpacked while an image arrived, unless the image is gone again or somebody was faster. */
export async function keepUnpacked(context: Context, fingerprint: string, { image, map }: Unpacked) {
  const lower = lowerPath(context, fingerprint, map);
  await using _lock = await context.store.lock(imageLock(fingerprint));
  if (!isDirectory(lower) && await isNeeded(context, fingerprint)) await image.put(lower);
}

/**
 * Removes the unpacked files of an image that was deleted, once no instance stands on them. To be called after an
 * instance's record is gone.
 */
export async function releaseLower(context: Context, fingerprint: string): Promise<void> {
  if (lowersOf(context, fingerprint).length === 0) return;
  if (await isNeeded(context, fingerprint)) return;
  await using _lock = await context.store.lock(imageLock(fingerprint));
  const lowers = lowersOf(context, fingerprint);
  if (lowers.length === 0 || await isNeeded(context, fingerprint)) return;
  await removeLowers(context, lowers);
}

/**
 * Removes the unpacked files of an image under the map of one isolated instance that was deleted, unless another
 * instance has been given the same map meanwhile.
 */
export async function releaseIsolated(context: Context, fingerprint: string, map: IdMap): Promise<void> {
  const lower = lowerPath(context, fingerprint, map);
  await using _lock = await context.store.lock(imageLock(fingerprint));
  const instances = await context.store.list<{ config?: Config }>(["instances"]);
  const text = formatMap(map);
  const isUsed = instances.some(({ value }) =>
    value.config?.["volatile.base_image"] === fingerprint &&
    value.config["volatile.last_state.idmap"] === text
  );
  if (isUsed) return;
  const used = await treesInUse(context);
  // as files, and as the disk of a virtual machine
  const lowers = [lower, `${lower}${diskSuffix}`].filter((path) =>
    isDirectory(path) && !used.has(basename(path))
  );
  if (lowers.length > 0) await removeLowers(context, lowers, removeBeside);
}

/** Removes the unpacked files of an image that no instance stands on; the next one unpacks them again. */
export async function removeLowersOf(context: Context, fingerprint: string): Promise<void> {
  await using _lock = await context.store.lock(imageLock(fingerprint));
  if ((await imagesInUse(context)).has(fingerprint)) return;
  await removeLowers(context, lowersOf(context, fingerprint));
}

/** Under another name they are gone for everybody at once, and known as waste should we be killed. */
async function removeNow({ user }: Context, lowers: readonly string[]): Promise<void> {
  const doomed: string[] = [];
  for (const lower of lowers) {
    const name = partialName(lower);
    await Deno.rename(lower, name);
    doomed.push(name);
  }
  const { removeTrees } = await import("../../images/remove_trees.ts");
  await removeTrees(doomed, user);
}

/** The same, but a whole system takes seconds: only who is short of room waits for it. */
async function removeBeside(context: Context, lowers: readonly string[]): Promise<void> {
  const { isShortOfRoom } = await import("../../storage/room.ts");
  if (isShortOfRoom(lowersDirectory(context))) return await removeNow(context, lowers);
  const { removeTreesLater } = await import("../../images/remove_trees.ts");
  await removeTreesLater(lowers, context.user);
}

async function removeLowers(context: Context, lowers: readonly string[], remove = removeNow): Promise<void> {
  await remove(context, lowers);
  await sweepLayers(context);
  await forgetIn(context, lowers.map((lower) => basename(lower)));
  for (const lower of lowers) removeMemoriesOf(context, basename(lower).slice(0, 64));
}

/** Pools that keep copies of images for themselves drop them too. */
async function forgetIn(context: Context, ids: readonly string[]): Promise<void> {
  for (const { name, record } of await listPools(context)) {
    if (record.driver === "dir") continue;
    const { openPool } = await import("../storage_pools/open.ts");
    await using pool = await openPool(context, name);
    for (const id of ids) await pool.driver.forgetImage?.(id);
  }
}

/** Whether an image has a record, or an instance stands on it. */
async function isNeeded(context: Context, fingerprint: string): Promise<boolean> {
  const images = await context.store.list(["images"]);
  if (images.some(({ key }) => key[2] === fingerprint)) return true;
  return (await imagesInUse(context)).has(fingerprint);
}

function lowersOf(context: Context, fingerprint: string): string[] {
  const directory = lowersDirectory(context);
  return namesIn(directory).filter((name) => name.startsWith(`${fingerprint}-`) && !isPartial(name)).map((
    name,
  ) => join(directory, name));
}
