// The key of cards on PCI that a virtual machine is given whole.

import { type DeviceConfig, deviceKey } from "./device_key.ts";
import { pciAddress } from "./gpu.ts";

export const address = deviceKey({
  name: "address",
  type: pciAddress,
  live: false,
  required: true,
  short: "Address on PCI",
});

export const pci: DeviceConfig = {
  type: "pci",
  short: "A card on PCI for a virtual machine",
  keys: [address],
  toCome: [],
};
