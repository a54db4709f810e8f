// What the box of a virtual machine with a disk of its own does before the machine starts, and what the machine is given
// for it. Pure.

import { type DiskPlan, nvramName, openMark } from "./disk_root.ts";
import { makeDiskArgv } from "./disk_root.pl.ts";
import { type DriveBus, type DriveCache, rootDrive } from "./drives.ts";
import { agentShare, guestAgent } from "./guest_agent.pl.ts";
import { guestRoot, guestShares } from "./box.ts";
import { writeFilesArgv } from "./box_files.ts";
import type { Machine } from "./machine.ts";
import type { Virtiofsd } from "./shares.ts";
import { seedDrive, type SeedFacts, seedFiles, seedLabel, seedSerial } from "./seed.ts";

/** UEFI: its files on the host, which the box shows at the same paths. */
export interface Firmware {
  code: string;
  /** its variables as they begin: with the keys of who may sign, or without any */
  variables: string;
  /** whether it runs only what is signed */
  isSecure: boolean;
}

export interface OwnDisk {
  plan: DiskPlan;
  /** `bytes` */
  size: number;
  bus: DriveBus;
  cache: DriveCache;
  /** a BIOS is there without any */
  firmware: Firmware | undefined;
  seed: Omit<SeedFacts, "agent">;
  /** serves directories, and the agent to images for LXD; absent where it is not installed */
  virtiofsd: Virtiofsd | undefined;
  /** what the guest is to mount */
  mounts: { tag: string; path: string; isReadOnly: boolean }[];
  /** whether the machine goes on from its saved memory */
  isResumed: boolean;
}

const seedDirectory = "/run/drey/seed";

/** The parts of a machine that are about its disk. */
export function ownDiskParts(
  disk: OwnDisk,
): Pick<Machine, "boot" | "drives" | "prepare" | "shares" | "openMark" | "guest"> {
  const { plan, size, bus, cache, firmware, seed, virtiofsd, mounts, isResumed } = disk;
  const agent = guestAgent();
  const directories = mounts.map(({ path }) => guestShares + path);
  const nvram = firmware && { name: nvramName(firmware.isSecure), template: firmware.variables };
  return {
    boot: firmware === undefined || nvram === undefined ? { kind: "bios" } : {
      kind: "firmware",
      code: firmware.code,
      variables: `${guestRoot}/${nvram.name}`,
      isSecure: firmware.isSecure,
    },
    drives: [
      {
        id: rootDrive,
        serial: "lxd_root",
        image: { kind: "qcow2", path: `${guestRoot}/${plan.write}`, cache },
        bus,
      },
      {
        id: seedDrive,
        serial: seedSerial,
        image: { kind: "directory", path: seedDirectory, label: seedLabel },
        // not among those whose names begin with sd, which are given in the order in which they answer
        bus: "virtio-blk",
      },
    ],
    openMark: `${guestRoot}/${openMark(plan.write)}`,
    prepare: [
      makeDiskArgv({ directory: guestRoot, plan, size, ...(nvram && { nvram }), isResumed }),
      writeFilesArgv(seedDirectory, seedFiles({ ...seed, agent })),
      writeFilesArgv(agentShare.directory, { [agentShare.program]: agent }),
      // a source that need not be there leaves an empty one
      ...(mounts.length === 0 ? [] : [["/usr/bin/mkdir", "-p", "--", ...directories]]),
    ],
    guest: { hasDisk: false, mounts: virtiofsd === undefined ? [] : mounts, fills: [] },
    shares: virtiofsd === undefined ? [] : [
      { tag: agentShare.tag, directory: agentShare.directory, virtiofsd },
      ...mounts.map(({ tag, path }) => ({ tag, directory: guestShares + path, virtiofsd })),
    ],
  };
}
