// Devices of type `gpu`: graphics cards of the host, as nodes below /dev/dri.

import * as keys from "../../config/devices/gpu.ts";
import { productid, vendorid } from "../../config/devices/usb.ts";
import { readKey } from "../../config/key.ts";
import { DreyError } from "../../errors.ts";
import type { Device } from "../../wire/instance.ts";
import { readGpus } from "../resources/cards.ts";
import { type HostTrees, realTrees } from "../resources/host.ts";
import { byInstance } from "./by_instance.ts";
import type { DeviceSite, DeviceType } from "./device.ts";
import { type HostNode, nodeType } from "./host_node.ts";

/** The nodes of the cards that fit a device: what shows pictures, and what computes them. */
export function findGpus(device: Device, trees: HostTrees = realTrees): HostNode[] {
  const wanted = {
    vendor_id: readKey(device, vendorid),
    product_id: readKey(device, productid),
    pci_address: readKey(device, keys.pci),
  };
  const id = readKey(device, keys.cardId);
  const nameless = () => ({ vendor: "", product: "" });
  return readGpus(trees, nameless).filter((card) =>
    (id === undefined || String(card.drm?.id) === id) &&
    Object.entries(wanted).every(([key, value]) =>
      value === undefined || card[key as keyof typeof wanted] === value
    )
  ).flatMap(({ drm }) => [drm?.card_name, drm?.render_name]).filter((node) => node !== undefined)
    .map((node) => ({ source: `/dev/dri/${node}`, path: `/dev/dri/${node}` }));
}

function find({ name, device }: DeviceSite): HostNode[] {
  const found = findGpus(device);
  if (found.length > 0) return found;
  throw new DreyError("BAD_REQUEST", { message: `Device "${name}": the host has no such graphics card` });
}

/** A machine is given the card itself. */
const inMachines = async () => (await import("./pci.ts")).machineGpu;

export const gpu: DeviceType = {
  ...byInstance(nodeType(find), inMachines),
  // of a container there is nothing to undo, and of a machine's what it has noted
  stopped: async (site) => await (await inMachines()).stopped?.(site),
};
