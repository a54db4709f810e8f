// The keys of TPMs.

import type { DeviceConfig } from "./device_key.ts";

export const tpm: DeviceConfig = {
  type: "tpm",
  short: "A TPM of a virtual machine with a disk of its own",
  keys: [],
  // for containers
  toCome: ["path", "pathrm"],
};
