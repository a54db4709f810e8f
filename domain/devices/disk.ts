// Devices of type `disk`: directories and files of the host that an instance is shown. The root disk is no business of
// this file.

import * as keys from "../../config/devices/disk.ts";
import { readKey } from "../../config/key.ts";
import { DreyError } from "../../errors.ts";
import { type IdMap, parseMap } from "../../idmap/map.ts";
import { type Disk, fetchSteps, plugDisk, showSteps, unplugDisk } from "../../runtime/disks.ts";
import type { MountAttribute } from "../../runtime/steps.ts";
import type { Device } from "../../wire/instance.ts";
import { instancePaths } from "../instances/record.ts";
import { readRunRecord } from "../instances/run_record.ts";
import type { DeviceSite, DeviceType, LiveSite, StartParts, StartSite } from "./device.ts";
import { findHostSource, type FoundSource } from "./disk_source.ts";

export const type: DeviceType = {
  async start(site: StartSite): Promise<StartParts> {
    const disk = await find(site, site.map);
    if (disk === undefined) return { warnings: [`the source of device "${site.name}" is not there`] };
    const name = encodeURIComponent(site.name);
    return {
      reads: [disk.source],
      outer: (root) => fetchSteps(disk, { root, name }),
      inner: (root) => showSteps(disk, { root, name }),
    };
  },
  async add(site: LiveSite) {
    const disk = await find(site, runningMap(site));
    if (disk !== undefined) await plugDisk(container(site), disk);
  },
  async remove(site: LiveSite) {
    await unplugDisk(container(site), site.device["path"] ?? "");
  },
};

/** The disk of a device; undefined if its source is not there and need not be. */
async function find(site: DeviceSite, map: IdMap): Promise<Disk | undefined> {
  const { context, device, name } = site;
  const source = await findSource(site);
  if (source === undefined) return undefined;
  const isShifted = readKey(device, keys.shift) ?? false;
  if (isShifted && context.user.uid !== 0) throw cannotShift(name, context.user.uid);
  const isRecursive = readKey(device, keys.recursive) ?? false;
  if (!isRecursive && context.user.uid !== 0) refuseMountsBelow(name, source);
  return {
    ...source,
    path: device["path"] ?? "",
    recursive: isRecursive,
    attributes: attributesOf(device),
    propagation: (device["propagation"] || "private") as Disk["propagation"],
    ...(isShifted ? { shift: map } : {}),
  };
}

async function findSource({ device, name }: DeviceSite): Promise<FoundSource | undefined> {
  const isRequired = readKey(device, keys.required) ?? true;
  return await findHostSource(device["source"] ?? "", { name, isRequired });
}

/** Device nodes have devices of their own; a directory of the host must not be another way to them. */
function attributesOf(device: Device): MountAttribute[] {
  const asked = keys.readMountOptions(device);
  const isReadOnly = readKey(device, keys.readonly) ?? false;
  return [...new Set<MountAttribute>(["nodev", ...(isReadOnly ? ["ro" as const] : []), ...asked])];
}

/** The kernel lets a user copy a mount without those below it only where that reveals nothing. */
function refuseMountsBelow(name: string, { source, mountsBelow }: FoundSource): void {
  if (mountsBelow.length === 0) return;
  throw new DreyError("BAD_REQUEST", {
    message: `Device "${name}": other file systems are mounted below "${source}", at ${
      mountsBelow.slice(0, 3).join(", ")
    }`,
    hint: "Set recursive=true: without privilege the kernel shows them all or nothing",
  });
}

function cannotShift(name: string, uid: number): DreyError {
  return new DreyError("NOT_SUPPORTED", {
    message:
      `Device "${name}": shift needs root, since the kernel lets no user shift the owners of a file system`,
    hint: `Give the instance your own ids instead: raw.idmap "both ${uid} 1000"`,
  });
}

function runningMap({ context, ref }: LiveSite): IdMap {
  return parseMap(readRunRecord(instancePaths(context, ref).run)?.idmap ?? "[]");
}

const container = (site: LiveSite) => ({
  pid: site.pid,
  map: runningMap(site),
  hasParent: site.context.user.uid !== 0,
});
