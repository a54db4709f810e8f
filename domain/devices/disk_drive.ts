// Volumes that are drives of virtual machines: disks and discs, each a file of a storage pool.

import * as keys from "../../config/devices/disk.ts";
import { readKey } from "../../config/key.ts";
import { DreyError } from "../../errors.ts";
import { type IdMap, toHost } from "../../idmap/map.ts";
import { lazyFileRoot } from "../instances/file_root.ts";
import { openPool } from "../storage_pools/open.ts";
import { diskOf } from "../storage_volumes/content.ts";
import { volumeOf } from "../storage_volumes/record.ts";
import { plugDisk, type RunningContainer, unplugDisk } from "../../runtime/disks.ts";
import { plugDrive, unplugDrive } from "../../runtime/vm/drive_plug.ts";
import type { InstanceType } from "../../wire/instance.ts";
import { instancePaths } from "../instances/record.ts";
import { driveId, drivePath, volumeDrive } from "../machines/volume_drive.ts";
import type { DeviceSite, LiveSite, StartParts, StartSite, VolumeDrive } from "./device.ts";
import { checkVolume, volumeRef } from "./disk_volume.ts";

/** @throws {DreyError} `BAD_REQUEST` for a container */
export async function startDrive(site: StartSite): Promise<StartParts> {
  const { drive, settle } = await findDrive(site, site.map);
  return { reads: [drive.source], prepare: settle, drive };
}

interface FoundDrive {
  drive: VolumeDrive;
  /** lets the machine's programs open the file */
  settle(): Promise<void>;
}

async function findDrive(
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
      priority: readKey(device, keys.bootPriority) ?? 0,
    },
  };
}

/** Gives a running machine a drive. @throws {DreyError} `CONFLICT` without a place for it */
export async function addDrive(site: LiveSite, box: RunningContainer): Promise<void> {
  const { drive, settle } = await findDrive(site, box.map);
  await settle();
  const { dev, ino } = await Deno.stat(drive.source);
  await plugDisk(box, {
    source: drive.source,
    id: `${dev}:${ino}`,
    path: drivePath(site.name),
    recursive: false,
    attributes: ["nodev", "nosuid", ...(drive.content === "iso" ? ["ro" as const] : [])],
    propagation: "private",
  });
  try {
    await plugDrive(instancePaths(site.context, site.ref).door, volumeDrive(drive));
  } catch (error) {
    await unplugDisk(box, drivePath(site.name), { isNode: true });
    throw error;
  }
}

/** Takes it away again. @throws {DreyError} `TIMEOUT` if the guest does not let it go */
export async function removeDrive(site: LiveSite, box: RunningContainer): Promise<void> {
  await unplugDrive(instancePaths(site.context, site.ref).door, driveId(site.name));
  await unplugDisk(box, drivePath(site.name), { isNode: true });
}
