// Instances that are virtual machines with a disk of their own: how they are told from those that share a root, and what
// their settings make of the disk.

import { join, resolve } from "@std/path";
import { bus as busKey, cache as cacheKey, readonly } from "../../config/devices/disk.ts";
import { findRootDisk } from "../../config/device_keys.ts";
import { readKey } from "../../config/key.ts";
import { parseSize } from "../../config/size.ts";
import { awaitsDisk, isDiskRoot } from "../../images/disk.ts";
import { isFileSystem, readDiskStart } from "../../images/disk_start.ts";
import type { OwnDisk } from "../../runtime/vm/disk_box.ts";
import type { KernelDisk } from "../../runtime/vm/kernel_disk.ts";
import { isUnused, lastDisk, openMark, planDisk, usualDisk } from "../../runtime/vm/disk_root.ts";
import type { RootSource } from "../../storage/driver.ts";
import { exists, namesIn } from "../../sys/present.ts";
import { fullPath, toolMissing } from "../../sys/run.ts";
import { findTool } from "../../sys/tools.ts";
import type { Config, Devices } from "../../wire/instance.ts";
import { instanceIdKey } from "../instances/record.ts";
import { findVirtiofsd } from "./assets.ts";
import { firmwareFor } from "./firmware.ts";
import type { UnusedDisk } from "./memories.ts";

interface DiskNames {
  /** names where the machine may write */
  own: string[];
  /** names in the whole root */
  all: string[];
}

function namesOf(root: RootSource): DiskNames {
  if (root.kind === "directory") return { own: namesIn(root.path), all: namesIn(root.path) };
  const own = root.kind === "overlay" ? namesIn(root.upper) : [];
  return { own, all: [...new Set([...own, ...root.lower.flatMap(namesIn)])] };
}

/** Directories that a root is made of, the uppermost first. */
export function directoriesOf(root: RootSource): string[] {
  if (root.kind === "directory") return [root.path];
  return root.kind === "overlay" ? [root.upper, ...root.lower] : root.lower;
}

/** Whether a root is a disk, or is to become one. */
export function hasOwnDisk(root: RootSource): boolean {
  const { all } = namesOf(root);
  return awaitsDisk(all) || isDiskRoot(all);
}

/** Whether a root is a disk that is one file system, which needs a kernel of the host's choice to boot. */
export function wantsKernel(root: RootSource): boolean {
  const last = lastDisk(namesOf(root).all);
  if (last === undefined) return false;
  const directories = directoriesOf(root);
  const start = readDiskStart(last, (name) => {
    // what a header names is a file of the disk, or nothing to us
    if (lastDisk([name]) === undefined) return undefined;
    const path = directories.map((directory) => join(directory, name)).find(exists);
    return path === undefined ? undefined : Deno.openSync(path);
  });
  return start !== undefined && isFileSystem(start);
}

/** The file of a root's disk that was written last. */
export const lastDiskOf = (root: RootSource): string | undefined => lastDisk(namesOf(root).all);

/** The disk of a machine that has what its image has and nothing else yet; undefined for any other. */
export function unusedDisk(root: RootSource, { plan, size }: OwnDisk): UnusedDisk | undefined {
  if (!isUnused(plan, namesOf(root).all) || !("below" in plan)) return undefined;
  const image = directoriesOf(root).map((directory) => join(directory, plan.below)).find(exists);
  return image === undefined ? undefined : { image, size };
}

/** The file that a machine was killed over, if it was. */
export function abandonedDisk(root: RootSource): string | undefined {
  const { own } = namesOf(root);
  return own.find((name) => own.includes(openMark(name)) && openMark(name) !== name);
}

/** What the disk of a machine follows from. */
export interface DiskSettings {
  name: string;
  /** expanded */
  config: Config;
  devices: Devices;
  root: RootSource;
  /** whether it goes on from its saved memory */
  isResumed: boolean;
}

/** What follows from the settings of any disk. */
function commonDisk({ devices, root, isResumed }: Omit<DiskSettings, "name" | "config">) {
  const { own, all } = namesOf(root);
  const device = findRootDisk(devices)?.device ?? {};
  if (findTool("qemu-img", fullPath()) === undefined) throw toolMissing("qemu-img");
  return {
    plan: planDisk(own, all),
    size: (device["size"] ? parseSize(device["size"]) : undefined) ?? usualDisk,
    bus: readKey(device, busKey) ?? "virtio-scsi",
    cache: readKey(device, cacheKey) ?? "none",
    virtiofsd: findVirtiofsd(),
    mounts: mountsOf(devices),
    isResumed,
  };
}

/** The disk of a machine that boots a kernel of the host's choice. @throws {DreyError} `TOOL_MISSING` */
export function kernelDisk(settings: Omit<DiskSettings, "name" | "config">): KernelDisk {
  const common = commonDisk(settings);
  // the leanest, where the guest's system has no say in it
  const isNamed = (findRootDisk(settings.devices)?.device["io.bus"] ?? "") !== "";
  return { ...common, bus: isNamed ? common.bus : "virtio-blk" };
}

/**
 * The disk of a machine that has one of its own, and UEFI.
 *
 * @throws {DreyError} `TOOL_MISSING` where the firmware is not installed, `BAD_REQUEST` as {@link firmwareFor}
 */
export function ownDisk({ name, config, devices, root, isResumed }: DiskSettings): OwnDisk {
  const text = (key: string, older: string) => {
    const value = config[key] ?? config[older];
    return value === undefined || value === "" ? undefined : value;
  };
  const userData = text("cloud-init.user-data", "user.user-data");
  const vendorData = text("cloud-init.vendor-data", "user.vendor-data");
  const networkConfig = text("cloud-init.network-config", "user.network-config");
  const common = commonDisk({ devices, root, isResumed });
  return {
    ...common,
    firmware: firmwareFor(config),
    seed: {
      instanceId: config[instanceIdKey] ?? config["volatile.uuid"] ?? name,
      hostname: name,
      ...(userData === undefined ? {} : { userData }),
      ...(vendorData === undefined ? {} : { vendorData }),
      ...(networkConfig === undefined ? {} : { networkConfig }),
    },
  };
}

/** By what a guest knows a device's directory: LXD's name for it; a tag has 36 bytes. */
export const shareTag = (name: string): string => `lxd_${name}`.slice(0, 36);

/** The directories that devices show to the guest. */
function mountsOf(devices: Devices): OwnDisk["mounts"] {
  return Object.entries(devices).flatMap(([name, device]) => {
    const path = device["path"] ?? "";
    if (device["type"] !== "disk" || path === "" || path === "/") return [];
    return [{
      tag: shareTag(name),
      path: resolve(path),
      isReadOnly: readKey(device, readonly) ?? false,
    }];
  });
}
