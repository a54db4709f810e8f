// Pools of driver `lvm` as a whole, for root: a thin pool in a volume group that is there already, on a block device, or
// in a file of drey's own. A small logical volume in it holds the pool's directory.

import { basename, dirname, join } from "@std/path";
import { parseSize } from "../config/size.ts";
import { DreyError } from "../errors.ts";
import { fullPath, run, runChecked } from "../sys/run.ts";
import { exists, isDirectory, namesIn, readIfThere, removeIfThere } from "../sys/present.ts";
import { findTool } from "../sys/tools.ts";
import { isMountPoint, makeFileSystem, mountDevice, unmount } from "./device_files.ts";
import { isTrue } from "./dir_pool.ts";
import type { DriverKind, PoolMaking } from "./driver.ts";
import { createThin, devicePath, type Group, lvm, removeThin, report, sized } from "./lvm_commands.ts";
import { openLvm } from "./lvm.ts";
import { dropVolumes, groupFile, type LvmHost, readGroup, type RecordedGroup } from "./lvm_volumes.ts";
import { usualFileSize } from "./room.ts";

const GiB = 2 ** 30;
const usualThinPool = "LXDThinPool";
/** the logical volume of the pool's directory */
const ledger = "drey_pool";
const ledgerSize = GiB;
export const kind: DriverKind = {
  name: "lvm",
  async version() {
    return /LVM version:\s+(\S+)/.exec(await lvm("version"))?.[1] ?? "";
  },
  missing,
  createPool,
  openPool,
  deletePool,
  open: openLvm,
};

async function missing(): Promise<string | undefined> {
  if (Deno.uid() !== 0) return "only root may make logical volumes";
  if (findTool("lvm", fullPath()) === undefined) return "lvm(8) of lvm2 is not installed";
  if (findTool("thin_check", fullPath()) === undefined) {
    return "thin_check(8) of thin-provisioning-tools is not installed";
  }
  if (/ device-mapper$/m.test(readIfThere("/proc/devices") ?? "")) return undefined;
  const found = findTool("modprobe", fullPath()) === undefined
    ? undefined
    : await run(["modprobe", "-q", "-n", "dm-thin-pool"]);
  return found?.code === 0 ? undefined : "this kernel has no device mapper (dm-thin-pool)";
}

async function createPool(making: PoolMaking): Promise<Record<string, string>> {
  const { config, directory } = making;
  refuseSettings(config);
  await using undo = new AsyncDisposableStack();
  const { vg, isOwn, source } = await groupFor(making, undo);
  const thinPool = config["lvm.thinpool_name"] || usualThinPool;
  const names = (await report("lvs", ["lv_name"], [vg])).map(([name]) => name ?? "");
  const isPool = names.includes(ledger);
  if (isPool && !isTrue(config["source.recover"])) {
    throw new DreyError("BAD_REQUEST", {
      message: `Cannot create the storage pool: volume group "${vg}" holds one already`,
      hint: "To find its volumes: source.recover=true, and then: drey recover",
    });
  }
  if (!isPool) {
    const mayReuse = isTrue(config["lvm.vg.force_reuse"]);
    if (names.length > 0 && !mayReuse) {
      throw bad(`volume group "${vg}" is not empty`, "To use it with what is in it: lvm.vg.force_reuse=true");
    }
    const made = { vg: isOwn, thinPool: !names.includes(thinPool) };
    if (made.thinPool) await createThinPool(making, { vg, thinPool }, undo);
    await createLedger(making, { vg, thinPool, made }, undo);
  } else mountLedger(directory, { vg, thinPool });
  undo.move();
  const made = readGroup(directory);
  return { ...config, ...source, "lvm.vg_name": made.vg, "lvm.thinpool_name": made.thinPool };
}

function refuseSettings(config: PoolMaking["config"]): void {
  if (config["lvm.use_thinpool"] !== undefined && !isTrue(config["lvm.use_thinpool"])) {
    throw new DreyError("NOT_SUPPORTED", { message: "Storage pools without a thin pool are not supported" });
  }
  const source = config["source"] ?? "";
  if (config["size"] && source !== "") throw bad("a size is for pools in a file of drey's own");
}

interface FoundGroup {
  vg: string;
  /** it goes with the pool */
  isOwn: boolean;
  /** keys of the pool that it settles */
  source: Record<string, string>;
}

/** The volume group of a new pool, made where there is none. */
async function groupFor(making: PoolMaking, undo: AsyncDisposableStack): Promise<FoundGroup> {
  const { config, directory, imageFile } = making;
  const source = config["source"] ?? "";
  const vg = config["lvm.vg_name"] || basename(directory);
  const groups = (await report("vgs", ["vg_name"], [])).map(([name]) => name);
  if (source !== "" && !source.startsWith("/")) {
    if (config["lvm.vg_name"] && config["lvm.vg_name"] !== source) {
      throw bad(`source "${source}" and lvm.vg_name "${vg}" are different volume groups`);
    }
    if (!groups.includes(source)) throw bad(`there is no volume group "${source}"`);
    await lvm("vgchange", "-q", "-ay", source);
    return { vg: source, isOwn: false, source: {} };
  }
  if (groups.includes(vg)) {
    throw bad(`volume group "${vg}" exists already`, `To use it: source=${vg}; or give another lvm.vg_name`);
  }
  const device = source === "" ? await makeFile(making, undo) : source;
  if (source !== "" && !Deno.statSync(device).isBlockDevice) {
    throw bad(`source "${source}" is no block device and no volume group`);
  }
  if (source !== "" && isTrue(config["source.wipe"])) await runChecked(["wipefs", "-a", "-q", device]);
  await lvm("pvcreate", "-q", device); // refuses what holds something else
  undo.defer(async () => void await lvm("pvremove", "-q", device));
  await lvm("vgcreate", "-q", vg, device);
  undo.defer(async () => void await lvm("vgremove", "-q", "-f", vg));
  if (source !== "") return { vg, isOwn: true, source: {} };
  const size = config["size"] || `${Math.floor(Deno.statSync(imageFile).size / GiB)}GiB`;
  return { vg, isOwn: true, source: { source: imageFile, size } };
}

/** A file of the pool's size as a block device. */
async function makeFile({ config, directory, imageFile }: PoolMaking, undo: AsyncDisposableStack) {
  const size = config["size"] ? parseSize(config["size"]) ?? 0 : usualFileSize(dirname(directory));
  Deno.mkdirSync(dirname(imageFile), { recursive: true, mode: 0o700 });
  using file = Deno.openSync(imageFile, { write: true, createNew: true, mode: 0o600 });
  undo.defer(() => removeIfThere(imageFile));
  file.truncateSync(size);
  const device = await loopDevice(imageFile);
  undo.defer(async () => void await runChecked(["losetup", "-d", device]));
  return device;
}

const loopDevice = async (file: string): Promise<string> =>
  (await runChecked(["losetup", "--nooverlap", "--show", "-f", file])).trim();

async function createThinPool(
  { config }: PoolMaking,
  { vg, thinPool }: Group,
  undo: AsyncDisposableStack,
): Promise<void> {
  const metadata = config["lvm.thinpool_metadata_size"];
  const described = metadata ? ["--poolmetadatasize", sized(parseSize(metadata) ?? 0)] : [];
  const whole = ["-q", "--type", "thin-pool", "-l", "100%FREE"];
  await lvm("lvcreate", ...whole, ...described, "-n", thinPool, vg);
  undo.defer(async () => void await lvm("lvremove", "-q", "-f", `${vg}/${thinPool}`));
}

async function createLedger({ directory }: PoolMaking, recorded: RecordedGroup, undo: AsyncDisposableStack) {
  await createThin(recorded, ledger, ledgerSize);
  undo.defer(async () => void await removeThin(recorded, ledger, 50));
  await makeFileSystem(devicePath(recorded, ledger), "ext4");
  undo.defer(() => removeDirectory(directory));
  mountLedger(directory, recorded);
  undo.defer(() => unmount(directory));
  Deno.chmodSync(directory, 0o711);
  // a directory of mkfs's own would be taken for something of the pool
  if (exists(join(directory, "lost+found"))) Deno.removeSync(join(directory, "lost+found"));
  Deno.writeTextFileSync(join(directory, groupFile), `${JSON.stringify(recorded)}\n`);
}

function mountLedger(directory: string, group: Group): void {
  Deno.mkdirSync(directory, { recursive: true, mode: 0o711 });
  const device = devicePath(group, ledger);
  mountDevice({ device, at: directory, type: "ext4", options: "", readOnly: false });
}

async function openPool(making: PoolMaking): Promise<string> {
  const { directory, imageFile, config } = making;
  if (isMountPoint(directory)) return directory;
  await using _lock = await making.lock();
  if (isMountPoint(directory)) return directory;
  const source = config["source"] ?? "";
  const vg = config["lvm.vg_name"] || await groupOfFile(source === imageFile ? imageFile : source);
  if (source === imageFile) await loopDevice(imageFile);
  try {
    await lvm("vgchange", "-q", "-ay", vg);
    mountLedger(directory, { vg, thinPool: "" });
  } catch (error) {
    throw new DreyError("CONFLICT", {
      message: `The volume group of the storage pool cannot be used: "${vg}"`,
      hint: "Bring back its disks, and look at it with vgs(8)",
      cause: error,
    });
  }
  return directory;
}

/** The group that lies on a file or a device, for a pool that nothing is known of. */
async function groupOfFile(path: string): Promise<string> {
  if (!path.startsWith("/")) return path;
  const device = exists(path) && Deno.statSync(path).isFile ? await loopDevice(path) : path;
  return (await report("pvs", ["vg_name"], [device]))[0]?.[0] ?? "";
}

async function deletePool(making: PoolMaking): Promise<void> {
  const directory = await openPool(making);
  const recorded = readGroup(directory);
  await dropRest({ ...making, directory, images: "", group: recorded });
  await unmount(directory);
  removeDirectory(directory);
  const { vg, thinPool, made } = recorded;
  if (!await removeThin(recorded, ledger, 100)) throw inUse(vg);
  const isShared = (await report("lvs", ["lv_name", "pool_lv"], [vg])).some(([, pool]) => pool === thinPool);
  if (made.thinPool && !isShared) await lvm("lvremove", "-q", "-f", `${vg}/${thinPool}`);
  const isEmpty = (await report("lvs", ["lv_name"], [vg])).length === 0;
  if (!made.vg || !isEmpty) return;
  const disks = (await report("vgs", ["pv_name"], [vg])).map(([name]) => name ?? "");
  await lvm("vgremove", "-q", "-f", vg);
  for (const disk of disks) await lvm("pvremove", "-q", disk);
  if ((making.config["source"] ?? "") !== making.imageFile) return;
  for (const disk of disks) await runChecked(["losetup", "-d", disk]);
  removeIfThere(making.imageFile);
}

/** Volumes are gone; images are not, nor what somebody was still using. */
async function dropRest(host: LvmHost): Promise<void> {
  for (const name of ["images", "temporary"]) {
    const place = join(host.directory, name);
    await dropVolumes(host, namesIn(place).map((entry) => join(place, entry)));
    if (namesIn(place).length > 0) throw inUse(host.group.vg);
  }
}

function removeDirectory(directory: string): void {
  if (isDirectory(directory) && !isMountPoint(directory)) Deno.removeSync(directory);
}

const inUse = (vg: string) =>
  new DreyError("CONFLICT", {
    message: `Cannot remove all of the storage pool: a logical volume of "${vg}" is still in use`,
    hint: `Whoever has it mounted can be found with: grep ${vg} /proc/*/mountinfo`,
  });

const bad = (message: string, hint?: string) =>
  new DreyError("BAD_REQUEST", {
    message: `Cannot create the storage pool: ${message}`,
    ...(hint === undefined ? {} : { hint }),
  });
