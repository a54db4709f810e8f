// The keys of disks. So far there is the root disk.

import * as types from "../types.ts";
import { type DeviceConfig, deviceKey } from "./device_key.ts";

export const path = deviceKey({
  name: "path",
  type: types.string,
  required: true,
  live: false,
  short: "Where it is mounted: / is the root disk",
});
export const pool = deviceKey({
  name: "pool",
  type: types.string,
  required: true,
  live: false,
  short: "Storage pool that holds it",
});

export const disk: DeviceConfig = {
  type: "disk",
  short: "The root disk of the instance",
  keys: [path, pool],
  toCome: [
    "boot.priority",
    "ceph.cluster_name",
    "ceph.user_name",
    "initial.*",
    "io.bus",
    "io.cache",
    "io.threads",
    "limits.max",
    "limits.read",
    "limits.write",
    "propagation",
    "raw.mount.options",
    "readonly",
    "recursive",
    "required",
    "shift",
    "size",
    "size.state",
    "source",
    "source.snapshot",
    "source.type",
  ],
  problem: (device) =>
    device["path"] === "/"
      ? undefined
      : { kind: "later", found: "disks other than the root disk are not supported yet" },
};
