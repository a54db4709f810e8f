// The root volume of an instance: which one it is, in which pool, and what is mounted for it.

import { findRootDisk } from "../../config/device_keys.ts";
import { migrationStateful } from "../../config/instance_keys.ts";
import { readKey } from "../../config/key.ts";
import { DreyError } from "../../errors.ts";
import { formatMap, type IdMap, mapId } from "../../idmap/map.ts";
import type { RootSource } from "../../runtime/container_plan.ts";
import type { Content, Hands } from "../../storage/driver.ts";
import type { Config, Devices } from "../../wire/instance.ts";
import type { Context, Ref } from "../context.ts";
import { diskSuffix, ensureUnpacked } from "../images/lower.ts";
import { type OpenPool, openPool } from "../storage_pools/open.ts";
import { type InstanceRecord, loadRecord } from "./record.ts";
import { volumeOf } from "./volume_of.ts";

/** The pool that expanded devices put the root volume in. */
export function poolFor(devices: Devices): string {
  return findRootDisk(devices)?.device["pool"] || "default";
}

/** A device says where a root volume is made, not where it goes. @throws {DreyError} `BAD_REQUEST` */
export function mustStayInPool({ before, after }: { before: Devices; after: Devices }, pool: string): void {
  const wanted = poolFor(after);
  if (wanted === pool || wanted === poolFor(before)) return;
  throw new DreyError("BAD_REQUEST", {
    message: `Cannot update root disk device pool name to "${wanted}": the root disk is in "${pool}"`,
    hint: "To move it: drey move NAME --storage " + wanted,
  });
}

/** What has a root disk device keeps one. @throws {DreyError} `BAD_REQUEST` */
export function mustKeepRootDevice({ before, after }: { before: Devices; after: Devices }): void {
  if (findRootDisk(before) !== undefined) mustHaveRootDevice(after);
}

/** Holds expanded devices against that. @throws {DreyError} `BAD_REQUEST` */
export function mustHaveRootDevice(devices: Devices): void {
  if (findRootDisk(devices) !== undefined) return;
  throw new DreyError("BAD_REQUEST", {
    message: "Failed detecting root disk device: No root device could be found",
    hint: "Keep one in the instance's devices or in its profiles: a disk with path=/ and a pool",
  });
}

/** Opens the pool an instance is in. @throws {DreyError} `NOT_FOUND` */
export async function openRootPool(context: Context, ref: Ref, hands?: Hands): Promise<OpenPool> {
  return await openPool(context, (await loadRecord(context, ref)).value.pool, hands);
}

/**
 * Whether files of an image are to become the disk of an instance: a machine can be saved only if its guest's files
 * are not shared with the host.
 *
 * @param config expanded
 */
export const wantsDisk = ({ type }: Pick<InstanceRecord, "type">, config: Config): boolean =>
  type === "virtual-machine" && (readKey(config, migrationStateful) ?? false);

/**
 * What a new root volume begins with: the instance's image under a map, unpacked first if need be, or nothing.
 *
 * @param options `asDisk` makes a disk of an image of files
 */
export async function contentOf(
  context: Context,
  fingerprint: string | undefined,
  { map, asDisk }: { map: IdMap; asDisk: boolean },
): Promise<Content> {
  const text = formatMap(map);
  if (fingerprint === undefined || fingerprint === "") {
    const owner = { uid: map.uids[0]?.hostId ?? 0, gid: map.gids[0]?.hostId ?? 0, mode: 0o755 };
    return { map: text, owner };
  }
  const id = `${fingerprint}-${mapId(map)}`;
  if (asDisk) {
    const { ensureDisk } = await import("../images/disk_lower.ts");
    const rootfs = await ensureDisk(context, fingerprint, map);
    if (rootfs !== undefined) return { map: text, image: { id: `${id}${diskSuffix}`, rootfs } };
  }
  return { map: text, image: { id, rootfs: await ensureUnpacked(context, { fingerprint }, map) } };
}

/**
 * What the root of an instance is mounted from. The volume is made anew if it was made for other ids and nothing is in
 * it: ids are chosen when an instance starts for the first time.
 */
export async function rootSource(
  context: Context,
  ref: Ref,
  { record, map }: { record: InstanceRecord; map: IdMap },
): Promise<RootSource> {
  await using pool = await openPool(context, record.pool);
  const { driver } = pool;
  const volume = volumeOf(ref);
  const image = record.config["volatile.base_image"];
  const facts = driver.facts(volume);
  if (facts === undefined) throw filesGone(ref, record.pool);
  const isForOthers = facts.map !== formatMap(map);
  if (isForOthers && !facts.isUntouched) throw otherIds(ref);
  const way = { map, asDisk: facts.image?.endsWith(diskSuffix) ?? false };
  if (isForOthers) await driver.create(volume, await contentOf(context, image, way));
  else if (driver.needsImages && facts.image !== undefined) await contentOf(context, image, way);
  return driver.root(volume);
}

function filesGone({ name }: Ref, pool: string): DreyError {
  return new DreyError("NOT_FOUND", {
    message: `The files of instance "${name}" are not in storage pool "${pool}" any more`,
    hint: `Put them back, go back to a snapshot, make it anew (drey rebuild IMAGE ${name}), or delete it`,
  });
}

function otherIds({ name }: Ref): DreyError {
  return new DreyError("NOT_SUPPORTED", {
    message: `The files of "${name}" belong to other ids than those the instance is to have`,
    hint: "Set security.idmap.* when the instance is created, or copy it: a copy is given ids of its own",
  });
}

/** The layers of a root from the top, to look something up in. */
export function layersOf(root: RootSource): string[] {
  if (root.kind === "directory") return root.image?.began ?? [root.path];
  return root.kind === "overlay" ? [root.upper, ...root.lower] : root.lower;
}

/** Makes what a mount of the root needs, just before it. */
export async function prepareRoot(context: Context, ref: Ref): Promise<void> {
  await using pool = await openRootPool(context, ref);
  pool.driver.prepare(volumeOf(ref));
}

/** Whether an error says that an overlay cannot be mounted here. */
export function isOverlayRefused(error: unknown): boolean {
  return error instanceof DreyError && /mount\(2\) of overlay/.test(error.message);
}

/**
 * Gives an instance that has no files of its own yet a copy of its image's instead of an overlay.
 *
 * @returns false if the instance has files of its own, in an overlay that once could be mounted
 */
export async function copyInstead(context: Context, ref: Ref): Promise<boolean> {
  await using pool = await openRootPool(context, ref);
  return await pool.driver.withoutOverlay?.(volumeOf(ref)) ?? false;
}
