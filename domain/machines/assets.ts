// What virtual machines need beside an image, found on this host or made once and kept: the kernel and initial ram disk
// of those with a shared root, the programs, the proof that KVM works.

import { basename, dirname, join } from "@std/path";
import { DreyError } from "../../errors.ts";
import { type Proof, proveKvm } from "../../runtime/vm/accelerator.ts";
import { makeInitrd, ramDiskRecipe } from "../../runtime/vm/initrd.ts";
import { fetchKernel, findKernel, type Kernel } from "../../runtime/vm/kernel.ts";
import type { Virtiofsd } from "../../runtime/vm/shares.ts";
import { bootId } from "../../sys/lifetimes.ts";
import { partialName } from "../../sys/partial.ts";
import { exists, readJsonIfThere, removeIfThere } from "../../sys/present.ts";
import { commandFailed, fullPath, run, toolMissing } from "../../sys/run.ts";
import { shortHash } from "../../sys/short_hash.ts";
import { findTool } from "../../sys/tools.ts";
import { isOpenInBox } from "./devices.ts";
import type { Context } from "../context.ts";

export interface BootAssets {
  kernel: Kernel;
  initrd: string;
}

/** Where kernels and what belongs to them are kept. */
const machineDirectory = (context: Context): string => join(context.paths.state, "machines");

/**
 * The kernel and its initial ram disk, fetched and made if need be.
 *
 * @throws {DreyError} `NETWORK`, `TOOL_MISSING`
 */
export async function bootAssets(context: Context): Promise<BootAssets> {
  const kernels = join(machineDirectory(context), "kernels");
  const found = readyAssets(kernels);
  if (found !== undefined) return found;
  await using _lock = await context.store.lock(["machine-assets"]);
  // somebody may have done it while we waited
  const made = readyAssets(kernels);
  if (made !== undefined) return made;
  Deno.mkdirSync(kernels, { recursive: true, mode: 0o700 });
  const kernel = findKernel(kernels) ?? await fetchKernel(kernels);
  const initrd = initrdOf(kernel);
  const unfinished = partialName(initrd);
  Deno.writeFileSync(unfinished, await makeInitrd(kernel.modules), { mode: 0o644 });
  Deno.renameSync(unfinished, initrd);
  return { kernel, initrd };
}

// as root of a namespace, so that the files are root's
const packing = `cd "$1"
exec unshare --map-root-user mke2fs -q -F -t ext4 -O ^has_journal -b 4096 -m 0 -d . "$2" \\
  $(( $(du -skx . | cut -f1) * 5 / 4 + 16384 ))k`;

/** A disk with a kernel's modules, for guests that share no directory with the host. @throws {DreyError} `TOOL_MISSING` */
export async function modulesDisk(context: Context, { modules }: Kernel): Promise<string> {
  const disk = join(modules, "..", "modules.ext4");
  if (exists(disk)) return disk;
  if (findTool("mke2fs", fullPath()) === undefined) throw toolMissing("mke2fs");
  await using _lock = await context.store.lock(["machine-assets"]);
  // somebody may have done it while we waited
  if (exists(disk)) return disk;
  const unfinished = partialName(disk);
  try {
    const result = await run(["sh", "-ec", packing, "sh", modules, unfinished]);
    if (result.code !== 0) throw commandFailed("Making a disk of the kernel's modules", result);
    // for the box's programs, who are somebody else
    Deno.chmodSync(unfinished, 0o644);
    Deno.renameSync(unfinished, disk);
    return disk;
  } catch (error) {
    removeIfThere(unfinished);
    throw error;
  }
}

function readyAssets(kernels: string): BootAssets | undefined {
  const kernel = findKernel(kernels);
  if (kernel === undefined) return undefined;
  const initrd = initrdOf(kernel);
  return exists(initrd) ? { kernel, initrd } : undefined;
}

/** Its name changes whenever the program in it does, which has to understand this drey. */
const initrdOf = ({ modules }: Kernel): string => join(modules, "..", `initrd-${shortHash(ramDiskRecipe())}`);

/** How machines run here: what the environment says, else what a proof said since the host came up. */
export async function accelerator(context: Context): Promise<Proof> {
  const forced = Deno.env.get("DREY_VM_ACCEL");
  if (forced === "kvm" || forced === "tcg") return { accelerator: forced };
  if (!isOpenInBox("kvm")) return { accelerator: "tcg", why: "/dev/kvm is absent, or not for this user" };
  const directory = machineDirectory(context);
  const path = join(directory, "accelerator.json");
  const boot = bootId();
  const kept = readJsonIfThere<Partial<Proof> & { boot?: string }>(path) ?? {};
  const { accelerator: known, why } = kept;
  if (kept.boot === boot && known !== undefined) return { accelerator: known, ...(why ? { why } : {}) };
  Deno.mkdirSync(directory, { recursive: true, mode: 0o700 });
  const proof = await proveKvm(directory);
  Deno.writeTextFileSync(`${path}.new`, JSON.stringify({ ...proof, boot }));
  Deno.renameSync(`${path}.new`, path);
  return proof;
}

/** Debian 12 has the server in C inside a package of QEMU's, later releases the one in Rust by itself. */
const virtiofsds: Virtiofsd[] = [
  { path: "/usr/libexec/virtiofsd", kind: "rust" },
  { path: "/usr/lib/virtiofsd", kind: "rust" },
  { path: "/usr/lib/qemu/virtiofsd", kind: "c" },
];

/** The server of shared directories, where there is one. */
export const findVirtiofsd = (): Virtiofsd | undefined =>
  virtiofsds.find(({ path }) => findTool(basename(path), dirname(path)));

/** @throws {DreyError} `TOOL_MISSING` with the package to install */
export function mustHaveQemu(): void {
  const qemu = `qemu-system-${Deno.build.arch}`;
  if (findTool(qemu, fullPath()) === undefined) throw toolMissing(qemu);
}

/** The programs that run a machine whose root is shared. @throws {DreyError} `TOOL_MISSING` with the package to install */
export function findPrograms(): { virtiofsd: Virtiofsd } {
  mustHaveQemu();
  const virtiofsd = findVirtiofsd();
  if (virtiofsd !== undefined) return { virtiofsd };
  throw new DreyError("TOOL_MISSING", {
    message: 'Cannot run "virtiofsd": it is not installed',
    hint: "Ask an administrator to run: apt-get install virtiofsd, or qemu-system-common on Debian 12",
  });
}
