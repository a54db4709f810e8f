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
import { volumeOf } from "./volume_of.ts";
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
  if (await isDisk(pool, ref, value)) {
    if (size !== undefined) await growRunning(context, ref, size);
    return [];
  }
  const why = await enforce(context, pool, { ref, record: value, size });
  if (why === undefined || size === undefined) return [];
  return [`nothing holds the root disk to ${formatSize(size)}: ${why}`];
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
  if (await isDisk(pool, ref, value)) return [];
  try {
    // the start has been planned
    const isPlanned = pool.driver.mustSizeAtRest !== undefined;
    if (!isPlanned && await refusal(() => pool.driver.resize(volumeOf(ref), size)) === undefined) return [];
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
async function isDisk({ driver }: OpenPool, ref: Ref, { type }: InstanceRecord): Promise<boolean> {
  if (type !== "virtual-machine" || !driver.exists(volumeOf(ref))) return false;
  const { hasOwnDisk } = await import("../machines/own_disk.ts");
  return hasOwnDisk(driver.root(volumeOf(ref)));
}

/** The guest of a machine that runs sees at once that its disk has grown. */
async function growRunning(context: Context, ref: Ref, size: number): Promise<void> {
  if (currentState(context, ref).status !== "Running") return;
  const { growDisk } = await import("../../runtime/vm/qmp.ts");
  await growDisk(instancePaths(context, ref).door, size);
}

interface Sizing {
  ref: Ref;
  record: InstanceRecord;
  size: number | undefined;
}

/** Holds a root that is no disk to a size from now on. The answer is why not. */
async function enforce(
  context: Context,
  { driver }: OpenPool,
  { ref, record, size }: Sizing,
): Promise<string | undefined> {
  const resize = () => driver.resize(volumeOf(ref), size);
  if (driver.mustSizeAtRest === undefined) return await refusal(resize);
  // its programs are looked for where no mount would show them
  if (record.type === "virtual-machine") return "the root of a virtual machine cannot lie in a file";
  if (size === undefined || currentState(context, ref).status === "Stopped") return await refusal(resize);
  return await refusal(() => driver.mustSizeAtRest?.()) ?? "stop the instance, and set it again";
}

/** What a driver says when it cannot do something here: the last part of its sentence, which is the reason. */
async function refusal(work: () => void | Promise<void>): Promise<string | undefined> {
  try {
    await work();
    return undefined;
  } catch (error) {
    if (!(error instanceof DreyError) || error.code !== "NOT_SUPPORTED") throw error;
    const reason = error.message.split(": ").at(-1) ?? error.message;
    return reason.charAt(0).toLowerCase() + reason.slice(1);
  }
}
