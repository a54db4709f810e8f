// Stacks of overlay layers kept short: those nobody needs apart become one, and one that grows too high is merged at
// its upper end. Layers are never changed, so whoever stands on the old ones is not disturbed.

import { namesIn } from "../sys/present.ts";
import type { PoolHost, Volume } from "./driver.ts";
import {
  allStacked,
  becomeLayer,
  collectLayers,
  layerPlace,
  named,
  newLayerId,
  type Stacked,
  stackedAt,
  treeOf,
} from "./layers.ts";
import { type Manifest, orBroken, writeManifest } from "./manifest.ts";
import { mergeArgv } from "./merge.pl.ts";
import { discard, placeOf, snapshotsOf, temporaryPlace } from "./places.ts";

/** Layers a stack may have over its image before it is shortened: mount(2) takes one page of options. */
export const mostLayers = 20;
/** Layers that are left of a stack that was too high. */
const layersKept = 8;

/** Keeps a stack low enough to be mounted. */
export async function shorten(host: PoolHost, volume: Volume): Promise<void> {
  const [mine] = stackedAt(host.directory, placeOf(host.directory, volume));
  if (mine === undefined) return;
  const ids = tooHigh(mine.manifest);
  if (ids.length > 1) await mergeLayers(host, ids, [mine]);
}

/** Makes one of layers that only this volume and its snapshots have, and none without the other. */
export async function compact(host: PoolHost, volume: Volume): Promise<void> {
  const pool = host.directory;
  const place = placeOf(pool, volume);
  for (;;) {
    const [mine] = stackedAt(pool, place);
    if (mine === undefined) return;
    const snapshots = namesIn(snapshotsOf(pool, volume)).map((snapshot) => ({ ...volume, snapshot }));
    const family = [place, ...snapshots.map((snapshot) => placeOf(pool, snapshot))];
    const all = orBroken(() => allStacked(pool));
    if (all === "broken") return; // which of them it needs, nobody knows
    const [pair] = inseparable(mine.manifest.layers, all, family);
    if (pair === undefined) return;
    await mergeLayers(host, pair, all.filter((one) => family.includes(one.place)));
    await collectLayers(host);
  }
}

/** Layers of the uppermost part of a stack that is too high, which become one. */
function tooHigh({ layers }: Manifest): string[] {
  return layers.length < mostLayers ? [] : layers.slice(0, layers.length - layersKept + 1);
}

/**
 * Pairs of layers of a stack, the upper before the lower, of which nobody needs one without the other and nobody but
 * the family does.
 */
function inseparable(
  stack: readonly string[],
  all: readonly Stacked[],
  family: readonly string[],
): [string, string][] {
  const users = (id: string) =>
    all.filter(({ manifest }) => named(manifest).includes(id)).map(({ place }) => place);
  return stack.slice(0, -1).flatMap((id, index): [string, string][] => {
    const below = stack[index + 1] ?? "";
    const [upper, lower] = [users(id), users(below)];
    const isSame = upper.length === lower.length && upper.every((place) => lower.includes(place));
    return isSame && upper.every((place) => family.includes(place)) ? [[id, below]] : [];
  });
}

/** Merges adjacent layers, the uppermost first, into a new one that the given volumes name instead of them. */
async function mergeLayers(
  host: PoolHost,
  ids: readonly string[],
  users: readonly Stacked[],
): Promise<void> {
  const pool = host.directory;
  const id = newLayerId();
  const made = await mergedTree(host, ids);
  const without = (manifest: Manifest): Manifest => {
    const at = manifest.layers.indexOf(ids[0] ?? "");
    const isThere = at >= 0 && ids.every((layer, index) => manifest.layers[at + index] === layer);
    return isThere ? { ...manifest, layers: manifest.layers.toSpliced(at, ids.length, id) } : manifest;
  };
  {
    await using _lock = await host.lock(); // until the manifests name it
    becomeLayer(pool, made, id);
    for (const { place, manifest } of users) writeManifest(place, without(manifest));
  }
}

async function mergedTree(host: PoolHost, ids: readonly string[]): Promise<string> {
  const trees = ids.map((id) => treeOf(layerPlace(host.directory, id)));
  let upper = trees[0] ?? "";
  let made = "";
  for (const lower of trees.slice(1)) {
    const next = temporaryPlace(host.directory, "layer");
    Deno.mkdirSync(next, { mode: 0o711 });
    await host.hands.run(mergeArgv({ upper, lower, made: treeOf(next) }));
    if (made !== "") await discard(host, [made]);
    [made, upper] = [next, treeOf(next)];
  }
  return made;
}
