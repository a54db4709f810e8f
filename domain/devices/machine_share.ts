// Directories of the host in virtual machines with a disk of their own, which see them by virtiofs: they come and go
// while the machine runs.

import { resolve } from "@std/path";
import * as keys from "../../config/devices/disk.ts";
import { readKey } from "../../config/key.ts";
import { type Disk, plugDisk, unplugDisk } from "../../runtime/disks.ts";
import { guestShares } from "../../runtime/vm/box.ts";
import { shareIds } from "../../runtime/vm/machine.ts";
import { plugShare, unplugShare } from "../../runtime/vm/share_plug.ts";
import { instancePaths } from "../instances/record.ts";
import { findPrograms } from "../machines/assets.ts";
import { driveId } from "../machines/machine_drive.ts";
import { shareTag } from "../machines/own_disk.ts";
import { runningMachine } from "../machines/plan.ts";
import type { LiveSite } from "./device.ts";
import { runningContainer } from "./running.ts";

const shareId = (name: string) => `dir-${driveId(name)}`;

const sharesOf = (site: LiveSite) => ({ ...runningContainer(site), root: guestShares });

/** @throws {DreyError} `CONFLICT` without a place for it, `COMMAND_FAILED` if the guest does not mount it, `TOOL_MISSING` */
export async function addShare(site: LiveSite, disk: Disk): Promise<void> {
  const { virtiofsd } = findPrograms();
  const { door } = instancePaths(site.context, site.ref);
  const path = resolve(disk.path);
  const tag = shareTag(site.name);
  await plugDisk(sharesOf(site), disk);
  try {
    await plugShare(door, {
      id: shareId(site.name),
      share: { tag, directory: guestShares + path, virtiofsd },
      mount: { tag, path, isReadOnly: readKey(site.device, keys.readonly) ?? false },
    });
  } catch (error) {
    await unplugDisk(sharesOf(site), disk.path);
    throw error;
  }
}

/** @throws {DreyError} `CONFLICT` if the guest uses it, `TIMEOUT` */
export async function removeShare(site: LiveSite): Promise<void> {
  const { door, run } = instancePaths(site.context, site.ref);
  const path = resolve(site.device["path"] ?? "");
  const machine = runningMachine(run)?.machine;
  // one that was there from the start has another name
  const tags = machine?.shares.map(({ tag }) => tag) ?? [];
  const first = machine === undefined ? undefined : shareIds(machine)[tags.indexOf(shareTag(site.name))];
  await unplugShare(door, { ids: [shareId(site.name), ...first === undefined ? [] : [first]], path });
  await unplugDisk(sharesOf(site), path);
}
