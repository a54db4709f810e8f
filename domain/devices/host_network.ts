// A NIC of nictype "host": the instance has no network of its own but shares the host's, as its user sees it. Nothing
// is plugged in, and root inside has no power over the host's interfaces, since they belong to a namespace above it.

import { DreyError } from "../../errors.ts";
import type { Step } from "../../runtime/steps.ts";
import { type NicType } from "../../config/devices/nic.ts";
import type { Device, Devices, InstanceType } from "../../wire/instance.ts";
import type { StartParts } from "./device.ts";

/** Whether a NIC stands for the host's network. */
export const isHostNetwork = (device: Device): boolean =>
  device["nictype"] === ("host" satisfies NicType) && !device["network"];

const names = "/etc/resolv.conf";

/**
 * What it adds to a start.
 *
 * @throws {DreyError} `BAD_REQUEST` for a virtual machine, or beside what needs a network of the instance's own
 */
export function shareHostNetwork(
  { name, type, devices }: { name: string; type: InstanceType; devices: Devices },
): StartParts {
  if (type === "virtual-machine") {
    throw bad(name, "a virtual machine has a kernel of its own and cannot share the host's network");
  }
  const other = Object.entries(devices).find(([found, device]) =>
    found !== name && (device["type"] === "nic" || device["type"] === "proxy")
  );
  if (other !== undefined) {
    throw bad(name, `an instance that shares the host's network has no place for "${other[0]}"`);
  }
  return {
    sharesNetwork: true,
    // the host's resolver is within reach; where the image has a link instead, its own program answers or nobody
    inner: (root): Step[] => [
      {
        do: "mount",
        type: "none",
        source: names,
        target: `${root}${names}`,
        flags: ["bind"],
        optional: true,
      },
    ],
  };
}

/** @throws {DreyError} `BAD_REQUEST`: namespaces are chosen once, when the instance starts */
export function refuseLive(name: string): never {
  throw new DreyError("BAD_REQUEST", {
    message: `Device "${name}": an instance shares the host's network, or does not, from its start on`,
    hint: "Stop the instance first",
  });
}

const bad = (name: string, found: string) =>
  new DreyError("BAD_REQUEST", { message: `Device "${name}": ${found}` });
