// Sizes of custom volumes of files: enforced where the pool's driver can, else watched. Whoever sets one that nothing
// holds is told so, finds it among the warnings, and hears again when an instance starts with a volume that has outgrown
// it.

import { formatSize } from "../../config/size.ts";
import { DreyError } from "../../errors.ts";
import type { Content, Driver, Volume } from "../../storage/driver.ts";
import type { Context } from "../context.ts";
import type { Write } from "../../store/store.ts";
import { openPool } from "../storage_pools/open.ts";
import { diskOf, resizeDisk, sizeOf } from "./content.ts";
import { loadVolume, volumeAddress, volumeOf, type VolumeRecord, type VolumeRef } from "./record.ts";

/** Makes a volume; where its size cannot be held, without one. */
export async function makeVolume(driver: Driver, volume: Volume, content: Content): Promise<void> {
  const { size, ...rest } = content;
  if (size === undefined) return await driver.create(volume, rest);
  if (await isHeld(() => driver.create(volume, content))) return;
  await driver.create(volume, rest);
}

/** Holds a volume of files to what its record says; where nothing can, it stays as it is. */
export async function holdToSize(driver: Driver, volume: Volume, record: VolumeRecord): Promise<void> {
  const size = sizeOf(record);
  if (record.content_type !== "filesystem" || size === undefined) return;
  await isHeld(() => driver.resize(volume, size));
}

/**
 * What a disk that was filled with another's content makes of its record: it is no smaller than that says, and if it is
 * larger, the record has to say so.
 */
export async function sizedDisk(
  driver: Driver,
  volume: Volume,
  record: VolumeRecord,
): Promise<VolumeRecord> {
  if (record.content_type !== "block") return record;
  const path = diskOf(driver, volume, record.content_type);
  const [{ size }, wanted = 0] = [await Deno.stat(path), sizeOf(record)];
  if (size > wanted) return { ...record, config: { ...record.config, size: String(size) } };
  await resizeDisk(path, wanted);
  return record;
}

/**
 * Holds a volume of files to its size, as {@link holdToSize}, and keeps among the warnings whether something does.
 *
 * @param options `had` says that the volume may have had a size until now
 * @returns what is less than was asked for, for people
 */
export async function noteSize(
  context: Context,
  driver: Driver,
  { ref, record, had = false }: { ref: VolumeRef; record: VolumeRecord; had?: boolean },
): Promise<string[]> {
  if (record.content_type !== "filesystem") return [];
  const size = sizeOf(record);
  if (size === undefined && !had) return [];
  const { reportProblems, resolveProblems } = await import("../warnings.ts");
  const problem = { type: "Storage volume is not held to its size", ...subject(ref) };
  const held = await isHeld(() => driver.resize(volumeOf(ref), size));
  if (held || size === undefined) {
    await resolveProblems(context, [problem]);
    return [];
  }
  const message = `nothing holds storage volume "${ref.name}" to ${
    formatSize(size)
  }: storage pools of driver ${driver.name} cannot here`;
  await reportProblems(context, [{ ...problem, severity: "moderate", message }]);
  return [message];
}

/** The same for a volume as it has just become. */
export async function noteNewSize(context: Context, ref: VolumeRef): Promise<string[]> {
  const { value: record } = await loadVolume(context, ref);
  if (sizeOf(record) === undefined) return [];
  await using pool = await openPool(context, ref.pool);
  return await noteSize(context, pool.driver, { ref, record });
}

/** The end of what was said of a volume, as part of the commit that ends or renames it. */
export async function forgetSize(context: Context, ref: VolumeRef): Promise<Write[]> {
  const { forgetWarnings } = await import("../warnings.ts");
  return await forgetWarnings(context, subject(ref));
}

const subject = (ref: VolumeRef) => ({ project: ref.project, entity: volumeAddress(ref) });

/** What there is to say at a start of an instance with a volume that has a size. */
export async function watchSize(
  driver: Driver,
  { ref, record }: { ref: VolumeRef; record: VolumeRecord },
): Promise<string[]> {
  const size = sizeOf(record);
  if (record.content_type !== "filesystem" || size === undefined) return [];
  if (await isHeld(() => driver.resize(volumeOf(ref), size))) return [];
  const usage = await driver.usage(volumeOf(ref));
  if (usage <= size) return [];
  return [
    `storage volume "${ref.name}" holds ${formatSize(usage)}, more than its size of ${formatSize(size)}`,
  ];
}

/** Whether the driver does it, and not that it cannot. */
async function isHeld(work: () => Promise<void>): Promise<boolean> {
  try {
    await work();
    return true;
  } catch (error) {
    if (error instanceof DreyError && error.code === "NOT_SUPPORTED") return false;
    throw error;
  }
}
