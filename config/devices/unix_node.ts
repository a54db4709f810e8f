// The keys of device nodes: character and block devices of the host, by their paths or numbers.

import type { Device } from "../../wire/instance.ts";
import * as types from "../types.ts";
import { type DeviceConfig, type DeviceKey, deviceKey, type DeviceProblem } from "./device_key.ts";

export const nodeMode: types.ValueType<number> = {
  name: "integer",
  wanted: "a file mode such as 0660",
  parse: (text) =>
    /^[0-7]{1,4}$/.test(text) ? { value: parseInt(text, 8) } : { problem: "expected a mode such as 0660" },
};

function row<T>(name: string, type: types.ValueType<T>, short: string, more: Partial<DeviceKey<T>> = {}) {
  return deviceKey<T>({ name, type, live: false, short, ...more });
}

const id = types.integer({ min: 0, max: 0xffff_fffe });
const number = types.integer({ min: 0, max: 0xf_ffff });

export const source = row("source", types.string, "Node of the host; the path, unless told");
export const path = row("path", types.string, "Where it is in the instance; the source, unless told");
export const major = row("major", number, "Major number; that of the source, unless told");
export const minor = row("minor", number, "Minor number; that of the source, unless told");
export const required = row("required", types.bool, "Whether the instance may not start without the source", {
  default: "true",
});

/** Who may open a node inside; these need root, which makes nodes of its own. */
export const uid = row("uid", id, "Owner in the instance; only root can set it", { default: "0" });
export const gid = row("gid", id, "Group in the instance; only root can set it", { default: "0" });
export const mode = row(
  "mode",
  nodeMode,
  "Mode in the instance, that of the source unless told; only root can set it",
);
export const ownerKeys = [gid, mode, uid] as const;

const keys = [gid, major, minor, mode, path, required, source, uid];

export const unixChar: DeviceConfig = {
  type: "unix-char",
  short: "A character device of the host; a serial port of a virtual machine",
  keys,
  toCome: [],
  problem,
};

export const unixBlock: DeviceConfig = {
  type: "unix-block",
  short: "A block device of the host, as a node",
  keys,
  toCome: [],
  problem,
};

function problem(device: Device): DeviceProblem | undefined {
  const wrong = (found: string): DeviceProblem => ({ kind: "wrong", found });
  const { source = "", path = "" } = device;
  if (source === "" && path === "") return wrong('it lacks one of the keys "source" and "path"');
  for (const text of [source, path]) {
    if (text !== "" && !text.startsWith("/")) return wrong(`the path "${text}" is not absolute`);
    if (text.split("/").includes("..") || text.includes("\0")) {
      return wrong(`the path "${text}" leads upwards`);
    }
  }
  if (!device["major"] !== !device["minor"]) return wrong('"major" and "minor" go together');
  return undefined;
}
