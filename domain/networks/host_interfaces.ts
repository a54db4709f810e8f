// Interfaces of the host as networks that drey does not manage, read from sysfs.

import { namesIn, readIfThere } from "../../sys/present.ts";
import type { Network } from "../../wire/network.ts";

/** The host's interfaces, but for the ends of instances' cables. */
export function hostInterfaces(sysfs = "/sys/class/net"): Network[] {
  return namesIn(sysfs).filter((name) => !/^veth[0-9a-f]{8}$/.test(name)).map((name) => ({
    name,
    description: "",
    type: kind(`${sysfs}/${name}`, name),
    managed: false,
    status: "",
    config: {},
    used_by: [],
    locations: [],
    project: "default",
  }));
}

function kind(path: string, name: string): string {
  if (name === "lo") return "loopback";
  const inside = namesIn(path);
  if (inside.includes("bridge")) return "bridge";
  if (inside.includes("bonding")) return "bond";
  if (inside.includes("device") || readIfThere(`${path}/type`)?.trim() === "1") return "physical";
  return "unknown";
}
