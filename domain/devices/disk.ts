// Devices of type `disk`: directories and files of the host, and volumes, that an instance is shown. The root disk is no
// business of this file.

import * as keys from "../../config/devices/disk.ts";
import { readKey } from "../../config/key.ts";
import { DreyError } from "../../errors.ts";
import type { IdMap } from "../../idmap/map.ts";
import {
  type Disk,
  fetchSteps,
  plugDisk,
  type RunningContainer,
  showSteps,
  unplugDisk,
} from "../../runtime/disks.ts";
import { guestRoot } from "../../runtime/vm/box.ts";
import type { MountAttribute } from "../../runtime/kernel_flags.ts";
import type { Device } from "../../wire/instance.ts";
import type { DeviceSite, DeviceType, LiveSite, StartParts, StartSite } from "./device.ts";
import { checkVolume, findVolume, typeOf, watchVolume } from "./disk_volume.ts";
import { hasOwnDisk } from "../machines/own_disk.ts";
import { openRootPool } from "../instances/root_volume.ts";
import { volumeOf } from "../instances/volume_of.ts";
import { diskBounds, findHostSource, type FoundSource } from "./disk_source.ts";
import { runningContainer } from "./running.ts";

export const type: DeviceType = {
  async start(site: StartSite): Promise<StartParts> {
    if (!site.device["path"]) return await (await drives()).startDrive(site);
    const found = await find(site, site.map);
    if (found === undefined) return { warnings: [`the source of device "${site.name}" is not there`] };
    const { disk, settle } = found;
    const name = encodeURIComponent(site.name);
    const warnings = isVolume(site.device) ? await watchVolume(site.context, site.ref, site.device) : [];
    return {
      warnings,
      reads: [disk.source],
      ...(settle === undefined ? {} : { prepare: settle }),
      outer: (root) => fetchSteps(disk, { root, name }),
      inner: (root) => showSteps(disk, { root, name }),
    };
  },
  async add(site: LiveSite) {
    if (!site.device["path"]) return await (await drives()).addDrive(site, runningContainer(site));
    const found = await find(site, runningContainer(site).map);
    await found?.settle?.();
    if (found === undefined) return;
    if (await isShare(site)) await (await shares()).addShare(site, found.disk);
    else await plugDisk(container(site), found.disk);
  },
  async remove(site: LiveSite) {
    if (isDrive(site)) return await (await drives()).removeDrive(site, runningContainer(site));
    if (await isShare(site)) await (await shares()).removeShare(site);
    else await unplugDisk(container(site), keys.mountPath(site.device));
  },
  async check({ context, ref, name, device, type = undefined }) {
    if (isVolume(device)) await checkVolume(context, ref, device);
    else if (!device["path"] && (type ?? await typeOf(context, ref)) === "container") {
      throw new DreyError("BAD_REQUEST", { message: `Device "${name}" lacks the key "path"` });
    }
  },
};

/** Whether it is shown to a machine with a disk of its own, which mounts it by itself. */
async function isShare({ context, ref, type }: LiveSite): Promise<boolean> {
  if (type !== "virtual-machine") return false;
  await using pool = await openRootPool(context, ref);
  return hasOwnDisk(pool.driver.root(volumeOf(ref)));
}

const shares = () => import("./machine_share.ts");

const drives = () => import("./disk_drive.ts");

/** Whether a machine sees it as a drive. */
const isDrive = ({ type, device }: LiveSite) => type === "virtual-machine" && !device["path"];

const isVolume = (device: Device) => (device["pool"] ?? "") !== "";

interface Found {
  disk: Disk;
  /** what is to be done about its files before they can be used */
  settle?(): Promise<void>;
}

/** The disk of a device; undefined if its source is not there and need not be. */
async function find(site: DeviceSite, map: IdMap): Promise<Found | undefined> {
  const { context, ref, device } = site;
  const common = {
    path: keys.mountPath(device),
    attributes: attributesOf(device),
    propagation: (device["propagation"] || "private") as Disk["propagation"],
  };
  if (isVolume(device)) {
    const { source, id, shift, settle } = await findVolume(context, ref, { device, map });
    const disk = { ...common, source, id, recursive: false, ...(shift === undefined ? {} : { shift }) };
    return { disk, ...(settle === undefined ? {} : { settle }) };
  }
  return await findOnHost(site, { map, common });
}

async function findOnHost(
  { context, ref, device, name }: DeviceSite,
  { map, common }: { map: IdMap; common: Pick<Disk, "path" | "attributes" | "propagation"> },
): Promise<Found | undefined> {
  const isRequired = readKey(device, keys.required) ?? true;
  const bounds = await diskBounds(context, ref);
  const source = await findHostSource(device["source"] ?? "", { name, isRequired, bounds });
  if (source === undefined) return undefined;
  const isShifted = readKey(device, keys.shift) ?? false;
  if (isShifted && context.user.uid !== 0) throw cannotShift(name, context.user.uid);
  if (isShifted && bounds !== undefined) throw mayNotShift(name, bounds.project);
  const recursive = readKey(device, keys.recursive) ?? false;
  if (!recursive && context.user.uid !== 0) refuseMountsBelow(name, source);
  return { disk: { ...common, ...source, recursive, ...(isShifted ? { shift: map } : {}) } };
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

/** Who may use a project only could leave a set-uid program of the host's root in a directory they reach outside. */
function mayNotShift(name: string, project: string): DreyError {
  return new DreyError("FORBIDDEN", {
    message:
      `Device "${name}": shift is not allowed in project "${project}", which is restricted by restricted.devices.disk.paths`,
  });
}

/** The guest of a machine sees what is mounted in its box, below its root there. */
const container = (site: LiveSite): RunningContainer => ({
  ...runningContainer(site),
  ...(site.type === "container" ? {} : { root: guestRoot }),
});
