// Volumes that are drives of virtual machines: disks and discs, each a file of a storage pool.

import * as keys from "../../config/devices/disk.ts";
import { readKey } from "../../config/key.ts";
import { DreyError } from "../../errors.ts";
import { toHost } from "../../idmap/map.ts";
import { lazyFileRoot } from "../instances/file_root.ts";
import { openPool } from "../storage_pools/open.ts";
import { diskOf } from "../storage_volumes/content.ts";
import { volumeOf } from "../storage_volumes/record.ts";
import type { StartParts, StartSite } from "./device.ts";
import { checkVolume, volumeRef } from "./disk_volume.ts";

/** @throws {DreyError} `BAD_REQUEST` for a container */
export async function startDrive({ context, ref, name, device, type, map }: StartSite): Promise<StartParts> {
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
    reads: [source],
    // the machine's programs are root of its ids; the user, who makes snapshots of it, is of its group
    async prepare() {
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
