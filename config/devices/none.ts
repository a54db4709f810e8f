// The device that is none: it hides what a profile brings under its name.

import type { DeviceConfig } from "./device_key.ts";

export const none: DeviceConfig = {
  type: "none",
  short: "Nothing: hides the device of this name that a profile brings",
  keys: [],
  toCome: [],
};
