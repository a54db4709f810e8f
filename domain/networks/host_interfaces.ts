// Interfaces of the host, read from sysfs: networks that drey does not manage, and names that are taken.

import { DreyError } from "../../errors.ts";
import { exists, namesIn, readIfThere } from "../../sys/present.ts";
import type { Network } from "../../wire/network.ts";
import type { Context } from "../context.ts";
import { isHostHub } from "./hub_state.ts";

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

/** @throws {DreyError} `ALREADY_EXISTS` if root's host has an interface of this name that is none of drey's networks */
export function refuseTakenInterface(context: Context, name: string): void {
  if (!isHostHub(context) || !exists(`/sys/class/net/${name}`)) return;
  throw new DreyError("ALREADY_EXISTS", { message: `The host has a network interface "${name}" already` });
}
