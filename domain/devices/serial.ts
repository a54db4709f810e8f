// Devices of type `unix-char` in virtual machines: a terminal of the host's, which the guest has as a serial port.

import { DreyError } from "../../errors.ts";
import type { IdMap } from "../../idmap/map.ts";
import { boxFiles } from "../../runtime/vm/box.ts";
import type { DeviceSite, DeviceType, GivenDevice, LiveSite } from "./device.ts";
import { addGiven, givenId, removeGiven } from "./given.ts";
import { runningContainer } from "./running.ts";
import { lookAt } from "./host_node.ts";
import { boxNode } from "./machine_node.ts";

/**
 * The serial port that a device becomes; none if its source is not there and need not be.
 *
 * @throws {DreyError} `BAD_REQUEST` for what is no terminal, `FORBIDDEN` for what the machine's programs may not open
 */
function find(site: DeviceSite, map: IdMap): GivenDevice[] {
  const { name, device } = site;
  const source = device["source"] || device["path"] || "";
  const there = lookAt(source);
  if (there === undefined && device["required"] === "false") return [];
  const node = boxNode(site, { source, kind: "char" }, map);
  const drivers = Deno.readTextFileSync("/proc/tty/drivers");
  if (there !== undefined && !isTerminal(there.numbers[0], drivers)) {
    throw new DreyError("BAD_REQUEST", {
      message: `Device "${name}": "${source}" is no terminal, so it cannot be a machine's serial port`,
    });
  }
  const id = givenId(name, 0);
  return [{
    device: { kind: "serial", id, path: `${boxFiles}/${id}` },
    nodes: [{ name: id, ...node }],
  }];
}

/** Whether a major number is one of terminals, by what /proc/tty/drivers says. */
export const isTerminal = (major: number, drivers: string): boolean =>
  drivers.split("\n").some((line) => Number(line.trim().split(/\s+/)[2]) === major);

export const serial: Required<Pick<DeviceType, "start" | "add" | "remove">> = {
  start(site) {
    const given = find(site, site.map);
    return given.length > 0 ? { given } : { warnings: [`nothing is there for device "${site.name}"`] };
  },
  add: async (site: LiveSite) => await addGiven(site, find(site, runningContainer(site).map)),
  remove: async (site: LiveSite) => await removeGiven(site, "serial"),
};
