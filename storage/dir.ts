// The driver `dir`: a directory of any file system. Volumes of instances are overlays of shared layers, so that a
// snapshot or a copy of one at rest costs neither time nor space; where the kernel mounts no overlay, and for custom
// volumes, they are plain trees that are copied, with reflinks where the file system has them.

import { join } from "@std/path";
import { isDirectory } from "../sys/present.ts";
import type { Driver, Live, PoolHost, RootSource, Snapshot, Volume } from "./driver.ts";
import { create, newTop, nextTop, oldTops, plainTree, withoutOverlay } from "./dir_create.ts";
import { compact, shorten } from "./compact.ts";
import { remove } from "./dir_remove.ts";
import { charged, forgetSize, limit, uncharged } from "./dir_size.ts";
import {
  copyImageFile,
  imageRoot,
  mustServeImages,
  packImage,
  refuseLive,
  resizeImage,
  wantsImages,
} from "./dir_image.ts";
import { copyTree } from "./copy_tree.ts";
import { copyHome } from "./home.ts";
import { mustBeThere, namesOf, ownerOf } from "./known.ts";
import {
  becomeLayer,
  collectLayers,
  copyTop,
  isEmptyTop,
  layerPlace,
  lowerTrees,
  newLayerId,
  pushTop,
  settled,
  type Stacked,
  treeOf,
} from "./layers.ts";
import { findManifest, hasManifest, type Manifest, readManifest, writeManifest } from "./manifest.ts";
import { abandonedIn, discard, making, movePlaces, placeOf, publish, removeTrees } from "./places.ts";
import { mayShare, mustHaveRoom, mustTakeWrites } from "./room.ts";
import { diskUsage, spaceOf } from "./usage.ts";

/** Opens a pool of driver `dir`. `plain` makes every volume a plain tree. */
export function openDir(host: PoolHost, { plain = false }: { plain?: boolean } = {}): Driver {
  const pool = host.directory;
  const at = (volume: Volume) => placeOf(pool, volume);
  const of = (volume: Volume) => manifestOf(host, volume);
  return {
    name: "dir",
    needsImages: true,
    ...(wantsImages(host) ? { mustSizeAtRest: mustServeImages } : {}),
    exists: (volume) => hasManifest(at(volume)),
    facts(volume) {
      if (!hasManifest(at(volume))) return undefined;
      const { map, image, kind, layers } = of(volume);
      const isUntouched = kind === "layers" && layers.length === 0 && isEmptyTop(at(volume), of(volume));
      return { map, ...(image === undefined ? {} : { image }), isUntouched };
    },
    list: namesOf(pool),
    home: at,
    root: (volume) => rootOf(host, volume, volume.snapshot !== undefined),
    shown: (volume) => shownRoot(host, volume),
    prepare: (volume) => prepareRoot(host, volume),
    create: (volume, content) => create(host, volume, { content, plain: plain || volume.kind === "custom" }),
    clone: (from, to, live) => clone(host, { from, to, live }),
    snapshot: (snapshot, live) => clone(host, { from: ownerOf(snapshot), to: snapshot, live }),
    restore: (snapshot) => restore(host, snapshot),
    remove: (volume, later) => remove(host, volume, later),
    rename: (from, to) => rename(host, from, to),
    resize: (volume, size) => resize(host, volume, size),
    compact: (volume) => compact(host, volume),
    withoutOverlay: (volume) => withoutOverlay(host, volume, of(volume)),
    usage: (volume) => diskUsage(host, ownTrees(host, at(volume), of(volume))),
    extent: (volume) => diskUsage(host, allTrees(host, at(volume), of(volume))),
    space: () => spaceOf(pool),
    mustHold: (bytes) => mustHaveRoom(pool, bytes),
    mustTakeWrites: () => mustTakeWrites(pool),
    repair: () => repair(host),
  };
}

/** What was being made may have left a layer that nobody came to name. */
async function repair(host: PoolHost): Promise<void> {
  await removeTrees(host.hands, abandonedIn(host.directory));
  await collectLayers(host);
}

function manifestOf({ directory }: PoolHost, volume: Volume): Manifest {
  return settled(directory, mustBeThere(volume, readManifest(placeOf(directory, volume))));
}

function rootOf(host: PoolHost, volume: Volume, isReadOnly = false): RootSource {
  const place = placeOf(host.directory, volume);
  const manifest = manifestOf(host, volume);
  if (manifest.file) return imageRoot(host, { place, manifest }, isReadOnly);
  if (manifest.kind === "copy") return { kind: "directory", path: plainTree(place, manifest) };
  const lower = lowerTrees(host, manifest);
  if (manifest.top === "") return { kind: "layers", lower };
  const top = join(place, manifest.top);
  return { kind: "overlay", lower, upper: treeOf(top), work: join(top, "work") };
}

/** The own layer of a volume as one more that nobody writes to. */
function shownRoot(host: PoolHost, volume: Volume): RootSource {
  const root = rootOf(host, volume, true);
  if (root.kind !== "overlay") return root;
  return { kind: "layers", lower: isDirectory(root.upper) ? [root.upper, ...root.lower] : root.lower };
}

/** The own layer shows through as "/": a new one has the mode of the one below. */
function prepareRoot(host: PoolHost, volume: Volume): RootSource {
  const root = rootOf(host, volume);
  if (root.kind !== "overlay" || isDirectory(root.upper)) return root;
  const mode = (Deno.statSync(root.lower[0] ?? "/").mode ?? 0o755) & 0o7777;
  Deno.mkdirSync(root.work, { recursive: true, mode: 0o755 });
  Deno.mkdirSync(root.upper);
  Deno.chmodSync(root.upper, mode);
  return root;
}

/** Copies a tree, or the file that holds one. */
async function copyPlain(host: PoolHost, from: Stacked, to: Stacked): Promise<void> {
  if (from.manifest.file) return await copyImageFile(host, from, to);
  const [tree, copy] = [plainTree(from.place, from.manifest), plainTree(to.place, to.manifest)];
  await copyTree(host.hands, tree, copy);
}

/** Holds a volume to a size. A root that wants a file gets one, made of what it shows. */
async function resize(host: PoolHost, volume: Volume, size: number | undefined): Promise<void> {
  const [place, manifest] = [placeOf(host.directory, volume), manifestOf(host, volume)];
  if (manifest.file) {
    return size === undefined ? undefined : await resizeImage(host, { place, manifest }, size);
  }
  const isWanted = wantsImages(host) && volume.kind === "containers" && size !== undefined;
  if (!isWanted) return limit(host, manifest, size);
  mustServeImages();
  const root = shownRoot(host, volume);
  const trees = root.kind === "layers" ? root.lower : [plainTree(place, manifest)];
  mustHaveRoom(host.directory, await diskUsage(host, trees));
  const packed: Manifest = { ...manifest, kind: "copy", layers: [], top: nextTop(manifest), file: true };
  const filled = await newTop(
    host,
    { place, manifest: packed },
    (_, manifest) => packImage(host, { place, manifest }, { trees, size }),
  );
  writeManifest(place, filled);
  await discard(host, oldTops(place, filled));
  await collectLayers(host);
}

interface Cloning {
  from: Volume;
  to: Volume;
  live?: Live | undefined;
}

async function clone(host: PoolHost, { from, to, live }: Cloning): Promise<void> {
  const place = placeOf(host.directory, from);
  const manifest = manifestOf(host, from);
  const copied = copiedTrees({ place, manifest }, { from, live });
  mustHaveRoom(host.directory, mayShare(host.directory) ? 0 : await diskUsage(host, copied));
  await making(host, "volume", (made) => cloneTo(host, { from, to, live, made, place, manifest }));
  if (manifest.kind === "layers" && live === undefined && from.snapshot === undefined) {
    await shorten(host, from);
  }
}

/** What a clone copies: often nothing, since layers are shared. */
function copiedTrees({ place, manifest }: Stacked, { from, live }: Omit<Cloning, "to">): string[] {
  if (manifest.kind === "copy") return [join(place, manifest.top)];
  return live !== undefined && from.snapshot === undefined ? [treeOf(join(place, manifest.top))] : [];
}

async function cloneTo(
  host: PoolHost,
  { from, to, live, made, place, manifest }: Cloning & Stacked & { made: string },
): Promise<void> {
  Deno.mkdirSync(made, { mode: 0o711 });
  copyHome(place, made);
  const share = async (copy: Manifest) => {
    writeManifest(made, copy);
    await publish(host, made, placeOf(host.directory, to));
  };
  const isSnapshot = to.snapshot !== undefined;
  const chargedTo = (directory: string, copy: Manifest) =>
    isSnapshot ? uncharged(copy) : charged(host, directory, copy);
  if (manifest.kind === "copy") {
    Deno.mkdirSync(join(made, "top"), { mode: 0o711 });
    const copy = chargedTo(join(made, "top"), { ...manifest, top: "top" });
    if (manifest.file && live !== undefined) refuseLive();
    const copying = () => copyPlain(host, { place, manifest }, { place: made, manifest: copy });
    await (live === undefined ? copying() : live.still(copying));
    return await share(copy);
  }
  const shared = chargedTo(made, { ...manifest, top: isSnapshot ? "" : "top" });
  const shareLayers = (layers: string[]) => share({ ...shared, layers });
  if (from.snapshot !== undefined) return await shareLayers(manifest.layers);
  // what is being written to cannot become a layer: the mounted overlay would go on writing there
  if (live !== undefined) return await shareCopy(host, { place, manifest, live }, shareLayers);
  await shareLayers(pushTop(host, { place, manifest }));
}

async function shareCopy(
  host: PoolHost,
  { place, manifest, live }: Stacked & { live: Live },
  share: (layers: string[]) => Promise<void>,
): Promise<void> {
  await making(host, "layer", async (layer) => {
    await live.still(() => copyTop(host, { place, manifest }, layer));
    const id = newLayerId();
    await using _lock = await host.lock(); // until a manifest names it
    becomeLayer(host.directory, layer, id);
    await share([id, ...manifest.layers]);
  });
}

async function restore(host: PoolHost, snapshot: Snapshot): Promise<void> {
  const volume = ownerOf(snapshot);
  const [place, kept] = [placeOf(host.directory, volume), placeOf(host.directory, snapshot)];
  const then = manifestOf(host, snapshot);
  // without one somebody has removed the files, which come back; those of a broken one make way as well
  const found = findManifest(place);
  const now = found === undefined || found === "broken" ? undefined : settled(host.directory, found);
  Deno.mkdirSync(place, { recursive: true, mode: 0o711 });
  const manifest = await restoredTop(host, { place, kept, then, now });
  copyHome(kept, place);
  writeManifest(place, manifest);
  await discard(host, oldTops(place, manifest));
  if (now?.project !== manifest.project) forgetSize(host, now);
  if (now !== undefined && now.layers.length > 0) await collectLayers(host);
}

/** The manifest that a restored volume will have; what that means is there already. */
async function restoredTop(
  host: PoolHost,
  { place, kept, then, now }: { place: string; kept: string; then: Manifest; now: Manifest | undefined },
): Promise<Manifest> {
  const manifest = { ...then, top: nextTop(now) };
  if (then.kind === "copy") {
    const tree = join(kept, then.top);
    mustHaveRoom(host.directory, mayShare(host.directory) ? 0 : await diskUsage(host, [tree]));
    const from = { place: kept, manifest: then };
    return await newTop(
      host,
      { place, manifest },
      (_, manifest) => copyPlain(host, from, { place, manifest }),
    );
  }
  await removeTrees(host.hands, [join(place, manifest.top)]); // of a restore that was killed
  if (now?.kind !== "layers") return charged(host, place, manifest);
  return now.project === undefined ? uncharged(manifest) : { ...manifest, project: now.project };
}

async function rename(host: PoolHost, from: Volume, to: Volume): Promise<void> {
  // nobody may look for those who need a layer while one of them moves
  await using _lock = await host.lock();
  movePlaces(host.directory, from, to);
}

/** Everything a volume shows; what one layer hides of another counts too. */
function allTrees(host: PoolHost, place: string, manifest: Manifest): string[] {
  const own = manifest.top === "" ? [] : [join(place, manifest.top)];
  return manifest.kind === "copy" ? own : [...own, ...lowerTrees(host, manifest)];
}

function ownTrees(host: PoolHost, place: string, manifest: Manifest): string[] {
  const layers = manifest.layers.map((id) => layerPlace(host.directory, id));
  if (manifest.top === "") return layers.slice(0, 1);
  return [join(place, manifest.top), ...layers];
}
