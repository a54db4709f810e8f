// Overlay layers of the driver `dir`: read-only trees that volumes and snapshots share. A layer is needed as long as a
// manifest names it; nobody counts, the manifests are read. Who makes a layer names it before it exists, as one that is
// being pushed, or holds the pool's lock until a manifest names it: so none is without one who needs it, and no
// manifest is ever without its layers, whenever drey is killed.

import { join } from "@std/path";
import { isDirectory, namesIn, readIfThere } from "../sys/present.ts";
import type { PoolHost, Volume, VolumeKind } from "./driver.ts";
import { type Manifest, orBroken, readManifest, writeManifest } from "./manifest.ts";
import { copyTree } from "./copy_tree.ts";
import { moveAway, placeOf, removeTrees, snapshotsOf } from "./places.ts";

/** What a manifest of layers stands in. */
export interface Stacked {
  place: string;
  manifest: Manifest;
}

export const layerPlace = (pool: string, id: string): string => join(pool, "layers", id);
/** The tree of a layer, or the own layer of a volume in its top directory. */
export const treeOf = (directory: string): string => join(directory, "upper");
export const newLayerId = (): string => crypto.randomUUID().replaceAll("-", "").slice(0, 16);

/** A manifest as it stands after whatever a killed process had begun: a push has happened once its layer exists. */
export function settled(pool: string, manifest: Manifest): Manifest {
  const { pushing, ...rest } = manifest;
  if (pushing === undefined || !isDirectory(layerPlace(pool, pushing))) return rest;
  return { ...rest, layers: [pushing, ...rest.layers] };
}

/** Trees of a manifest's layers, the uppermost first, and at the bottom the image's. */
export function lowerTrees({ directory, images }: PoolHost, manifest: Manifest): string[] {
  const layers = manifest.layers.map((id) => treeOf(layerPlace(directory, id)));
  return manifest.image === undefined ? layers : [...layers, ...imageTrees(join(images, manifest.image))];
}

/** Trees of an unpacked image, the uppermost first; `layers` beside its root names what lies below that. */
export function imageTrees(image: string): string[] {
  const below = (readIfThere(join(image, "layers")) ?? "").split("\n").filter((line) => line !== "");
  return [join(image, "rootfs"), ...below.map((line) => join(image, line))];
}

/** Whether a volume's own layer holds nothing. */
export function isEmptyTop(place: string, manifest: Manifest): boolean {
  const tree = treeOf(join(place, manifest.top));
  try {
    return namesIn(tree).length === 0;
  } catch (error) {
    if (error instanceof Deno.errors.PermissionDenied) return false; // closed by the container's root: it was there
    throw error;
  }
}

/**
 * Makes the own layer of a volume at rest a shared one, and answers with all its layers: others may name them from then
 * on, for as long as nobody else changes the volume.
 */
export function pushTop(host: PoolHost, { place, manifest }: Stacked): string[] {
  if (isEmptyTop(place, manifest)) return manifest.layers;
  const id = newLayerId();
  writeManifest(place, { ...manifest, pushing: id });
  // from here on it has happened: settled()
  becomeLayer(host.directory, join(place, manifest.top), id);
  writeManifest(place, { ...manifest, layers: [id, ...manifest.layers] });
  return [id, ...manifest.layers];
}

/** A finished directory with a tree takes its place among the layers. */
export function becomeLayer(pool: string, made: string, id: string): void {
  Deno.mkdirSync(join(pool, "layers"), { recursive: true, mode: 0o711 });
  Deno.renameSync(made, layerPlace(pool, id));
}

/** Copies the own layer of a volume that is being written to; its writers keep still. */
export async function copyTop(host: PoolHost, { place, manifest }: Stacked, made: string): Promise<void> {
  Deno.mkdirSync(made, { mode: 0o711 });
  await copyTree(host.hands, treeOf(join(place, manifest.top)), treeOf(made));
}

/** Every volume and snapshot of the pool that stands on layers. */
export function allStacked(pool: string): Stacked[] {
  const kinds: VolumeKind[] = ["containers"];
  return kinds.flatMap((kind) => {
    const volumes = namesIn(join(pool, kind)).map((name): Volume => ({ kind, name }));
    const owners = namesIn(join(pool, `${kind}-snapshots`));
    const snapshots = owners.flatMap((name) =>
      namesIn(snapshotsOf(pool, { kind, name })).map((snapshot): Volume => ({ kind, name, snapshot }))
    );
    return [...volumes, ...snapshots].flatMap((volume) => stackedAt(pool, placeOf(pool, volume)));
  });
}

/** The volume in a directory, if it is one that stands on layers. */
export function stackedAt(pool: string, place: string): Stacked[] {
  const manifest = readManifest(place);
  return manifest?.kind === "layers" ? [{ place, manifest: settled(pool, manifest) }] : [];
}

/** Removes layers that no manifest names any more. */
export async function collectLayers(host: PoolHost): Promise<void> {
  const waste = await strayLayers(host);
  if (waste.length > 0) await removeTrees(host.hands, waste);
}

/** Moves layers away that no manifest names any more, for a process to remove, and answers with where they are now. */
export async function strayLayers(host: PoolHost, pid?: number): Promise<string[]> {
  await using _lock = await host.lock();
  // the directory first: a layer that is listed has been named by a manifest before
  const present = namesIn(join(host.directory, "layers"));
  if (present.length === 0) return [];
  const stacked = orBroken(() => allStacked(host.directory));
  // which of them it needs, nobody knows
  if (stacked === "broken") return [];
  const needed = new Set(stacked.flatMap(({ manifest }) => named(manifest)));
  const waste = present.filter((id) => !needed.has(id)).map((id) => layerPlace(host.directory, id));
  return moveAway(host.directory, waste, pid);
}

/** Layers that a manifest needs. */
export const named = ({ layers, pushing }: Manifest) => pushing === undefined ? layers : [pushing, ...layers];
