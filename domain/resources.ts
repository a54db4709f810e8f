// The hardware of the host.

import type { Resources } from "../wire/resources.ts";
import { readNamesFile, readPci, readUsb } from "./resources/bus.ts";
import { readGpus, readNetworkCards } from "./resources/cards.ts";
import { readCpu } from "./resources/cpu.ts";
import { type HostTrees, realTrees } from "./resources/host.ts";
import { readMemory } from "./resources/memory.ts";
import { readDisks } from "./resources/storage.ts";
import { readSystem } from "./resources/system.ts";

/** What the host is made of, as far as this user may know. */
export function readResources(trees: HostTrees = realTrees): Resources {
  const names = readNamesFile(`${trees.ids}/pci.ids`);
  const listed = {
    gpu: readGpus(trees, names),
    network: readNetworkCards(trees, names),
    disks: readDisks(trees),
    usb: readUsb(trees, readNamesFile(`${trees.ids}/usb.ids`)),
    pci: readPci(trees, names),
  };
  return {
    cpu: readCpu(trees),
    memory: readMemory(trees),
    gpu: { cards: listed.gpu, total: listed.gpu.length },
    network: { cards: listed.network, total: listed.network.length },
    storage: {
      disks: listed.disks,
      total: listed.disks.reduce((total, { partitions }) => total + 1 + partitions.length, 0),
    },
    usb: { devices: listed.usb, total: listed.usb.length },
    pci: { devices: listed.pci, total: listed.pci.length },
    system: readSystem(trees),
  };
}
