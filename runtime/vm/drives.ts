// The drives and the firmware of a virtual machine as words of QEMU's command line. Pure.

import { type Plug, portId } from "./ports.ts";

/** How a guest sees a drive; LXD's names. */
export type DriveBus = "virtio-scsi" | "virtio-blk" | "nvme";

/** Name of the machine's own disk in it. */
export const rootDrive = "root";

/** What the host may remember of it: nothing, all, or more than it says. LXD's names. */
export type DriveCache = "none" | "writeback" | "unsafe";

export interface Drive {
  /** its name in the machine */
  id: string;
  /** what the guest sees as its serial number */
  serial: string;
  image: DriveImage;
  bus: DriveBus;
  /** place among what the firmware tries; none for what is not to be booted */
  bootIndex?: number;
}

export type DriveImage =
  /** a file of the box, with all that it stands on */
  | { kind: "qcow2"; path: string; cache: DriveCache }
  /** a file of the box as it is, or a block device's node: a disk, or a disc that is only read */
  | {
    kind: "raw";
    path: string;
    cache: DriveCache;
    isDisc: boolean;
    isDevice?: boolean;
    isReadOnly?: boolean;
  }
  /** a file, which many machines only read at a time */
  | { kind: "read-only"; path: string }
  /** a directory of the box, shown as a file system with a label */
  | { kind: "directory"; path: string; label: string };

/** UEFI, which finds its system on a drive. */
export interface FirmwareBoot {
  kind: "firmware";
  /** the program, a file of the box */
  code: string;
  /** its variables, a file of the box that it writes to */
  variables: string;
  /** whether it runs only what is signed */
  isSecure: boolean;
}

/** A BIOS, SeaBIOS as it comes with QEMU: it has no variables. */
export interface BiosBoot {
  kind: "bios";
}

/** Words of QEMU's command line that give a machine its drives. */
export function driveWords(drives: readonly Drive[]): string[] {
  return [
    // also for those that come while the machine runs
    ...(drives.length > 0 ? ["-device", commaWords(scsiController)] : []),
    ...drives.flatMap((drive) => [
      "-blockdev",
      JSON.stringify(driveNode(drive)),
      "-device",
      commaWords(driveDevice(drive, isScsi(drive) ? scsiBus : undefined)),
    ]),
  ];
}

/** The controller of that bus. */
export const scsiController = { driver: "virtio-scsi-pci", id: "scsi" } as const;

/** How many places on the machine's own bus drives take: one each, those on scsi one together. */
export const drivePorts = (drives: readonly Drive[]): number =>
  drives.filter((drive) => !isScsi(drive)).length + (drives.some(isScsi) ? 1 : 0);

/** Drives as commands of the monitor, behind ports from a number on. */
export function drivePlugs(drives: readonly Drive[], first: number): Plug[] {
  const hasScsi = drives.some(isScsi);
  let port = hasScsi ? first + 1 : first;
  return [
    ...(hasScsi ? [["device_add", { ...scsiController, bus: portId(first) }] satisfies Plug] : []),
    ...drives.flatMap((drive): Plug[] => [
      ["blockdev-add", driveNode(drive)],
      ["device_add", driveDevice(drive, isScsi(drive) ? scsiBus : portId(port++))],
    ]),
  ];
}

/** Its image, as QEMU opens it; words of `blockdev-add` too. */
export const driveNode = (drive: Drive): Record<string, unknown> => ({
  "node-name": drive.id,
  ...image(drive.image),
});

/** Name of that bus. */
export const scsiBus = "scsi.0";

/** Whether it is on the bus that takes any number of drives; discs are there for no other. */
export const isScsi = ({ bus, image }: Drive): boolean =>
  bus === "virtio-scsi" || image.kind === "raw" && image.isDisc;

/** Id of what a guest sees of a drive. */
export const driveDeviceId = (id: string): string => `drive-${id}`;

const commaWords = ({ driver, ...facts }: Record<string, unknown>): string =>
  [driver, ...Object.entries(facts).map(([key, value]) => `${key}=${String(value).replaceAll(",", ",,")}`)]
    .join(
      ",",
    );

const caches = {
  none: { direct: true, "no-flush": false },
  writeback: { direct: false, "no-flush": false },
  unsafe: { direct: false, "no-flush": true },
};

function image(image: DriveImage): Record<string, unknown> {
  if (image.kind === "directory") {
    const { path, label } = image;
    const file = { driver: "vvfat", dir: path, label, "fat-type": 16, "read-only": true };
    return { driver: "raw", "read-only": true, file };
  }
  if (image.kind === "read-only") {
    const file = { driver: "file", filename: image.path, "read-only": true };
    return { driver: "raw", "read-only": true, file };
  }
  const cache = caches[image.cache];
  if (image.kind === "raw") {
    const { path, isDisc, isReadOnly = isDisc, isDevice = false } = image;
    const common = isReadOnly ? { "read-only": true } : { discard: "unmap" };
    return {
      driver: "raw",
      cache,
      ...common,
      file: { driver: isDevice ? "host_device" : "file", filename: path, aio: "threads", cache, ...common },
    };
  }
  return {
    driver: "qcow2",
    // what the guest has deleted takes no room any more
    discard: "unmap",
    "detect-zeroes": "unmap",
    cache,
    file: { driver: "file", filename: image.path, discard: "unmap", aio: "threads", cache },
  };
}

const models = { "virtio-scsi": "scsi-hd", "virtio-blk": "virtio-blk-pci", "nvme": "nvme" };

/** What the guest sees of it, on a bus if one is named; words of `device_add` too. */
export function driveDevice(
  { id, serial, bus, bootIndex, image }: Drive,
  on?: string,
): Record<string, unknown> {
  const isDisc = image.kind === "raw" && image.isDisc;
  return {
    driver: isDisc ? "scsi-cd" : models[bus],
    ...(on === undefined ? {} : { bus: on }),
    drive: id,
    id: driveDeviceId(id),
    serial,
    ...(bootIndex === undefined ? {} : { bootindex: bootIndex }),
  };
}

/** Words of QEMU's command line that give a machine its UEFI, with the files of its code and its variables. */
export function firmwareWords(
  { code, variables, isSecure }: FirmwareBoot,
  arch: "x86_64" | "aarch64" = "x86_64",
): string[] {
  return [
    ...["-drive", `if=pflash,unit=0,format=raw,readonly=on,file=${code}`],
    ...["-drive", `if=pflash,unit=1,format=raw,file=${variables}`],
    // only the firmware's own mode may write to its variables, or the keys would be anybody's
    ...(isSecure && arch === "x86_64"
      ? ["-global", "driver=cfi.pflash01,property=secure,value=on", "-global", "ICH9-LPC.disable_s3=1"]
      : []),
  ];
}

/** What the board needs for a firmware; in the words of `-machine`. */
export const firmwareBoard = ({ isSecure }: FirmwareBoot, arch: "x86_64" | "aarch64"): string =>
  isSecure && arch === "x86_64" ? ",smm=on" : "";
