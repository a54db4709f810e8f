// Volumes, files and block devices of the host as drives of virtual machines. Pure.

import { boxFiles } from "../../runtime/vm/box.ts";
import type { BoxFile } from "../../runtime/container_plan.ts";
import type { Drive } from "../../runtime/vm/drives.ts";
import { longHash } from "../../sys/short_hash.ts";
import type { MachineDrive } from "../devices/device.ts";

/** Letters of a device's name that QEMU takes in names, and as many as leave room for what is put before. */
const plain = /^[A-Za-z0-9._-]{1,24}$/;

/** What the drive of a device is called in the machine, and its file in the box. */
export const driveId = (name: string): string => plain.test(name) ? `v-${name}` : `h-${longHash(name)}`;

/** Path in the box of the file of a drive. */
const drivePath = (name: string): string => `${boxFiles}/${driveId(name)}`;

/** Its file in the box. */
export const driveFile = ({ name, source, id, content, isReadOnly, node }: MachineDrive): BoxFile => ({
  name: driveId(name),
  source,
  ...(id === undefined ? {} : { id }),
  isWritable: content === "block" && !isReadOnly,
  ...(node === undefined ? {} : { node }),
});

export const machineDrive = (
  { name, content, bus, cache, node, isReadOnly = false }: MachineDrive,
): Drive => ({
  id: driveId(name),
  // LXD's; a serial number has 36 bytes
  serial: `lxd_${name}`.slice(0, 36),
  image: {
    kind: "raw",
    path: drivePath(name),
    cache,
    isDisc: content === "iso",
    ...(node === undefined ? {} : { isDevice: true }),
    ...(isReadOnly ? { isReadOnly } : {}),
  },
  bus,
});
