// Pools of driver `btrfs` as a whole: a directory of the user's own on a mounted btrfs; as root also a file or a block
// device with one, which drey mounts.

import { dirname, join } from "@std/path";
import { DreyError } from "../errors.ts";
import { parseSize } from "../config/size.ts";
import { fileSystemOf } from "../sys/file_systems.ts";
import { run, runChecked } from "../sys/run.ts";
import { isDirectory, namesIn, removeIfThere } from "../sys/present.ts";
import { btrfs, openBtrfs, removeSubvolumes } from "./btrfs.ts";
import { checkOwnDirectory, closeToOthers, isTrue, mustBeFresh, mustBeThere } from "./dir_pool.ts";
import { isMountPoint } from "./device_files.ts";
import type { DriverKind, PoolMaking } from "./driver.ts";
import { usualFileSize } from "./room.ts";

const GiB = 2 ** 30;
const BTRFS_SUPER_MAGIC = 0x9123683e;

export const kind: DriverKind = {
  name: "btrfs",
  async version() {
    const { stdout } = await run(["btrfs", "--version"]);
    return /v([\d.]+)/.exec(stdout)?.[1] ?? "";
  },
  async missing() {
    try {
      const { code } = await run(["btrfs", "--version"]);
      return code === 0 ? undefined : "btrfs(8) does not run";
    } catch (error) {
      if (error instanceof DreyError && error.code === "TOOL_MISSING") {
        return "btrfs(8) of btrfs-progs is not installed";
      }
      throw error;
    }
  },
  async createPool(making) {
    const { config, imageFile, directory, uid } = making;
    const source = config["source"];
    if (source !== undefined && source !== "") {
      return uid === 0 && isBlockDevice(source)
        ? await onDevice(making, source)
        : await onDirectory(making, source);
    }
    if (uid !== 0) {
      throw new DreyError("BAD_REQUEST", {
        message: "Cannot create the storage pool: only root may mount a file with a btrfs",
        hint: "Name a directory of yours on a mounted btrfs: source=/path",
      });
    }
    const size = config["size"] ? parseSize(config["size"]) ?? 0 : usualFileSize(dirname(directory));
    Deno.mkdirSync(dirname(imageFile), { recursive: true, mode: 0o700 });
    await unmount(directory); // of one who was killed before the pool was recorded
    try {
      using file = Deno.openSync(imageFile, { write: true, createNew: true, mode: 0o600 });
      file.truncateSync(size);
      await runChecked(["mkfs.btrfs", "-q", imageFile]);
      await mount(making, imageFile);
    } catch (error) {
      removeIfThere(imageFile);
      throw error;
    }
    return { ...config, size: config["size"] || `${Math.floor(size / GiB)}GiB`, source: imageFile };
  },
  async openPool(making) {
    const source = making.config["source"] ?? "";
    if (!isMountedFrom(making, source)) {
      mustBeThere(source);
      return source;
    }
    if (isMountPoint(making.directory)) return making.directory;
    await using _lock = await making.lock(); // a second mount would hide the first
    if (!isMountPoint(making.directory)) await mount(making, source);
    return making.directory;
  },
  async deletePool(making) {
    const source = making.config["source"] ?? "";
    if (isMountedFrom(making, source)) {
      await unmount(making.directory);
      if (source === making.imageFile) removeIfThere(source);
      return Deno.removeSync(making.directory);
    }
    const images = join(source, "images");
    await removeSubvolumes(making, namesIn(images).map((name) => join(images, name)));
    for (
      const name of [
        "images",
        "containers",
        "containers-snapshots",
        "custom",
        "custom-snapshots",
        "temporary",
      ]
    ) {
      const path = join(source, name);
      if (isDirectory(path)) Deno.removeSync(path, { recursive: true });
    }
  },
  open: openBtrfs,
};

async function onDirectory({ config, uid }: PoolMaking, source: string): Promise<Record<string, string>> {
  if (config["size"]) throw bad("a size is for pools in a file of drey's own");
  checkOwnDirectory(source, uid);
  if (fileSystemOf(source).type !== BTRFS_SUPER_MAGIC) {
    throw bad(`Source path "${source}" is not on a btrfs`);
  }
  mustBeFresh(source, config);
  closeToOthers(source);
  // whether this user may, here
  const probe = join(source, "probe");
  await btrfs("-q", "subvolume", "create", probe);
  Deno.removeSync(probe);
  return { ...config };
}

/** As LXD does, a pool on a device remembers its file system by its id: names of devices change. */
async function onDevice(making: PoolMaking, device: string): Promise<Record<string, string>> {
  const { config } = making;
  if (config["size"]) throw bad("a size is for pools in a file of drey's own");
  const isThere = isTrue(config["source.recover"]);
  const force = isTrue(config["source.wipe"]) ? ["-f"] : [];
  if (!isThere) {
    const { code, stderr } = await run(["mkfs.btrfs", "-q", ...force, device]);
    if (code !== 0) {
      throw new DreyError("BAD_REQUEST", {
        message: `Cannot create the storage pool: mkfs.btrfs(8) on "${device}": ${
          stderr.trim().split("\n")[0]
        }`,
        hint: "To forget what it holds: source.wipe=true; to take a pool it holds: source.recover=true",
      });
    }
  }
  const source = (await runChecked(["blkid", "-p", "-s", "UUID", "-o", "value", device])).trim();
  await mount(making, device);
  return { ...config, source };
}

/** A file of drey's own, an id or a device, which are mounted; else a directory. */
const isMountedFrom = ({ imageFile }: PoolMaking, source: string): boolean =>
  source === imageFile || idPattern.test(source) || isBlockDevice(source);

const idPattern = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

function isBlockDevice(path: string): boolean {
  if (!path.startsWith("/")) return false;
  try {
    return Deno.statSync(path).isBlockDevice === true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

async function mount({ directory, imageFile, config }: PoolMaking, source: string): Promise<void> {
  Deno.mkdirSync(directory, { recursive: true, mode: 0o711 });
  const options = config["btrfs.mount_options"] || "user_subvol_rm_allowed";
  const from = idPattern.test(source) ? `UUID=${source}` : source;
  const loop = source === imageFile ? "loop," : "";
  await runChecked(["mount", "-t", "btrfs", "-o", `${loop}${options}`, from, directory]);
}

/** Several times, where one mount hides another. */
async function unmount(directory: string): Promise<void> {
  while (isMountPoint(directory)) await runChecked(["umount", directory]);
}

const bad = (message: string) =>
  new DreyError("BAD_REQUEST", { message: `Cannot create the storage pool: ${message}` });
