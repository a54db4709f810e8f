// How volumes of the driver `dir` go: out of sight at once, and then tree by tree, which whoever deletes an instance need
// not wait for.

import { namesIn } from "../sys/present.ts";
import type { Heir, PoolHost, Volume } from "./driver.ts";
import { forgetSize } from "./dir_size.ts";
import { strayLayers } from "./layers.ts";
import { findManifest, type Manifest } from "./manifest.ts";
import { moveAway, placeOf, removeTrees, snapshotsOf } from "./places.ts";
import { isShortOfRoom } from "./room.ts";

/**
 * Removes a volume with its snapshots, and the layers that nobody else stands on. With `later` another process goes on
 * with it, where there is one: what it removes has a name that says so, and if it is killed, the next command finds
 * that name and removes the rest.
 */
export async function remove(host: PoolHost, volume: Volume, later = false): Promise<void> {
  const pool = host.directory;
  const found = findManifest(placeOf(pool, volume));
  const manifest = found === "broken" ? undefined : found;
  const snapshots = volume.snapshot === undefined ? namesIn(snapshotsOf(pool, volume)) : [];
  const all = [volume, ...snapshots.map((snapshot) => ({ ...volume, snapshot }))];
  const hasLayers = all.some((one) => {
    const own = findManifest(placeOf(pool, one));
    return own === "broken" || (own?.layers.length ?? 0) > 0;
  });
  const heir = later ? await heirOf(host, manifest) : undefined;
  const doomed = moveAway(pool, [
    placeOf(pool, volume),
    ...(volume.snapshot === undefined ? [snapshotsOf(pool, volume)] : []),
  ], heir?.pid);
  if (hasLayers) doomed.push(...await strayLayers(host, heir?.pid));
  await (heir === undefined ? removeTrees(host.hands, doomed) : heir.remove(doomed));
  forgetSize(host, manifest);
}

/** Who may go on removing a volume after drey: nobody where its room is counted, or short enough to be waited for. */
async function heirOf(
  { directory, hands }: PoolHost,
  manifest: Manifest | undefined,
): Promise<Heir | undefined> {
  if (manifest?.project !== undefined || manifest?.file || isShortOfRoom(directory)) return undefined;
  return await hands.heir();
}
