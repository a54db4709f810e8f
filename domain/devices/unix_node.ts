// Devices of type `unix-char` and `unix-block`: nodes of the host by their paths or numbers.

import * as keys from "../../config/devices/unix_node.ts";
import { readKey } from "../../config/key.ts";
import { DreyError } from "../../errors.ts";
import type { DeviceSite, DeviceType } from "./device.ts";
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

export const unixNode: DeviceType = nodeType(find);
