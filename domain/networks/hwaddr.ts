// MAC addresses of NICs that nobody has given one.

import type { Config, Devices } from "../../wire/instance.ts";

/** A MAC address of the range LXD takes its from. */
export function randomHwaddr(): string {
  const bytes = [...crypto.getRandomValues(new Uint8Array(3))];
  return ["00", "16", "3e", ...bytes.map((byte) => byte.toString(16).padStart(2, "0"))].join(":");
}

/** they have the address of the host's interface */
const withoutOwn = ["physical", "ipvlan"];

/**
 * What an instance's configuration is to remember from now on: addresses for those of its NICs that have none yet.
 *
 * @param devices expanded
 */
export function missingHwaddrs(devices: Devices, config: Config): Config {
  const missing = Object.entries(devices).filter(([name, device]) =>
    device["type"] === "nic" && !device["hwaddr"] && !config[`volatile.${name}.hwaddr`] &&
    !withoutOwn.includes(device["nictype"] ?? "")
  );
  return Object.fromEntries(missing.map(([name]) => [`volatile.${name}.hwaddr`, randomHwaddr()]));
}
