// What the plan of a virtual machine follows from, found out about its instance and the host.

import { bootPriority } from "../../config/devices/disk.ts";
import { findRootDisk } from "../../config/device_keys.ts";
import { readKey } from "../../config/key.ts";
import { DreyError } from "../../errors.ts";
import type { Proof } from "../../runtime/vm/accelerator.ts";
import type { RootSource } from "../../storage/driver.ts";
import type { Config, Devices } from "../../wire/instance.ts";
import type { Context, Ref } from "../context.ts";
import type { StartParts } from "../devices/device.ts";
import {
  accelerator,
  type BootAssets,
  bootAssets,
  findPrograms,
  modulesDisk,
  mustHaveQemu,
} from "../machines/assets.ts";
import { canShow, ownTpm } from "../machines/extras.ts";
import { mustHaveHugepages } from "../machines/hugepages.ts";
import { hasOwnDisk, kernelDisk, ownDisk, wantsKernel } from "../machines/own_disk.ts";
import { hasHugepages, type MachineFacts, memorySize } from "../machines/plan.ts";
import { readSavedState, type SavedState } from "../machines/saved_state.ts";
import { chooseVsockId } from "../machines/vsock.ts";
import { readHostSize } from "./host_size.ts";
import { mustHaveProcessors, processorSet } from "./machine_limits.ts";
import { layersOf } from "./root_volume.ts";

/** What an instance that is a machine is to start with. */
export interface MachineSettings {
  config: Config;
  devices: Devices;
  root: RootSource;
  /** what its devices add */
  parts: readonly StartParts[];
  /** whether it is to go on from its saved memory, if that is there */
  isStateful: boolean;
}

/** What the plan of a machine follows from, and what that was found out by. */
export interface GatheredMachine {
  facts: MachineFacts;
  /** absent where the disk brings a kernel of its own */
  assets: BootAssets | undefined;
  /** with the kernel's modules, for a machine with a disk that does not bring them */
  modules: string | undefined;
  saved: SavedState | undefined;
  proof: Proof;
  /** number of its vsock */
  cid: number | undefined;
  drives: MachineFacts["drives"];
  given: MachineFacts["given"];
}

/** @throws {DreyError} `TOOL_MISSING`, `NETWORK` where no kernel can be had; `BAD_REQUEST` */
export async function gatherFacts(
  context: Context,
  { name }: Ref,
  { config, devices, root, parts, isStateful }: MachineSettings,
): Promise<GatheredMachine> {
  mustHaveQemu();
  const isDisk = hasOwnDisk(root);
  const host = readHostSize([]);
  if (hasHugepages(config)) mustHaveHugepages(memorySize(config, host.memory));
  const assets = isDisk && !wantsKernel(root) ? undefined : await bootAssets(context);
  const modules = isDisk && assets !== undefined ? await modulesDisk(context, assets.kernel) : undefined;
  const proof = await accelerator(context);
  mustHaveProcessors(processorSet(config), host.cpus);
  const saved = isDisk && isStateful ? readSavedState(layersOf(root)) : undefined;
  // what has a disk may be saved, and a connection cannot
  const cid = isDisk ? undefined : chooseVsockId(config);
  const drives = parts.flatMap(({ drive }) => drive ?? []);
  const given = parts.flatMap(({ given }) => given ?? []);
  const facts: MachineFacts = {
    name,
    config,
    accelerator: proof.accelerator,
    root: rootOf({ name, config, devices, root, isResumed: saved !== undefined }, assets),
    kernel: assets?.kernel.version ?? "",
    drives,
    given,
    nics: Object.values(devices).filter(({ type }) => type === "nic").length,
    extras: { ...extrasOf(parts, isDisk), ...cid !== undefined && { vsock: { cid } } },
    rootPriority: readKey(findRootDisk(devices)?.device ?? {}, bootPriority) ?? 1,
    hostMemory: host.memory,
    hostCpus: host.cpus.length,
  };
  return { facts, assets, modules, saved, proof, cid, drives, given };
}

/** What a machine starts from, by its root. @throws {DreyError} `TOOL_MISSING` */
function rootOf(
  settings: Parameters<typeof ownDisk>[0],
  assets: BootAssets | undefined,
): MachineFacts["root"] {
  if (assets === undefined) return { kind: "disk", disk: ownDisk(settings) };
  if (hasOwnDisk(settings.root)) return { kind: "kernel-disk", disk: kernelDisk(settings) };
  return { kind: "shared", ...findPrograms() };
}

/** @throws {DreyError} `NOT_SUPPORTED` for what a machine that shares its root has no place for */
function extrasOf(parts: readonly StartParts[], isDisk: boolean): MachineFacts["extras"] {
  const tpms = parts.filter(({ isTpm }) => isTpm);
  if (tpms.length > 1) {
    throw new DreyError("BAD_REQUEST", { message: "A virtual machine has one TPM at most" });
  }
  if (isDisk) return { ...tpms.length > 0 && { tpm: ownTpm }, hasScreen: canShow() };
  if (tpms.length === 0) return {};
  throw new DreyError("NOT_SUPPORTED", {
    message: "A virtual machine that shares its root with the host has no place for what a TPM knows",
    hint: "Make it with a disk of its own: drey launch IMAGE NAME --vm -c migration.stateful=true",
  });
}
