// A virtual machine whose root is a disk without a boot loader: one file system, made of an image's files, that a kernel
// of the host's choice mounts. Its guest shares nothing with the host, so that it can be saved. Pure.

import { boxFiles, guestRoot, guestShares } from "./box.ts";
import { type DiskPlan, openMark } from "./disk_root.ts";
import { makeDiskArgv } from "./disk_root.pl.ts";
import { type DriveBus, type DriveCache, rootDrive } from "./drives.ts";
import { guestSerials } from "./guest.ts";
import type { Machine } from "./machine.ts";
import type { Virtiofsd } from "./shares.ts";

export interface KernelDisk {
  plan: DiskPlan;
  /** `bytes` */
  size: number;
  bus: DriveBus;
  cache: DriveCache;
  /** serves directories; absent where it is not installed, or there are none */
  virtiofsd: Virtiofsd | undefined;
  /** what the guest is to mount */
  mounts: { tag: string; path: string; isReadOnly: boolean }[];
  /** whether the machine goes on from its saved memory */
  isResumed: boolean;
}

/** Name in the box of the disk with the kernel's modules. */
export const modulesName = "modules";

/** The parts of a machine that are about its disk, but for how it boots. */
export function kernelDiskParts(
  { plan, size, bus, cache, virtiofsd, mounts, isResumed }: KernelDisk,
): Pick<Machine, "drives" | "prepare" | "shares" | "openMark" | "guest"> {
  const directories = mounts.map(({ path }) => guestShares + path);
  return {
    drives: [
      {
        id: rootDrive,
        serial: guestSerials.root,
        image: { kind: "qcow2", path: `${guestRoot}/${plan.write}`, cache },
        bus,
      },
      {
        id: modulesName,
        serial: guestSerials.modules,
        image: { kind: "read-only", path: `${boxFiles}/${modulesName}` },
        bus: "virtio-blk",
      },
    ],
    openMark: `${guestRoot}/${openMark(plan.write)}`,
    prepare: [
      makeDiskArgv({ directory: guestRoot, plan, size, isResumed }),
      // a source that need not be there leaves an empty one
      ...(mounts.length === 0 ? [] : [["/usr/bin/mkdir", "-p", "--", ...directories]]),
    ],
    shares: virtiofsd === undefined
      ? []
      : mounts.map(({ tag, path }) => ({ tag, directory: guestShares + path, virtiofsd })),
    guest: { hasDisk: true, mounts: virtiofsd === undefined ? [] : mounts, fills: [] },
  };
}
