// Types of devices that are one thing in containers and another in virtual machines.

import type { DeviceType, LiveSite, StartSite } from "./device.ts";

type Hands = Pick<DeviceType, "start" | "add" | "remove">;

/** A type that is the first in containers; what it is in machines is loaded when it is asked for. */
export const byInstance = (
  inContainers: Hands,
  inMachines: (site: StartSite | LiveSite) => Promise<Hands> | Hands,
): DeviceType => {
  const of = async (site: StartSite | LiveSite) =>
    site.type === "virtual-machine" ? await inMachines(site) : inContainers;
  return {
    start: async (site) => await (await of(site)).start(site),
    add: async (site) => await (await of(site)).add?.(site),
    remove: async (site) => await (await of(site)).remove?.(site),
  };
};
