// Disks and their partitions; what has no hardware behind it, such as a loop device, is none.

import { linkName, readNames, readNumber, readValue, resolveLink } from "../../sys/sysfs.ts";
import type { Disk, DiskPartition } from "../../wire/resources.ts";
import { numaNodeOf, pciAddressOf } from "./bus.ts";
import type { HostTrees } from "./host.ts";

/** `size` counts these, whatever the disk's own blocks are; sysfs-block of the kernel */
const sector = 512;

/** Every disk that has hardware behind it, with its partitions. */
export function readDisks({ sys }: HostTrees): Disk[] {
  const base = `${sys}/block`;
  return readNames(base).filter((id) => resolveLink(`${base}/${id}/device`) !== "").map((id) => {
    const path = `${base}/${id}`;
    const device = `${path}/device`;
    const pci_address = pciAddressOf(device);
    const said = {
      serial: readValue(`${path}/serial`) || readValue(`${device}/serial`),
      wwn: readValue(`${path}/wwid`) || readValue(`${device}/wwid`),
      firmware_version: readValue(`${device}/firmware_rev`) || readValue(`${device}/rev`),
    };
    return {
      id,
      device: readValue(`${path}/dev`),
      model: readValue(`${device}/model`),
      type: id.startsWith("nvme") ? "nvme" : linkName(`${device}/subsystem`),
      read_only: readNumber(`${path}/ro`) === 1,
      removable: readNumber(`${path}/removable`) === 1,
      size: readNumber(`${path}/size`) * sector,
      block_size: readNumber(`${path}/queue/physical_block_size`, sector),
      numa_node: numaNodeOf(device),
      // the kernel knows whether it turns, and not how fast
      rpm: readNumber(`${path}/queue/rotational`) === 1 ? 1 : 0,
      partitions: readPartitions(path, id),
      ...(pci_address === undefined ? {} : { pci_address }),
      ...Object.fromEntries(Object.entries(said).filter(([, text]) => text !== "")),
    };
  });
}

function readPartitions(path: string, disk: string): DiskPartition[] {
  return readNames(path).filter((name) => name.startsWith(disk)).map((id) => ({
    id,
    device: readValue(`${path}/${id}/dev`),
    read_only: readNumber(`${path}/${id}/ro`) === 1,
    size: readNumber(`${path}/${id}/size`) * sector,
    partition: readNumber(`${path}/${id}/partition`),
  }));
}
