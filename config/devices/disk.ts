// The keys of disks: the root disk, directories and files of the host, volumes of storage pools.

import type { Device } from "../../wire/instance.ts";
import * as types from "../types.ts";
import { type DeviceConfig, deviceKey, type DeviceProblem } from "./device_key.ts";

export const path = deviceKey({
  name: "path",
  type: types.string,
  live: false,
  short: "Where it is mounted: / is the root disk",
});
export const pool = deviceKey({
  name: "pool",
  type: types.string,
  live: false,
  short: "Storage pool that holds it",
});
export const source = deviceKey({
  name: "source",
  type: types.string,
  live: false,
  short: "Directory or file of the host, or a volume of the pool",
});
export const readonly = deviceKey({
  name: "readonly",
  type: types.bool,
  live: false,
  default: "false",
  short: "Whether the instance may only read it",
});
export const recursive = deviceKey({
  name: "recursive",
  type: types.bool,
  live: false,
  default: "false",
  short: "Whether file systems mounted below the source come along",
});
export const propagation = deviceKey({
  name: "propagation",
  type: types.oneOf(
    "private",
    "rprivate",
    "unbindable",
    "runbindable",
    "shared",
    "rshared",
    "slave",
    "rslave",
  ),
  live: false,
  default: "private",
  short: "How mounts below it spread; those of the host never do",
});
export const required = deviceKey({
  name: "required",
  type: types.bool,
  live: false,
  default: "true",
  short: "Whether the instance may not start without the source",
});
export const shift = deviceKey({
  name: "shift",
  type: types.bool,
  live: false,
  default: "false",
  short: "Whether owners are shifted to the ids of the instance; only root can",
});
export const mountOptions = deviceKey({
  name: "raw.mount.options",
  type: types.string,
  live: false,
  short: "Options of the mount: ro, nosuid, nodev, noexec, nosymfollow",
});

export const size = deviceKey({
  name: "size",
  type: types.size,
  live: true,
  short: "How much the root disk may hold; enforced where the pool can, else watched",
});

export const bus = deviceKey({
  name: "io.bus",
  type: types.oneOf("virtio-scsi", "virtio-blk", "nvme"),
  live: false,
  default: "virtio-scsi",
  short: "How a virtual machine sees its own disk",
});
export const cache = deviceKey({
  name: "io.cache",
  type: types.oneOf("none", "writeback", "unsafe"),
  live: false,
  default: "none",
  short: "What the host may keep in memory of a virtual machine's own disk",
});

export const bootPriority = deviceKey({
  name: "boot.priority",
  type: types.integer({ min: 0 }),
  live: false,
  short:
    "Place of a drive among what a virtual machine boots from, the highest first; 1 for its own disk, else 0",
});

/** Options that take rights away, which is all that anybody may ask of a mount. */
export const safeMountOptions = ["ro", "nosuid", "nodev", "noexec", "nosymfollow"] as const;
export type MountOption = typeof safeMountOptions[number];

/** Where a disk is mounted: a path that does not say from where is one from the top, as in LXD. Empty for a drive. */
export function mountPath(device: Device): string {
  const words = (device["path"] ?? "").split("/").filter((word) => word !== "" && word !== ".");
  return device["path"] ? `/${words.join("/")}` : "";
}

/** The options a device names, known to be safe ones. */
export const readMountOptions = (device: Device): MountOption[] =>
  words(device).filter((word): word is MountOption => safeMountOptions.some((option) => option === word));

const words = (device: Device) =>
  (device["raw.mount.options"] ?? "").split(",").filter((word) => word !== "");

export const disk: DeviceConfig = {
  type: "disk",
  short: "The root disk, a directory or file of the host, or a volume",
  keys: [
    path,
    pool,
    source,
    readonly,
    recursive,
    propagation,
    required,
    shift,
    mountOptions,
    size,
    bus,
    cache,
    bootPriority,
  ],
  toCome: [
    "ceph.cluster_name",
    "ceph.user_name",
    "initial.*",
    "io.threads",
    "limits.max",
    "limits.read",
    "limits.write",
    "size.state",
    "source.snapshot",
    "source.type",
  ],
  problem: (device) => device["path"] === "/" ? rootProblem(device) : mountProblem(device),
};

function rootProblem(device: Device): DeviceProblem | undefined {
  if (device["source"]) return wrong("the root disk has no source");
  if (!device["pool"]) return wrong('the root disk lacks the key "pool"');
  const other = ["recursive", "propagation", "shift", "readonly", "raw.mount.options"].find((key) =>
    device[key]
  );
  return other === undefined ? undefined : later(`"${other}" of a root disk is not supported`);
}

function mountProblem(device: Device): DeviceProblem | undefined {
  const { path = "", source = "", pool } = device;
  if (device["size"]) return wrong("only a root disk has a size");
  if (source === "") return wrong('it lacks the key "source"');
  // a volume, a file or a block device may be a drive, which a virtual machine mounts by itself
  if (path === "" && pool) return undefined;
  if (path === "") return sourceProblem(source);
  if (path.includes("\0") || mountPath(device) === "/") return wrong("the path is none to mount it at");
  if (path.split("/").includes("..")) return wrong(`the path "${path}" leads upwards`);
  if (!pool && !source.startsWith("/")) return sourceProblem(source);
  if (/^r?(shared|slave)$/.test(device["propagation"] ?? "")) {
    return later(
      `the propagation "${device["propagation"]}" is not supported: mounts of the host stay outside`,
    );
  }
  const unsafe = words(device).find((word) => !safeMountOptions.some((option) => option === word));
  if (unsafe !== undefined) {
    return wrong(`the mount option "${unsafe}" is not one of ${safeMountOptions.join(", ")}`);
  }
  return undefined;
}

function sourceProblem(source: string): DeviceProblem | undefined {
  if (source.startsWith("/")) return undefined;
  return /^(ceph|cephfs|cloud-init|tmpfs|tmpfs-overlay):/.test(source)
    ? later(`a source such as "${source}" is not supported yet`)
    : wrong(`the source "${source}" is not an absolute path, and no pool is named`);
}

const wrong = (found: string): DeviceProblem => ({ kind: "wrong", found });
const later = (found: string): DeviceProblem => ({ kind: "later", found });
