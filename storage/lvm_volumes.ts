// Volumes of the driver `lvm` on disk: a directory of the pool with a manifest that names a logical volume, which is
// mounted below it when somebody wants its files. The manifest is written before the logical volume is made and goes
// after it, so that none is ever without a name.

import { join } from "@std/path";
import { DreyError } from "../errors.ts";
import { exists, isDirectory, namesIn, readIfThere } from "../sys/present.ts";
import { isMountPoint, mountDevice, unmount } from "./device_files.ts";
import type { PoolHost } from "./driver.ts";
import { devicePath, type Group, poolSpace, removeThin } from "./lvm_commands.ts";
import { type LogicalVolume, type Manifest, orBroken, readManifest, writeManifest } from "./manifest.ts";
import { making } from "./places.ts";
import { reserveOf } from "./room.ts";

export const groupFile = "group.json";

/** What a pool's directory says of the pool. */
export interface RecordedGroup extends Group {
  /** the group and the thin pool, if they were made for the storage pool and go with it */
  made: { vg: boolean; thinPool: boolean };
}

/** The group of a pool whose directory is mounted. @throws {DreyError} `CONFLICT` if it is not */
export function readGroup(directory: string): RecordedGroup {
  const text = readIfThere(join(directory, groupFile));
  if (text !== undefined) return JSON.parse(text) as RecordedGroup;
  throw new DreyError("CONFLICT", {
    message: `The directory of the storage pool is not that of a volume group: "${directory}"`,
  });
}

/** A pool with the group it is in. */
export interface LvmHost extends PoolHost {
  group: Group;
}

/** A volume with files on a logical volume. */
export type DeviceManifest = Manifest & { device: LogicalVolume };

/** Where the files of a volume are mounted. */
export const mountPoint = (place: string): string => join(place, "volume");
export const treeOf = (place: string): string => join(mountPoint(place), "rootfs");

/** A name for a logical volume that no other has had. */
export const newName = (): string => `drey_${crypto.randomUUID().replaceAll("-", "")}`;

/** The manifest in a directory, if it is that of a volume. */
export function deviceManifest(place: string): DeviceManifest | undefined {
  const manifest = readManifest(place);
  return manifest?.device === undefined ? undefined : { ...manifest, device: manifest.device };
}

/** Directory and manifest of a volume that is being made; its logical volume comes next. */
export function beginVolume(made: string, manifest: DeviceManifest): void {
  Deno.mkdirSync(mountPoint(made), { recursive: true, mode: 0o711 });
  Deno.chmodSync(made, 0o711);
  writeManifest(made, manifest);
}

/** Mounts the files of a volume, unless they are, and answers with the directory they are in. */
export function reach({ group }: LvmHost, place: string, readOnly: boolean): string {
  const manifest = deviceManifest(place);
  if (manifest === undefined) throw new Error(`no volume of lvm: ${place}`);
  const { lv, fileSystem: type, options } = manifest.device;
  mountDevice({ device: devicePath(group, lv), at: mountPoint(place), type, options, readOnly });
  return treeOf(place);
}

/** What `look` finds in the mounted files of a volume, which are mounted afterwards only if they were before. */
export async function withMounted<T>(host: LvmHost, place: string, look: (at: string) => T): Promise<T> {
  const at = mountPoint(place);
  const wasMounted = isMountPoint(at);
  reach(host, place, true);
  try {
    return look(at);
  } finally {
    if (!wasMounted) await unmount(at);
  }
}

/** {@link making} for volumes. */
export const makingVolume = (host: LvmHost, what: string, work: (made: string) => Promise<void>) =>
  making(host, what, work, (paths) => dropVolumes(host, paths));

/** for so long, in tenths of a second, others may still hold what is to be removed */
const usualTries = 100;

/**
 * Removes directories with a volume, or with several, and their logical volumes. One that somebody still uses stays,
 * out of sight, until a later command.
 */
export async function dropVolumes(
  host: LvmHost,
  paths: readonly string[],
  tries: number = usualTries,
): Promise<void> {
  for (const path of paths.filter(exists)) {
    const places = [path, ...namesIn(path).map((name) => join(path, name))].filter(isDirectory);
    let isFree = true;
    for (const place of places) isFree = await dropDevice(host, place, tries) && isFree;
    if (isFree) Deno.removeSync(path, { recursive: true });
  }
}

async function dropDevice({ group }: LvmHost, place: string, tries: number): Promise<boolean> {
  const at = mountPoint(place);
  await unmount(at);
  const manifest = orBroken(() => deviceManifest(place));
  // which device it was on, nobody knows
  if (manifest === undefined || manifest === "broken") return true;
  // from now on nobody finds files here, and nothing may be mounted over what is to be removed
  if (isDirectory(at)) Deno.removeSync(at);
  return await removeThin(group, manifest.device.lv, tries);
}

/** full descriptions stop a thin pool as full blocks do */
const mostMetadata = 95;

/** @throws {DreyError} `NO_SPACE` if the pool has no room for so many more bytes */
export async function mustHold({ group }: LvmHost, bytes: number): Promise<void> {
  const { total, used, metadataPercent } = await poolSpace(group);
  const free = total - used - reserveOf(total);
  if (free >= bytes && metadataPercent < mostMetadata) return;
  const MiB = 2 ** 20;
  const found = metadataPercent < mostMetadata
    ? `${Math.ceil(bytes / MiB)} MiB are needed, ${Math.max(0, Math.floor(free / MiB))} MiB are free`
    : "it has no room left to note what is where";
  throw new DreyError("NO_SPACE", {
    message: `The thin pool "${group.vg}/${group.thinPool}" is full: ${found}`,
    hint: "Remove snapshots or instances, or extend it with lvextend(8)",
  });
}
