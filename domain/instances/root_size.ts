// `size` of a root disk: enforced where the pool's driver can, else watched: whoever sets it is told, and whoever starts
// an instance that has outgrown it.

import { findRootDisk } from "../../config/device_keys.ts";
import { formatSize, parseSize } from "../../config/size.ts";
import { DreyError } from "../../errors.ts";
import type { Devices } from "../../wire/instance.ts";
import type { Context, Ref } from "../context.ts";
import { type OpenPool, openPool } from "../storage_pools/open.ts";
import { expand } from "./expand.ts";
import { instancePaths, type InstanceRecord, loadRecord } from "./record.ts";
import { hasOwnDisk } from "../machines/own_disk.ts";
import { volumeOf } from "./root_volume.ts";
import { currentState } from "./status.ts";

/** `bytes` that expanded devices allow the root disk; undefined for as many as there are. */
export function rootSize(devices: Devices): number | undefined {
  const size = findRootDisk(devices)?.device["size"];
  return size ? parseSize(size) : undefined;
}

/**
 * Holds the root volume to the size its device says, after it has been made, restored or given another size.
 *
 * @param options `wasSet` says that it may have a size now that it is to lose; `size` is one that is not recorded yet
 * @returns what is less than was asked for, for people
 */
export async function applyRootSize(
  context: Context,
  ref: Ref,
  { wasSet = false, ...given }: { wasSet?: boolean; size?: number | undefined } = {},
): Promise<string[]> {
  const { value } = await loadRecord(context, ref);
  const size = "size" in given ? given.size : rootSize((await expand(context, ref.project, value)).devices);
  if (size === undefined && !wasSet) return [];
  await using pool = await openPool(context, value.pool);
  if (isDisk(pool, ref, value)) {
    if (size !== undefined) await growRunning(context, ref, size);
    return [];
  }
  if (pool.driver.sizesAtRest && size !== undefined && currentState(context, ref).status !== "Stopped") {
    return ["the size does not hold yet: stop the instance, and set it again"];
  }
  // its programs are looked for where no mount would show them
  const isMachineInFile = pool.driver.sizesAtRest && value.type === "virtual-machine";
  const isHeld = !isMachineInFile && await enforce(pool, ref, size);
  if (isHeld || size === undefined) return [];
  return [
    `nothing holds the root disk to ${
      formatSize(size)
    }: storage pools of driver ${pool.driver.name} cannot here`,
  ];
}

/** @throws {DreyError} `BAD_REQUEST` if a machine's own disk, which only grows, is larger than its size is to be */
export async function checkRootSize(context: Context, ref: Ref, devices: Devices): Promise<void> {
  const size = rootSize(devices);
  if (size === undefined) return;
  const { value } = await loadRecord(context, ref);
  if (value.type !== "virtual-machine") return;
  const { mustNotShrink } = await import("../machines/disk_size.ts");
  await using pool = await openPool(context, value.pool);
  mustNotShrink(pool.driver, volumeOf(ref), size);
}

/** What there is to say at a start of an instance whose root disk has a size that nothing enforces. */
export async function watchRootSize(context: Context, ref: Ref, devices: Devices): Promise<string[]> {
  const size = rootSize(devices);
  if (size === undefined) return [];
  const { value } = await loadRecord(context, ref);
  await using pool = await openPool(context, value.pool);
  if (isDisk(pool, ref, value)) return [];
  try {
    // the start has been planned
    if (pool.driver.sizesAtRest) return await outgrown(pool, ref, size);
    if (await enforce(pool, ref, size)) return [];
  } catch (error) {
    // of a profile that was changed: the volume stays as it is
    if (error instanceof DreyError && error.code === "BAD_REQUEST") return [error.message];
    throw error;
  }
  return await outgrown(pool, ref, size);
}

async function outgrown({ driver }: OpenPool, ref: Ref, size: number): Promise<string[]> {
  const usage = await driver.usage(volumeOf(ref));
  if (usage <= size) return [];
  return [`the root disk holds ${formatSize(usage)}, more than its size of ${formatSize(size)}`];
}

/** A disk has its size by itself, from the machine's next start on if it does not run. */
const isDisk = ({ driver }: OpenPool, ref: Ref, { type }: InstanceRecord) =>
  type === "virtual-machine" && driver.exists(volumeOf(ref)) && hasOwnDisk(driver.root(volumeOf(ref)));

/** The guest of a machine that runs sees at once that its disk has grown. */
async function growRunning(context: Context, ref: Ref, size: number): Promise<void> {
  if (currentState(context, ref).status !== "Running") return;
  const { growDisk } = await import("../../runtime/vm/qmp.ts");
  await growDisk(instancePaths(context, ref).door, size);
}

/** Whether the driver holds the volume to it from now on. */
async function enforce({ driver }: OpenPool, ref: Ref, size: number | undefined): Promise<boolean> {
  try {
    await driver.resize(volumeOf(ref), size);
    return true;
  } catch (error) {
    if (error instanceof DreyError && error.code === "NOT_SUPPORTED") return false;
    throw error;
  }
}
