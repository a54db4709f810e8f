// Files and block devices of the host that are drives of virtual machines: raw disks, partitions, discs.

import * as keys from "../../config/devices/disk.ts";
import { readKey } from "../../config/key.ts";
import { DreyError } from "../../errors.ts";
import type { IdMap } from "../../idmap/map.ts";
import { bypassesCache } from "../../sys/file_systems.ts";
import type { DeviceSite, MachineDrive } from "./device.ts";
import { diskBounds, findHostFile } from "./disk_source.ts";
import { boxNode, mustBeOpen } from "./machine_node.ts";

/**
 * The drive that a device's source is; undefined if that is not there and need not be.
 *
 * @throws {DreyError} `BAD_REQUEST` for what is no file and no block device, `FORBIDDEN` for what may not be opened
 */
export async function findHostDrive(site: DeviceSite, map: IdMap): Promise<MachineDrive | undefined> {
  const { context, ref, name, device } = site;
  const isRequired = readKey(device, keys.required) ?? true;
  const bounds = device["type"] === "disk" ? await diskBounds(context, ref) : undefined;
  const found = await findHostFile(device["source"] || device["path"] || "", { name, isRequired, bounds });
  if (found === undefined) return undefined;
  const { source, stat } = found;
  const id = `${stat.dev}:${stat.ino}`;
  const isReadOnly = readKey(device, keys.readonly) ?? false;
  const asked = readKey(device, keys.cache) ?? "none";
  const drive: MachineDrive = {
    name,
    source,
    id,
    content: /\.iso$/i.test(source) ? "iso" : "block",
    isReadOnly,
    bus: readKey(device, keys.bus) ?? "virtio-scsi",
    // some file systems insist on remembering
    cache: asked === "none" && stat.isFile && !bypassesCache(source) ? "writeback" : asked,
    priority: readKey(device, keys.bootPriority) ?? 0,
  };
  if (stat.isBlockDevice) {
    const node = boxNode(site, { source, kind: "block" }, map);
    if (node.id !== id) throw wasReplaced(name, source);
    return { ...drive, content: "block", ...node };
  }
  if (!stat.isFile || device["type"] === "unix-block") {
    throw new DreyError("BAD_REQUEST", {
      message: stat.isDirectory
        ? `Device "${name}" lacks the key "path", which says where the directory is mounted`
        : `Device "${name}": "${source}" is no ${
          device["type"] === "unix-block"
            ? "block device"
            : "file and no block device, so it cannot be a drive"
        }`,
    });
  }
  mustBeOpen(name, source, { needs: isReadOnly || drive.content === "iso" ? 0o4 : 0o6 });
  return drive;
}

const wasReplaced = (name: string, source: string) =>
  new DreyError("FORBIDDEN", { message: `Device "${name}": "${source}" was replaced meanwhile` });
