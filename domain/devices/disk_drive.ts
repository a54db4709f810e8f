// Drives of virtual machines beside their own disk: volumes that are disks or discs, files and block devices of the host.

import * as keys from "../../config/devices/disk.ts";
import { readKey } from "../../config/key.ts";
import { DreyError } from "../../errors.ts";
import { type IdMap, toHost } from "../../idmap/map.ts";
import { lazyFileRoot } from "../instances/file_root.ts";
import { openPool } from "../storage_pools/open.ts";
import { diskOf } from "../storage_volumes/content.ts";
import { volumeOf } from "../storage_volumes/record.ts";
import type { RunningContainer } from "../../runtime/disks.ts";
import { plugBoxFile, unplugBoxFile } from "../../runtime/vm/box_plug.ts";
import { plugDrive, unplugDrive } from "../../runtime/vm/drive_plug.ts";
import type { InstanceType } from "../../wire/instance.ts";
import { instancePaths } from "../instances/record.ts";
import { driveFile, driveId, machineDrive } from "../machines/machine_drive.ts";
import type { DeviceSite, LiveSite, MachineDrive, StartParts, StartSite } from "./device.ts";
import { checkVolume, volumeRef } from "./disk_volume.ts";
import { findHostDrive } from "./host_drive.ts";

/** @throws {DreyError} `BAD_REQUEST` for a container */
export async function startDrive(site: StartSite): Promise<StartParts> {
  const found = await findDrive(site, site.map);
  if (found === undefined) return { warnings: [`the source of device "${site.name}" is not there`] };
  const { drive, settle } = found;
  return { reads: [drive.source], prepare: settle, drive };
}

interface FoundDrive {
  drive: MachineDrive;
  /** lets the machine's programs open the file */
  settle(): Promise<void>;
}

/** The drive that a device is; undefined if its source is not there and need not be. */
async function findDrive(
  site: DeviceSite & { type: InstanceType },
  map: IdMap,
): Promise<FoundDrive | undefined> {
  if (site.device["pool"]) return await findVolumeDrive(site, map);
  if (site.type !== "virtual-machine") {
    throw new DreyError("BAD_REQUEST", { message: `Device "${site.name}" lacks the key "path"` });
  }
  const drive = await findHostDrive(site, map);
  return drive && { drive, settle: () => Promise.resolve() };
}

async function findVolumeDrive(
  { context, ref, name, device, type }: DeviceSite & { type: InstanceType },
  map: IdMap,
): Promise<FoundDrive> {
  const { content_type: content } = await checkVolume(context, ref, device);
  const volume = await volumeRef(context, ref, device);
  if (type !== "virtual-machine" || content === "filesystem") {
    throw new DreyError("BAD_REQUEST", {
      message: `Device "${name}": volume "${volume.name}" cannot be a drive here: ${
        content === "filesystem" ? "it holds files" : "only virtual machines have drives"
      }`,
    });
  }
  await using pool = await openPool(context, volume.pool);
  const source = await Deno.realPath(diskOf(pool.driver, volumeOf(volume), content));
  return {
    // the machine's programs are root of its ids; the user, who makes snapshots of it, is of its group
    async settle() {
      const uid = toHost(map.uids, 0) ?? context.user.uid;
      const info = await Deno.stat(source);
      if (info.uid === uid && (info.mode ?? 0) & 0o60) return;
      if (info.uid === context.user.uid) await Deno.chmod(source, 0o660);
      await using hands = lazyFileRoot(context);
      await hands.own(source, { uid, gid: context.user.gid });
    },
    drive: {
      name,
      source,
      content,
      bus: readKey(device, keys.bus) ?? "virtio-scsi",
      cache: readKey(device, keys.cache) ?? "none",
      isReadOnly: readKey(device, keys.readonly) ?? false,
      priority: readKey(device, keys.bootPriority) ?? 0,
    },
  };
}

/** Gives a running machine a drive. @throws {DreyError} `CONFLICT` without a place for it */
export async function addDrive(site: LiveSite, box: RunningContainer): Promise<void> {
  const found = await findDrive(site, box.map);
  if (found === undefined) return;
  const { drive, settle } = found;
  await settle();
  await plugBoxFile(box, driveFile(drive));
  try {
    await plugDrive(instancePaths(site.context, site.ref).door, machineDrive(drive));
  } catch (error) {
    await unplugBoxFile(box, driveId(site.name));
    throw error;
  }
}

/** Takes it away again. @throws {DreyError} `TIMEOUT` if the guest does not let it go */
export async function removeDrive(site: LiveSite, box: RunningContainer): Promise<void> {
  await unplugDrive(instancePaths(site.context, site.ref).door, driveId(site.name));
  await unplugBoxFile(box, driveId(site.name));
}
