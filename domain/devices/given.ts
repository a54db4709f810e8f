// Devices of the host that a running virtual machine is given, and gives back: each with nodes that its box shows.

import { plugBoxFile, unplugBoxFile } from "../../runtime/vm/box_plug.ts";
import { type HostDevice, plugHostDevice, unplugHostDevices } from "../../runtime/vm/host_devices.ts";
import { instancePaths } from "../instances/record.ts";
import { driveId } from "../machines/machine_drive.ts";
import type { GivenDevice, LiveSite } from "./device.ts";
import { runningContainer } from "./running.ts";

/** What a device of an instance is called in the machine; `index` tells several apart. */
export const givenId = (name: string, index: number): string => `${driveId(name)}.${index}`;

/** @throws {DreyError} `CONFLICT` without a place for it, `COMMAND_FAILED` */
export async function addGiven(site: LiveSite, given: readonly GivenDevice[]): Promise<void> {
  const { door } = instancePaths(site.context, site.ref);
  const box = runningContainer(site);
  for (const { device, nodes } of given) {
    for (const node of nodes) await plugBoxFile(box, node);
    try {
      await plugHostDevice(door, device);
    } catch (error) {
      for (const { name } of nodes) await unplugBoxFile(box, name);
      throw error;
    }
  }
}

/** Takes all of a device away, as many as it has become. @throws {DreyError} `TIMEOUT` if the guest keeps one */
export async function removeGiven(site: LiveSite, kind: HostDevice["kind"]): Promise<void> {
  const { door } = instancePaths(site.context, site.ref);
  const ids = await unplugHostDevices(door, kind, `${driveId(site.name)}.`);
  for (const id of ids) await unplugBoxFile(runningContainer(site), id);
}
