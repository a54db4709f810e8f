// The driver `btrfs`: a volume is a subvolume, a snapshot a read-only one, an image one that volumes begin as snapshots
// of. Users may do all of it but set quotas; deleting is fast where the mount option user_subvol_rm_allowed is set, and
// file by file elsewhere. btrfs-subvolume(8)

import { basename, dirname, join } from "@std/path";
import { DreyError } from "../errors.ts";
import { commandFailed, run } from "../sys/run.ts";
import { exists, isDirectory, namesIn } from "../sys/present.ts";
import { copyImage } from "./copy_image.ts";
import type { Content, Driver, ImageTree, Live, PoolHost, RootSource, Volume } from "./driver.ts";
import { copyHome } from "./home.ts";
import { byManifest, mustBeThere, ownerOf } from "./known.ts";
import { type Manifest, readManifest, writeManifest } from "./manifest.ts";
import { imageTrees } from "./layers.ts";
import {
  abandonedIn,
  making,
  movePlaces,
  placeOf,
  putInPlace,
  removeIfEmptied,
  snapshotsOf,
} from "./places.ts";
import { mustHaveRoom, mustTakeWrites } from "./room.ts";
import { diskUsage, spaceOf } from "./usage.ts";

const treeOf = (place: string): string => join(place, "rootfs");

/** Opens a pool of driver `btrfs`. */
export function openBtrfs(host: PoolHost): Driver {
  const pool = host.directory;
  const at = (volume: Volume) => placeOf(pool, volume);
  const root = (volume: Volume): RootSource => ({ kind: "directory", path: treeOf(at(volume)) });
  return {
    name: "btrfs",
    needsImages: false,
    ...byManifest(pool, { read: readManifest, root }),
    root,
    shown: root,
    create: (volume, content) => create(host, volume, content),
    clone: (from, to, live) => clone(host, { from, to, live }),
    snapshot: (snapshot, live) => clone(host, { from: ownerOf(snapshot), to: snapshot, live }),
    restore: (snapshot) => clone(host, { from: snapshot, to: ownerOf(snapshot), live: undefined }),
    remove: (volume) => remove(host, volume),
    rename: async (from, to) => await movePlaces(pool, from, to),
    resize: (volume, size) => resize(host, volume, size),
    ...(Deno.uid() === 0 ? { streams: streamsOf(host) } : {}),
    ...(Deno.uid() === 0 ? { snapshotSizes: (volume, names) => snapshotSizes(host, volume, names) } : {}),
    usage: (volume) => diskUsage(host, [treeOf(at(volume))]),
    extent: (volume) => diskUsage(host, [treeOf(at(volume))]),
    space: () => spaceOf(pool),
    mustHold: (bytes) => mustHaveRoom(pool, bytes),
    mustTakeWrites: () => mustTakeWrites(pool),
    repair: () => repair(host),
    forgetImage: (id) => removeSubvolumes(host, [join(pool, "images", id)]),
  };
}

/** Loaded by whoever wants them. */
const streamsOf = (host: PoolHost): NonNullable<Driver["streams"]> => ({
  open: async (states) => await (await import("./btrfs_streams.ts")).openStreams(host, states),
  receive: async (received) => await (await import("./btrfs_streams.ts")).receiveVolume(host, received),
});

async function repair(host: PoolHost): Promise<void> {
  for (const path of abandonedIn(host.directory)) {
    // subvolumes that were received into a directory
    if (basename(path).startsWith("received.")) {
      await removeSubvolumes(host, namesIn(path).map((name) => join(path, name)));
    }
    await removeSubvolumes(host, [path]);
  }
}

/** Runs btrfs(8) as the user, who owns the subvolumes. @throws {DreyError} */
export async function btrfs(...argv: string[]): Promise<string> {
  const result = await run(["btrfs", ...argv]);
  if (result.code !== 0) throw commandFailed("btrfs", { code: result.code, stderr: reason(result.stderr) });
  return result.stdout;
}

/** What it says first is what went wrong. */
const reason = (stderr: string): string => stderr.split("\n").find((line) => /ERROR/.test(line)) ?? stderr;

async function create(host: PoolHost, volume: Volume, content: Content): Promise<void> {
  mustHaveRoom(host.directory);
  await makingSubvolume(host, "volume", async (made) => {
    if (content.image === undefined) {
      await btrfs("-q", "subvolume", "create", made);
      Deno.mkdirSync(treeOf(made));
      Deno.chmodSync(treeOf(made), content.owner?.mode ?? 0o755);
      if (content.owner !== undefined) await host.hands.own(treeOf(made), content.owner);
    } else {
      const image = await imageVolume(host, content.image, content.map);
      await btrfs("-q", "subvolume", "snapshot", image, made);
    }
    writeManifest(made, {
      ...manifestFor(content.map),
      ...(content.image === undefined ? {} : { image: content.image.id }),
    });
    if (content.size !== undefined) await limit(host, made, content.size);
    await putInPlace(
      host.directory,
      { made, place: placeOf(host.directory, volume) },
      (old) => removeSubvolumes(host, [old]),
    );
  });
}

const makingSubvolume = (host: PoolHost, what: string, work: (made: string) => Promise<void>) =>
  making(host, what, work, (paths) => removeSubvolumes(host, paths));

const manifestFor = (map: string): Manifest => ({ version: 1, map, kind: "copy", layers: [], top: "" });

/** The pool's copy of an image, made by whoever needs it first. */
async function imageVolume(host: PoolHost, image: ImageTree, map: string): Promise<string> {
  const place = join(host.directory, "images", image.id);
  if (isDirectory(place)) return place;
  mustHaveRoom(host.directory, await diskUsage(host, imageTrees(dirname(image.rootfs))));
  await makingSubvolume(host, "image", async (made) => {
    await btrfs("-q", "subvolume", "create", made);
    await copyImage(host.hands, image.rootfs, treeOf(made));
    copyHome(join(image.rootfs, ".."), made);
    writeManifest(made, manifestFor(map));
    await using _lock = await host.lock();
    if (isDirectory(place)) return await removeSubvolumes(host, [made]); // somebody was faster
    Deno.mkdirSync(join(place, ".."), { recursive: true, mode: 0o711 });
    Deno.renameSync(made, place);
  });
  return place;
}

interface Cloning {
  from: Volume;
  to: Volume;
  live: Live | undefined;
}

async function clone(host: PoolHost, { from, to, live }: Cloning): Promise<void> {
  const source = placeOf(host.directory, from);
  mustBeThere(from, readManifest(placeOf(host.directory, from)));
  const place = placeOf(host.directory, to);
  mustHaveRoom(host.directory);
  const take = async (made: string) => {
    const work = () => btrfs("-q", "subvolume", "snapshot", source, made);
    await (live === undefined ? work() : live.still(work));
  };
  // a read-only one could neither make way for another nor be moved
  if (to.snapshot !== undefined) await removeSubvolumes(host, [place]);
  await makingSubvolume(host, "volume", async (made) => {
    await take(made);
    await putInPlace(host.directory, { made, place }, (old) => removeSubvolumes(host, [old]));
  });
  if (to.snapshot !== undefined) await btrfs("property", "set", "-ts", place, "ro", "true");
}

async function remove(host: PoolHost, volume: Volume): Promise<void> {
  const pool = host.directory;
  const places = [placeOf(pool, volume)];
  if (volume.snapshot === undefined) {
    const directory = snapshotsOf(pool, volume);
    places.push(...namesIn(directory).map((name) => join(directory, name)));
  }
  await removeSubvolumes(host, places);
  removeIfEmptied(pool, volume);
}

/** Deletes subvolumes with all that is in them, and plain directories that stand where one should. */
export async function removeSubvolumes(
  { hands }: Pick<PoolHost, "hands">,
  paths: readonly string[],
): Promise<void> {
  for (const path of paths.filter(exists)) {
    await run(["btrfs", "property", "set", "-ts", path, "ro", "false"]); // fails on what is no subvolume
    const { code } = await run(["btrfs", "-q", "subvolume", "delete", path]);
    // no right to, or subvolumes of the container's own inside: rmdir(2) takes empty ones from anybody
    if (code !== 0) await hands.run(["rm", "-rf", "--", path]);
  }
}

async function resize(host: PoolHost, volume: Volume, size: number | undefined): Promise<void> {
  await limit(host, placeOf(host.directory, volume), size);
}

/** Quotas count whole subvolumes, and only root may set them. btrfs-qgroup(8) */
async function limit({ directory }: PoolHost, place: string, size: number | undefined): Promise<void> {
  if (Deno.uid() !== 0) {
    if (size === undefined) return;
    throw new DreyError("NOT_SUPPORTED", {
      message: "Cannot hold a volume to a size: only root may set quotas of btrfs",
      hint: "Leave the size out",
    });
  }
  await btrfs("quota", "enable", directory);
  await btrfs("qgroup", "limit", size === undefined ? "none" : String(size), place);
}

/** What quotas count as a snapshot's alone, where some volume of the file system has a size. btrfs-qgroup(8) */
async function snapshotSizes(
  { directory }: PoolHost,
  { kind, name }: Volume,
  snapshots: readonly string[],
): Promise<Map<string, number>> {
  const sizes = new Map<string, number>();
  for (const snapshot of snapshots) {
    const place = placeOf(directory, { kind, name, snapshot });
    const { code, stdout, stderr } = await run(["btrfs", "qgroup", "show", "--raw", "-f", place]);
    if (code !== 0 && /quotas? not enabled/.test(stderr)) break;
    const exclusive = /^0\/\d+\s+\d+\s+(\d+)/m.exec(stdout)?.[1];
    // one that is gone meanwhile has none
    if (code === 0 && exclusive !== undefined) sizes.set(snapshot, Number(exclusive));
  }
  return sizes;
}
