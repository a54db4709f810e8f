// The driver `lvm`, for root: a volume is a thin logical volume with a file system of its own, a snapshot or a copy one
// that shares its blocks, an image one that volumes begin as. What is known of volumes, and what is kept beside their
// roots, lies in the pool's directory, which is on a logical volume too.

import { dirname, join } from "@std/path";
import { parseSize } from "../config/size.ts";
import { isDirectory } from "../sys/present.ts";
import { copyImage } from "./copy_image.ts";
import {
  deviceFileSystems,
  deviceSize,
  growFileSystem,
  isMountPoint,
  makeFileSystem,
  shrinkFileSystem,
  unmount,
  usedBytes,
} from "./device_files.ts";
import type { Content, Driver, ImageTree, Live, PoolHost, RootSource, Volume } from "./driver.ts";
import { copyHome } from "./home.ts";
import { byManifest, mustBeThere, ownerOf } from "./known.ts";
import { imageTrees } from "./layers.ts";
import { createThin, devicePath, extentSize, poolSpace, sizeThin, snapshotThin } from "./lvm_commands.ts";
import {
  beginVolume,
  type DeviceManifest,
  deviceManifest,
  dropVolumes,
  type LvmHost,
  makingVolume,
  mountPoint,
  mustHold,
  newName,
  reach,
  readGroup,
  treeOf,
  withMounted,
} from "./lvm_volumes.ts";
import type { LogicalVolume } from "./manifest.ts";
import {
  abandonedIn,
  moveAway,
  movePlaces,
  placeOf,
  putInPlace,
  removeIfEmptied,
  snapshotsOf,
} from "./places.ts";
import { mustTakeWrites } from "./room.ts";
import { diskUsage } from "./usage.ts";

const MiB = 2 ** 20;
const usualSize = 10 * 1024 * MiB;

/** Opens a pool of driver `lvm`. */
export function openLvm(given: PoolHost): Driver {
  const pool = given.directory;
  const host: LvmHost = { ...given, group: readGroup(pool) };
  const at = (volume: Volume) => placeOf(pool, volume);
  const root = (volume: Volume) => rootOf(host, volume);
  const used = (volume: Volume) => {
    manifestOf(host, volume);
    return withMounted(host, at(volume), usedBytes);
  };
  return {
    name: "lvm",
    needsImages: false,
    ...byManifest(pool, { read: deviceManifest, root }),
    root,
    shown: root,
    create: (volume, content) => create(host, volume, content),
    clone: (from, to, live) => clone(host, { from, to, live }),
    snapshot: (snapshot, live) => clone(host, { from: ownerOf(snapshot), to: snapshot, live }),
    restore: (snapshot) => clone(host, { from: snapshot, to: ownerOf(snapshot), live: undefined }),
    remove: (volume) => remove(host, volume),
    // mounts move along with the directories they are in
    rename: async (from, to) => await movePlaces(pool, from, to),
    resize: (volume, size) => resize(host, volume, size),
    fit: (volume, bytes) => fit(host, volume, bytes),
    usage: used,
    extent: used,
    async space() {
      const { total, used } = await poolSpace(host.group);
      return { space: { used, total }, inodes: { used: 0, total: 0 } };
    },
    mustHold: (bytes) => mustHold(host, bytes),
    mustTakeWrites: () => mustTakeWrites(pool),
    repair: () => dropVolumes(host, abandonedIn(pool), 1),
    forgetImage: (id) => dropVolumes(host, moveAway(pool, [join(pool, "images", id)])),
  };
}

function manifestOf({ directory }: PoolHost, volume: Volume): DeviceManifest {
  return mustBeThere(volume, deviceManifest(placeOf(directory, volume)));
}

function rootOf(host: LvmHost, volume: Volume): RootSource {
  manifestOf(host, volume);
  const path = reach(host, placeOf(host.directory, volume), volume.snapshot !== undefined);
  return { kind: "directory", path };
}

/** A new logical volume as the pool's settings want it. */
function newDevice({ config }: PoolHost): LogicalVolume {
  const wanted = config["volume.block.filesystem"];
  const fileSystem = deviceFileSystems.find((known) => known === wanted) ?? "ext4";
  return { lv: newName(), fileSystem, options: config["volume.block.mount_options"] || "discard" };
}

const poolSize = ({ config }: PoolHost): number => parseSize(config["volume.size"] || "") ?? usualSize;

/** What a file system takes for itself: so much more than its content a volume is made. */
const roomFor = (bytes: number): number => Math.ceil(bytes * 1.1) + 128 * MiB;

async function create(host: LvmHost, volume: Volume, content: Content): Promise<void> {
  await mustHold(host, 0);
  const wanted = content.size ?? Math.max(poolSize(host), roomFor(content.expected ?? 0));
  await makingVolume(host, "volume", async (made) => {
    const { image, map } = content;
    const began = image === undefined ? undefined : deviceManifest(await imageVolume(host, image, map));
    const named = image === undefined ? {} : { image: image.id };
    if (began !== undefined && wanted >= deviceSize(devicePath(host.group, began.device.lv))) {
      await derive(host, { made, manifest: { ...began, ...named } });
    } else {
      await makeFiles(host, made, { ...emptyManifest(host, map), ...named }, wanted);
      if (image === undefined) await fillEmpty(host, made, content);
      else await copyImage(host.hands, image.rootfs, treeOf(made));
    }
    await growTo(host, made, wanted);
    await putInPlace(
      host.directory,
      { made, place: placeOf(host.directory, volume) },
      (old) => dropVolumes(host, [old]),
    );
  });
}

const emptyManifest = (host: PoolHost, map: string): DeviceManifest => ({
  version: 1,
  map,
  kind: "copy",
  layers: [],
  top: "",
  device: newDevice(host),
});

/** A mounted file system that is empty. */
async function makeFiles(
  host: LvmHost,
  made: string,
  manifest: DeviceManifest,
  size: number,
): Promise<void> {
  beginVolume(made, manifest);
  const { lv, fileSystem } = manifest.device;
  await createThin(host.group, lv, size);
  await makeFileSystem(devicePath(host.group, lv), fileSystem);
  reach(host, made, false);
}

async function fillEmpty({ hands }: PoolHost, made: string, { owner }: Content): Promise<void> {
  Deno.mkdirSync(treeOf(made));
  Deno.chmodSync(treeOf(made), owner?.mode ?? 0o755);
  if (owner !== undefined) await hands.own(treeOf(made), owner);
}

/** The pool's copy of an image, made by whoever needs it first. */
async function imageVolume(host: LvmHost, image: ImageTree, map: string): Promise<string> {
  const place = join(host.directory, "images", image.id);
  if (isDirectory(place)) return place;
  const bytes = await diskUsage(host, imageTrees(dirname(image.rootfs)));
  await mustHold(host, bytes);
  await makingVolume(host, "image", async (made) => {
    await makeFiles(host, made, emptyManifest(host, map), Math.max(poolSize(host), roomFor(bytes)));
    await copyImage(host.hands, image.rootfs, treeOf(made));
    copyHome(join(image.rootfs, ".."), made);
    // what is mounted would be written back later, into every copy
    await unmount(mountPoint(made));
    await using _lock = await host.lock();
    if (isDirectory(place)) return await dropVolumes(host, [made]); // somebody was faster
    Deno.mkdirSync(join(place, ".."), { recursive: true, mode: 0o711 });
    Deno.renameSync(made, place);
  });
  return place;
}

/** A volume with the blocks of another. */
async function derive(
  { group }: LvmHost,
  { made, manifest, live }: { made: string; manifest: DeviceManifest; live?: Live | undefined },
): Promise<void> {
  const { device } = manifest;
  const lv = newName();
  beginVolume(made, { ...manifest, device: { ...device, lv } });
  const take = () => snapshotThin(group, device.lv, lv);
  await (live === undefined ? take() : live.still(take));
}

interface Cloning {
  from: Volume;
  to: Volume;
  live: Live | undefined;
}

async function clone(host: LvmHost, { from, to, live }: Cloning): Promise<void> {
  const manifest = manifestOf(host, from);
  await mustHold(host, 0);
  await makingVolume(host, "volume", async (made) => {
    await derive(host, { made, manifest, live });
    copyHome(placeOf(host.directory, from), made);
    await putInPlace(
      host.directory,
      { made, place: placeOf(host.directory, to) },
      (old) => dropVolumes(host, [old]),
    );
  });
}

async function remove(host: LvmHost, volume: Volume): Promise<void> {
  const pool = host.directory;
  const snapshots = volume.snapshot === undefined ? [snapshotsOf(pool, volume)] : [];
  await dropVolumes(host, moveAway(pool, [placeOf(pool, volume), ...snapshots]));
  removeIfEmptied(pool, volume);
}

/** A volume without a size of its own is at least as large as those of the pool begin. */
async function resize(host: LvmHost, volume: Volume, size: number | undefined): Promise<void> {
  const place = placeOf(host.directory, volume);
  const { device } = manifestOf(host, volume);
  const now = deviceSize(devicePath(host.group, device.lv));
  const wanted = size ?? Math.max(now, poolSize(host));
  if (wanted > now) return await growTo(host, place, wanted);
  const extent = wanted === now ? 0 : await extentSize(host.group);
  if (now - wanted < extent || wanted === now) return;
  const rounded = Math.ceil(wanted / extent) * extent;
  const wasMounted = isMountPoint(mountPoint(place));
  await unmount(mountPoint(place));
  try {
    await shrinkFileSystem(devicePath(host.group, device.lv), device.fileSystem, rounded);
    await sizeThin(host.group, device.lv, rounded);
  } finally {
    // somebody may be about to use the path
    if (wasMounted) reach(host, place, false);
  }
}

async function fit(host: LvmHost, volume: Volume, bytes: number): Promise<void> {
  manifestOf(host, volume);
  await growTo(host, placeOf(host.directory, volume), roomFor(bytes));
}

/** Makes a volume larger that is smaller, its file system too. */
async function growTo(host: LvmHost, place: string, size: number): Promise<void> {
  const { device: { lv, fileSystem: type, options } } = deviceManifest(place)!;
  const device = devicePath(host.group, lv);
  if (deviceSize(device) >= size) return;
  await sizeThin(host.group, lv, size);
  reach(host, place, false);
  await growFileSystem({ device, at: mountPoint(place), type, options, readOnly: false });
}
