// Volumes of the driver `dir` as they begin: an overlay on an image or on nothing, or a plain tree.

import { dirname, join } from "@std/path";
import { namesIn } from "../sys/present.ts";
import type { Content, PoolHost, Volume } from "./driver.ts";
import { copyImage } from "./copy_image.ts";
import { charged, forgetSize, limit, mustHoldSizes } from "./dir_size.ts";
import {
  becomeLayer,
  collectLayers,
  imageTrees,
  isEmptyTop,
  lowerTrees,
  newLayerId,
  type Stacked,
  treeOf,
} from "./layers.ts";
import { type Manifest, readManifest, writeManifest } from "./manifest.ts";
import { discard, making, placeOf, publish, removeTrees } from "./places.ts";
import { mayShare, mustHaveRoom } from "./room.ts";
import { diskUsage } from "./usage.ts";

/** Where a plain tree lies in the top directory. */
export const plainTree = (place: string, { top }: Manifest): string => join(place, top, "rootfs");

/** Makes a volume, in the place of an old one if there is one. */
export async function create(
  host: PoolHost,
  volume: Volume,
  { content, plain }: { content: Content; plain: boolean },
): Promise<void> {
  if (content.size !== undefined) mustHoldSizes(host.directory);
  const place = placeOf(host.directory, volume);
  const old = readManifest(place);
  const manifest: Manifest = {
    version: 1,
    map: content.map,
    ...(content.image === undefined ? {} : { image: content.image.id }),
    kind: plain ? "copy" : "layers",
    layers: [],
    top: nextTop(old),
  };
  mustHaveRoom(host.directory, plain ? await imageSize(host, content) : 0);
  const fill = async (made: string) => {
    Deno.mkdirSync(made, { recursive: true, mode: 0o711 });
    if (plain) return await fillPlain(host, { place: made, manifest, content });
    const layered = charged(host, made, manifest);
    limit(host, layered, content.size);
    // an overlay wants something below: an empty tree
    if (content.image === undefined) await addEmptyLayer(host, { place: made, manifest: layered, content });
    else writeManifest(made, layered);
  };
  if (old === undefined) {
    return await making(host, "volume", async (made) => {
      await fill(made);
      await publish(host, made, place);
    });
  }
  await fill(place);
  await discard(host, [join(place, "metadata.yaml"), join(place, "templates"), ...oldTops(place, manifest)]);
  forgetSize(host, old);
  await collectLayers(host);
}

/** Bytes a plain copy of an image will take, if that can be told. */
async function imageSize(host: PoolHost, { image }: Content): Promise<number> {
  if (image === undefined || mayShare(host.directory)) return 0;
  return await diskUsage(host, imageTrees(dirname(image.rootfs)));
}

interface Filling {
  place: string;
  manifest: Manifest;
  content: Content;
}

async function fillPlain(host: PoolHost, { place, manifest, content }: Filling): Promise<void> {
  const filled = await newTop(host, { place, manifest }, async (tree, charged) => {
    limit(host, charged, content.size);
    if (content.image === undefined) await makeEmpty(host, tree, content);
    else await copyImage(host.hands, content.image.rootfs, tree);
  });
  writeManifest(place, filled);
}

/**
 * Fills the top directory that a manifest will mean, and answers with that manifest; if it fails, nothing is left of
 * the directory. A project of its own, since the old top may still be there.
 */
export async function newTop(
  host: PoolHost,
  { place, manifest }: Stacked,
  fill: (tree: string, manifest: Manifest) => Promise<void>,
): Promise<Manifest> {
  const top = join(place, manifest.top);
  await removeTrees(host.hands, [top]); // of one who was killed
  try {
    Deno.mkdirSync(top, { mode: 0o711 });
    const filled = charged(host, top, manifest);
    await fill(plainTree(place, manifest), filled);
    return filled;
  } catch (error) {
    await removeTrees(host.hands, [top]).catch(() => {}); // the next one does
    throw error;
  }
}

async function makeEmpty({ hands }: PoolHost, tree: string, { owner }: Content): Promise<void> {
  Deno.mkdirSync(tree, { recursive: true });
  Deno.chmodSync(tree, owner?.mode ?? 0o755);
  if (owner !== undefined) await hands.own(tree, owner);
}

async function addEmptyLayer(host: PoolHost, { place, manifest, content }: Filling): Promise<void> {
  const id = newLayerId();
  await making(host, "layer", async (made) => {
    await makeEmpty(host, treeOf(made), content);
    await using _lock = await host.lock(); // until the manifest names it
    becomeLayer(host.directory, made, id);
    writeManifest(place, { ...manifest, layers: [id] });
  });
}

/** Top directories of a volume that its manifest no longer means. */
export const oldTops = (place: string, { top }: Manifest): string[] =>
  namesIn(place).filter((name) => /^top(-\d+)?$/.test(name) && name !== top).map((name) => join(place, name));

/** Another name each time, so that the manifest alone says which top counts. */
export function nextTop(old: Manifest | undefined): string {
  if (old === undefined) return "top";
  return `top-${Number(/^top-(\d+)$/.exec(old.top)?.[1] ?? "1") + 1}`;
}

/** Makes a plain copy of a volume that has nothing of its own; false if it has. */
export async function withoutOverlay(
  host: PoolHost,
  volume: Volume,
  manifest: Manifest,
): Promise<boolean> {
  const place = placeOf(host.directory, volume);
  if (manifest.kind === "copy") return true;
  const trees = [...lowerTrees(host, manifest)];
  const image = trees.pop() ?? "";
  const isUntouched = isEmptyTop(place, manifest) && trees.every((tree) => namesIn(tree).length === 0);
  if (!isUntouched) return false;
  const plain: Manifest = { ...manifest, kind: "copy", layers: [], top: nextTop(manifest) };
  const content = { map: plain.map, image: { id: plain.image ?? "", rootfs: image } };
  await fillPlain(host, { place, manifest: plain, content });
  await discard(host, oldTops(place, plain));
  await collectLayers(host);
  return true;
}
