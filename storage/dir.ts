// The driver `dir`: a directory of any file system. Volumes of instances are overlays of shared layers, so that a
// snapshot or a copy of one at rest costs neither time nor space; where the kernel mounts no overlay, and for custom
// volumes, they are plain trees that are copied, with reflinks where the file system has them.

import { join } from "@std/path";
import { DreyError } from "../errors.ts";
import { exists, isDirectory, namesIn } from "../sys/present.ts";
import type { Content, Driver, Live, PoolHost, RootSource, Snapshot, Volume } from "./driver.ts";
import { copyImage } from "./copy_image.ts";
import { compact, shorten } from "./compact.ts";
import { copyHome } from "./home.ts";
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
  treeOf,
} from "./layers.ts";
import { type Manifest, readManifest, writeManifest } from "./manifest.ts";
import {
  abandonedIn,
  discard,
  moveAway,
  placeOf,
  publish,
  removeTrees,
  snapshotsOf,
  temporaryPlace,
} from "./places.ts";
import { diskUsage, spaceOf } from "./usage.ts";

/** Where a plain tree lies in the top directory. */
const plainTree = (place: string, { top }: Manifest): string => join(place, top, "rootfs");

/** Opens a pool of driver `dir`. `plain` makes every volume a plain tree. */
export function openDir(host: PoolHost, { plain = false }: { plain?: boolean } = {}): Driver {
  const pool = host.directory;
  const at = (volume: Volume) => placeOf(pool, volume);
  const of = (volume: Volume) => manifestOf(host, volume);
  return {
    name: "dir",
    needsImages: true,
    exists: (volume) => readManifest(at(volume)) !== undefined,
    facts(volume) {
      if (readManifest(at(volume)) === undefined) return undefined;
      const { map, image, kind, layers } = of(volume);
      const isUntouched = kind === "layers" && layers.length === 0 && isEmptyTop(at(volume), of(volume));
      return { map, ...(image === undefined ? {} : { image }), isUntouched };
    },
    list: (kind, name) => namesIn(name === undefined ? join(pool, kind) : snapshotsOf(pool, { kind, name })),
    home: at,
    root: (volume) => rootOf(host, volume),
    prepare: (volume) => prepareRoot(host, volume),
    create: (volume, content) => create(host, volume, { content, plain: plain || volume.kind === "custom" }),
    clone: (from, to, live) => clone(host, { from, to, live }),
    snapshot: (snapshot, live) => clone(host, { from: ownerOf(snapshot), to: snapshot, live }),
    restore: (snapshot) => restore(host, snapshot),
    remove: (volume) => remove(host, volume),
    rename: (from, to) => rename(host, from, to),
    resize: (_volume, size) => refuseSize(size),
    compact: (volume) => compact(host, volume),
    withoutOverlay: (volume) => withoutOverlay(host, volume),
    usage: (volume) => diskUsage(host, ownTrees(host, at(volume), of(volume))),
    space: () => spaceOf(pool),
    repair: () => removeTrees(host.hands, abandonedIn(pool)),
  };
}

const ownerOf = ({ kind, name }: Snapshot): Volume => ({ kind, name });

function manifestOf({ directory }: PoolHost, volume: Volume): Manifest {
  const manifest = readManifest(placeOf(directory, volume));
  if (manifest !== undefined) return settled(directory, manifest);
  const name = volume.snapshot === undefined ? volume.name : `${volume.name}/${volume.snapshot}`;
  throw new DreyError("NOT_FOUND", { message: `Cannot find the files of "${name}" in the storage pool` });
}

function rootOf(host: PoolHost, volume: Volume): RootSource {
  const place = placeOf(host.directory, volume);
  const manifest = manifestOf(host, volume);
  if (manifest.kind === "copy") return { kind: "directory", path: plainTree(place, manifest) };
  const lower = lowerTrees(host, manifest);
  if (manifest.top === "") return { kind: "layers", lower };
  const top = join(place, manifest.top);
  return { kind: "overlay", lower, upper: treeOf(top), work: join(top, "work") };
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

async function create(
  host: PoolHost,
  volume: Volume,
  { content, plain }: { content: Content; plain: boolean },
): Promise<void> {
  await refuseSize(content.size);
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
  const made = old === undefined ? temporaryPlace(host.directory, "volume") : place;
  Deno.mkdirSync(made, { recursive: true, mode: 0o711 });
  if (plain) await fillPlain(host, { place: made, manifest, content });
  // an overlay wants something below: an empty tree
  else if (content.image === undefined) await addEmptyLayer(host, { place: made, manifest, content });
  else writeManifest(made, manifest);
  if (old === undefined) return await publish(host, made, place);
  await discard(host, [join(place, "metadata.yaml"), join(place, "templates"), ...oldTops(place, manifest)]);
  await collectLayers(host);
}

interface Filling {
  place: string;
  manifest: Manifest;
  content: Content;
}

async function fillPlain(host: PoolHost, { place, manifest, content }: Filling): Promise<void> {
  const top = join(place, manifest.top);
  await removeTrees(host.hands, [top]);
  Deno.mkdirSync(top, { mode: 0o711 });
  const tree = plainTree(place, manifest);
  if (content.image === undefined) await makeEmpty(host, tree, content);
  else await copyImage(host.hands, content.image.rootfs, tree);
  writeManifest(place, manifest);
}

async function makeEmpty({ hands }: PoolHost, tree: string, { owner }: Content): Promise<void> {
  Deno.mkdirSync(tree, { recursive: true });
  Deno.chmodSync(tree, owner?.mode ?? 0o755);
  if (owner !== undefined) await hands.own(tree, owner);
}

async function addEmptyLayer(host: PoolHost, { place, manifest, content }: Filling): Promise<void> {
  const id = newLayerId();
  const made = temporaryPlace(host.directory, "layer");
  await makeEmpty(host, treeOf(made), content);
  await using _lock = await host.lock(); // until the manifest names it
  becomeLayer(host.directory, made, id);
  writeManifest(place, { ...manifest, layers: [id] });
}

const copyTree = ({ hands }: PoolHost, from: string, to: string) =>
  hands.run(["cp", "-a", "--reflink=auto", "--", from, to]);

/** Top directories of a volume that its manifest no longer means. */
const oldTops = (place: string, { top }: Manifest): string[] =>
  namesIn(place).filter((name) => /^top(-\d+)?$/.test(name) && name !== top).map((name) => join(place, name));

interface Cloning {
  from: Volume;
  to: Volume;
  live?: Live | undefined;
}

async function clone(host: PoolHost, { from, to, live }: Cloning): Promise<void> {
  const place = placeOf(host.directory, from);
  const manifest = manifestOf(host, from);
  const made = temporaryPlace(host.directory, "volume");
  Deno.mkdirSync(made, { mode: 0o711 });
  copyHome(place, made);
  const share = async (copy: Manifest) => {
    writeManifest(made, copy);
    await publish(host, made, placeOf(host.directory, to));
  };
  if (manifest.kind === "copy") {
    const copy = { ...manifest, top: "top" };
    Deno.mkdirSync(join(made, copy.top), { mode: 0o711 });
    const copying = () => copyTree(host, plainTree(place, manifest), plainTree(made, copy));
    await (live === undefined ? copying() : live.still(copying));
    return await share(copy);
  }
  const top = to.snapshot === undefined ? "top" : "";
  const shareLayers = (layers: string[]) => share({ ...manifest, layers, top });
  if (from.snapshot !== undefined) return await shareLayers(manifest.layers);
  // what is being written to cannot become a layer: the mounted overlay would go on writing there
  if (live !== undefined) return await shareCopy(host, { place, manifest, live }, shareLayers);
  await pushTop(host, { place, manifest }, shareLayers);
  await shorten(host, from);
}

async function shareCopy(
  host: PoolHost,
  { place, manifest, live }: { place: string; manifest: Manifest; live: Live },
  share: (layers: string[]) => Promise<void>,
): Promise<void> {
  const layer = await live.still(() => copyTop(host, { place, manifest }));
  const id = newLayerId();
  await share([id, ...manifest.layers]);
  becomeLayer(host.directory, layer, id);
}

async function restore(host: PoolHost, snapshot: Snapshot): Promise<void> {
  const volume = ownerOf(snapshot);
  const [place, kept] = [placeOf(host.directory, volume), placeOf(host.directory, snapshot)];
  const [now, then] = [manifestOf(host, volume), manifestOf(host, snapshot)];
  const manifest = { ...then, top: nextTop(now) };
  const top = join(place, manifest.top);
  await removeTrees(host.hands, [top]); // of a restore that was killed
  if (then.kind === "copy") {
    Deno.mkdirSync(top, { mode: 0o711 });
    await copyTree(host, plainTree(kept, then), plainTree(place, manifest));
  }
  copyHome(kept, place);
  writeManifest(place, manifest);
  await discard(host, oldTops(place, manifest));
  if (now.layers.length > 0) await collectLayers(host);
}

/** Another name each time, so that the manifest alone says which top counts. */
function nextTop(old: Manifest | undefined): string {
  if (old === undefined) return "top";
  return `top-${Number(/^top-(\d+)$/.exec(old.top)?.[1] ?? "1") + 1}`;
}

async function remove(host: PoolHost, volume: Volume): Promise<void> {
  const pool = host.directory;
  const snapshots = volume.snapshot === undefined ? namesIn(snapshotsOf(pool, volume)) : [];
  const all = [volume, ...snapshots.map((snapshot) => ({ ...volume, snapshot }))];
  const hasLayers = all.some((one) => (readManifest(placeOf(pool, one))?.layers.length ?? 0) > 0);
  const doomed = moveAway(pool, [
    placeOf(pool, volume),
    ...(volume.snapshot === undefined ? [snapshotsOf(pool, volume)] : []),
  ]);
  await removeTrees(host.hands, doomed);
  if (hasLayers) await collectLayers(host);
}

async function rename(host: PoolHost, from: Volume, to: Volume): Promise<void> {
  // nobody may look for those who need a layer while one of them moves
  await using _lock = await host.lock();
  const pool = host.directory;
  move(placeOf(pool, from), placeOf(pool, to));
  if (from.snapshot === undefined) move(snapshotsOf(pool, from), snapshotsOf(pool, to));
}

function move(from: string, to: string): void {
  if (!exists(from)) return;
  Deno.mkdirSync(join(to, ".."), { recursive: true, mode: 0o711 });
  Deno.renameSync(from, to);
}

async function withoutOverlay(host: PoolHost, volume: Volume): Promise<boolean> {
  const place = placeOf(host.directory, volume);
  const manifest = manifestOf(host, volume);
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

function ownTrees(host: PoolHost, place: string, manifest: Manifest): string[] {
  const layers = manifest.layers.map((id) => layerPlace(host.directory, id));
  if (manifest.top === "") return layers.slice(0, 1);
  return [join(place, manifest.top), ...layers];
}

async function refuseSize(size: number | undefined): Promise<void> {
  if (size === undefined) return await Promise.resolve();
  throw new DreyError("NOT_SUPPORTED", {
    message: "Storage pools of driver dir cannot hold a volume to a size",
    hint: "Use a pool of driver btrfs, or leave the size out",
  });
}
