// What killed processes left of images: half-made files, and files without a record. Part of every command, so it
// only looks, and loads what removes things when there are some.

import { findAbandoned, isPartial } from "../../sys/partial.ts";
import type { Context } from "../context.ts";
import { imagesDirectory, layersDirectory, lowersDirectory, memoriesDirectory } from "./directories.ts";

/** Removes such leftovers. Costs four directory listings and a look at the records when all is well. */
export async function sweepImages(context: Context): Promise<void> {
  const directories = [imagesDirectory(context), lowersDirectory(context)];
  const places = [...directories, layersDirectory(context), memoriesDirectory(context)];
  const abandoned = places.flatMap(findAbandoned);
  if (abandoned.length > 0) {
    const { removeTrees } = await import("../../images/remove_trees.ts");
    await removeTrees(abandoned, context.user);
  }
  const present = directories.flatMap(fingerprintsIn);
  if (present.length === 0) return;
  const known = new Set((await context.store.list(["images"])).map(({ key }) => key[2]));
  for (const fingerprint of new Set(present)) {
    if (!known.has(fingerprint)) await removeUnrecorded(context, fingerprint);
  }
}

/** An image that was never recorded, or was deleted; an unpacked one stays while an instance stands on it. */
async function removeUnrecorded(context: Context, fingerprint: string): Promise<void> {
  const { removeIfUnused } = await import("./files.ts");
  const { releaseLower } = await import("./lower.ts");
  const { imageLock } = await import("./records.ts");
  {
    // whoever adds it holds the lock until it is recorded
    await using _lock = await context.store.lock(imageLock(fingerprint));
    await removeIfUnused(context, fingerprint);
  }
  await releaseLower(context, fingerprint);
}

/** Fingerprints that begin the names of finished files. */
function fingerprintsIn(directory: string): string[] {
  try {
    const names = [...Deno.readDirSync(directory)].map(({ name }) => name);
    return names.filter((name) => !isPartial(name))
      .flatMap((name) => /^([0-9a-f]{64})(\.rootfs|-.*)?$/.exec(name)?.[1] ?? []);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}
