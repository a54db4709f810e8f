// Devices of type `unix-char` and `unix-block`: nodes of the host by their paths or numbers.

import * as keys from "../../config/devices/unix_node.ts";
import { readKey } from "../../config/key.ts";
import { DreyError } from "../../errors.ts";
import type { DeviceSite, DeviceType, LiveSite, StartSite } from "./device.ts";
import { byInstance } from "./by_instance.ts";
import { type HostNode, lookAt, nodeType } from "./host_node.ts";

function find({ context, name, device }: DeviceSite): HostNode[] {
  const source = device["source"] || device["path"] || "";
  const kind = device["type"] === "unix-block" ? "block" : "char";
  const [major, minor] = [readKey(device, keys.major), readKey(device, keys.minor)];
  const path = device["path"] || source;
  const there = lookAt(source);
  if (there !== undefined && there.kind !== kind) {
    throw new DreyError("BAD_REQUEST", {
      message: `Device "${name}": "${source}" is a ${there.kind === "char" ? "character" : "block"} device`,
    });
  }
  if (major !== undefined && minor !== undefined && (there !== undefined || context.user.uid === 0)) {
    return [{ source, path, fallback: { kind, numbers: [major, minor] } }];
  }
  if (there === undefined && !(readKey(device, keys.required) ?? true)) return [];
  return [{ source, path }];
}

const inContainers = nodeType(find);

/** In a virtual machine the first is a serial port, the other a drive. */
async function inMachines(site: StartSite | LiveSite): Promise<Pick<DeviceType, "add" | "remove" | "start">> {
  const odd = [keys.major, keys.minor].find(({ name }) => site.device[name]);
  if (odd !== undefined) {
    throw new DreyError("NOT_SUPPORTED", {
      message: `Device "${site.name}": the key "${odd.name}" is not supported in virtual machines`,
    });
  }
  if (site.device["type"] === "unix-char") return (await import("./serial.ts")).serial;
  const { addDrive, removeDrive, startDrive } = await import("./disk_drive.ts");
  const { runningContainer } = await import("./running.ts");
  return {
    start: startDrive,
    add: async (site) => await addDrive(site, runningContainer(site)),
    remove: async (site) => await removeDrive(site, runningContainer(site)),
  };
}

export const unixNode: DeviceType = byInstance(inContainers, inMachines);
