// File systems on block devices: made, mounted, measured and given another size. Mounts are made without waiting, since
// who asks for the root of a volume wants a path.

import { dirname } from "@std/path";
import { DreyError } from "../errors.ts";
import { fileSystemOf } from "../sys/file_systems.ts";
import { run, runChecked, runNow } from "../sys/run.ts";

export const deviceFileSystems = ["ext4", "xfs"] as const;
export type DeviceFileSystem = typeof deviceFileSystems[number];

/** What is mounted where. */
export interface DeviceMount {
  device: string;
  at: string;
  type: DeviceFileSystem;
  /** further options of mount(8), parted by commas */
  options: string;
  readOnly: boolean;
}

/** Makes a file system on a device that reads as zeros. */
export async function makeFileSystem(device: string, type: DeviceFileSystem): Promise<void> {
  const argv = {
    // tables that are zeros already need not be written
    ext4: ["mkfs.ext4", "-q", "-F", "-m", "0", "-E", "nodiscard,lazy_itable_init=1,lazy_journal_init=1"],
    xfs: ["mkfs.xfs", "-q", "-f", "-K"],
  };
  await runChecked([...argv[type], device]);
}

/** Whether something is mounted on a directory. */
export function isMountPoint(at: string): boolean {
  try {
    return Deno.lstatSync(at).dev !== Deno.lstatSync(dirname(at)).dev;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

/** What every mount of a type needs: copies have the same UUID, and no kernel thread shall write zeros over zeros. */
const always: Record<DeviceFileSystem, string> = { ext4: "noinit_itable", xfs: "nouuid" };

/** Mounts a device, unless somebody has. @throws {DreyError} `COMMAND_FAILED` */
export function mountDevice({ device, at, type, options, readOnly }: DeviceMount): void {
  if (isMountPoint(at)) return;
  const words = [readOnly ? "ro" : "rw", always[type], options].filter((word) => word !== "");
  try {
    runNow(["mount", "-t", type, "-o", words.join(","), device, at]);
  } catch (error) {
    // somebody was faster
    if (!isMountPoint(at)) throw error;
  }
}

/** Unmounts what is mounted on a directory, also where somebody still stands in it. */
export async function unmount(at: string): Promise<void> {
  while (isMountPoint(at)) {
    const { code } = await run(["umount", at]);
    if (code !== 0 && isMountPoint(at)) await runChecked(["umount", "-l", at]);
  }
}

/** `bytes` that are used in a mounted file system. */
export function usedBytes(at: string): number {
  const { bytes } = fileSystemOf(at);
  return bytes.total - bytes.free;
}

/** `bytes` of a block device. */
export function deviceSize(device: string): number {
  const sector = 512; // whatever the device's own are
  const rdev = Deno.statSync(device).rdev ?? 0;
  const [major, minor] = [(rdev >> 8) & 0xfff, (rdev & 0xff) | ((rdev >> 12) & 0xfff00)];
  return Number(Deno.readTextFileSync(`/sys/dev/block/${major}:${minor}/size`)) * sector;
}

/** Fills a mounted file system's device to its end, after that has moved. */
export async function growFileSystem({ device, at, type }: DeviceMount): Promise<void> {
  await runChecked(type === "ext4" ? ["resize2fs", device] : ["xfs_growfs", at]);
}

/**
 * Makes a file system smaller that is mounted nowhere.
 *
 * @throws {DreyError} `BAD_REQUEST` if it cannot be, holds more, or is in use
 */
export async function shrinkFileSystem(device: string, type: DeviceFileSystem, size: number): Promise<void> {
  if (type !== "ext4") throw cannotShrink(`${type} cannot`);
  const check = await run(["e2fsck", "-f", "-y", device]);
  // 1: mended
  if (check.code > 1) {
    throw cannotShrink(/Cannot continue/.test(check.stderr) ? "it is in use" : firstLine(check.stderr));
  }
  const { code, stderr } = await run(["resize2fs", device, `${Math.floor(size / 1024)}K`]);
  if (code !== 0) throw cannotShrink(firstLine(stderr));
}

/** The first line that is not the name and version of the program. */
const firstLine = (text: string): string =>
  text.trim().split("\n").find((line) => !/^\S+ \d\.\d+/.test(line)) ?? "";

const cannotShrink = (why: string) =>
  new DreyError("BAD_REQUEST", {
    message: `Cannot make the volume smaller: ${why}`,
    hint: "Stop what uses it, remove files, or copy what is in it to a smaller one",
  });
