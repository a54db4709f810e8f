// Instances that are virtual machines: what their start takes that a container's does not. The rest is the container's:
// a machine runs in a box that is one (runtime/vm/box.ts).

import { join } from "@std/path";
import { bootPriority } from "../../config/devices/disk.ts";
import { findRootDisk } from "../../config/device_keys.ts";
import { readKey } from "../../config/key.ts";
import { DreyError } from "../../errors.ts";
import { grantCommand } from "../../idmap/grant.ts";
import { isSingle } from "../../idmap/map.ts";
import type { ContainerPlan, MachineBox } from "../../runtime/container_plan.ts";
import { type Disk, fetchSteps, showSteps } from "../../runtime/disks.ts";
import type { Kernel } from "../../runtime/vm/kernel.ts";
import type { Machine } from "../../runtime/vm/machine.ts";
import { entering } from "../../runtime/file_server.pl.ts";
import { fileSteps } from "../../runtime/namespaces.ts";
import { runFiles } from "../../runtime/run_files.ts";
import { formatSteps } from "../../runtime/step_words.ts";
import type { Step } from "../../runtime/steps.ts";
import { awaitMachine } from "../../runtime/vm/door.ts";
import { walkerFor } from "../../runtime/walker.pl.ts";
import { signals } from "../../sys/processes.ts";
import { readIfThere } from "../../sys/present.ts";
import { commandFailed, run as runProgram } from "../../sys/run.ts";
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
import {
  fromMemory,
  hasHugepages,
  keeperArgv,
  type MachineFacts,
  memoryFiles,
  memorySize,
  noteMachine,
  planBox,
  planMachine,
  shownMemory,
  writeKeeper,
  writeMachine,
} from "../machines/plan.ts";
import { readSavedState, resumed } from "../machines/saved_state.ts";
import { runningDevices } from "../devices.ts";
import { layersOf } from "./root_volume.ts";
import {
  hasMemory,
  holdMemory,
  keepMemory,
  keepMemoryLater,
  type Memory,
  memoryOf,
  touchMemory,
} from "../machines/memories.ts";
import { removeMemory } from "../machines/memories_directory.ts";
import { isOpenInBox, machineNodes } from "../machines/devices.ts";
import { canShow, ownTpm } from "../machines/extras.ts";
import { chooseVsockId, vsockKey } from "../machines/vsock.ts";
import { mustHaveHugepages } from "../machines/hugepages.ts";
import { hasOwnDisk, kernelDisk, ownDisk, unusedDisk, wantsKernel } from "../machines/own_disk.ts";
import { mustHaveProcessors, pinAtStart, processorSet } from "./machine_limits.ts";
import { deviceNodes } from "./device_nodes.ts";
import type { InitChoice } from "./init.ts";
import { type InstancePaths, instancePaths } from "./record.ts";
import { readHostSize } from "./host_size.ts";

/** What the start of a machine takes, beside what a container's takes. */
export interface MachineStart {
  box: MachineBox;
  init: InitChoice;
  /** nodes below /dev for the box */
  deviceNodes: string[];
  /** what its start adds beside its devices */
  parts: StartParts[];
  /** makes what the box is built with: its files, and the templates in the guest's root */
  prepare(plan: ContainerPlan, fills: ContainerPlan["fills"]): Promise<void>;
  /** tells the keeper what to start, once the devices are there */
  settle(parts: readonly StartParts[]): void;
  /**
   * what is less than it could be, for people
   *
   * @throws {DreyError} `COMMAND_FAILED` with what it said, if the machine has ended before it began
   */
  mustRun(): Promise<string[]>;
}

/** @throws {DreyError} `TOOL_MISSING`, `NETWORK` where no kernel can be had */
export async function gatherMachine(
  context: Context,
  ref: Ref,
  { config, devices, root, parts, isStateful }: {
    /** whether it is to go on from its saved memory, if that is there */
    isStateful: boolean;
    config: Config;
    devices: Devices;
    root: RootSource;
    parts: readonly StartParts[];
  },
): Promise<MachineStart> {
  mustHaveQemu();
  const isDisk = hasOwnDisk(root);
  const hasFirmware = isDisk && !wantsKernel(root);
  if (hasHugepages(config)) mustHaveHugepages(memorySize(config, readHostSize([]).memory));
  const assets = hasFirmware ? undefined : await bootAssets(context);
  const modules = isDisk && assets !== undefined ? await modulesDisk(context, assets.kernel) : undefined;
  const proof = await accelerator(context);
  const host = readHostSize([]);
  mustHaveProcessors(processorSet(config), host.cpus);
  const saved = isDisk && isStateful ? readSavedState(layersOf(root)) : undefined;
  // what has a disk may be saved, and a connection cannot
  const cid = isDisk ? undefined : chooseVsockId(config);
  const drives = parts.flatMap(({ drive }) => drive ?? []);
  const devicesGiven = parts.flatMap(({ given }) => given ?? []);
  const paths = instancePaths(context, ref);
  const facts: MachineFacts = {
    name: ref.name,
    config,
    accelerator: proof.accelerator,
    root: rootOf({ name: ref.name, config, devices, root, isResumed: saved !== undefined }, assets),
    kernel: assets?.kernel.version ?? "",
    drives,
    given: devicesGiven,
    nics: Object.values(devices).filter(({ type }) => type === "nic").length,
    extras: { ...extrasOf(parts, isDisk), ...cid !== undefined && { vsock: { cid } } },
    rootPriority: readKey(findRootDisk(devices)?.device ?? {}, bootPriority) ?? 1,
    hostMemory: host.memory,
    hostCpus: host.cpus.length,
  };
  const disk = facts.root.kind === "disk" ? unusedDisk(root, facts.root.disk) : undefined;
  const alike = saved === undefined
    ? await memoryOf(context, planMachine(facts, []), { assets, disk })
    : undefined;
  let memory: Memory | undefined;
  let given: Fills = [];
  return {
    box: planBox(paths, { assets, modules, drives, given: devicesGiven }),
    parts: [
      ...(assets === undefined || isDisk ? [] : [modulesPart(assets.kernel)]),
      ...(cid === undefined ? [] : [{ volatile: { [vsockKey]: String(cid) } }]),
    ],
    deviceNodes: [...deviceNodes.always, ...machineNodes.filter(isOpenInBox)],
    init: {
      argv: keeperArgv,
      haltSignal: signals.PWR,
      ...proof.why && { warning: `the virtual machine is emulated, which is slow: ${proof.why}` },
    },
    async prepare(plan, fills) {
      refuseSingle(plan.ids.map, context);
      writeKeeper(paths.run);
      memory = hasMemory(alike) ? holdMemory(alike, paths.run) : undefined;
      plan.machine?.files.push(...memoryFiles(memory));
      plan.machine?.files.push(...parts.flatMap((part) => part.give?.() ?? []));
      // what is on a disk is the guest's own affair: its agent, or our own first program, writes them
      if (!isDisk) await fillRoot(plan, fills);
      given = fills ?? [];
    },
    settle(parts) {
      const nics = parts.flatMap(({ nic }) => nic?.() ?? []);
      const planOf = (facts: MachineFacts) => withFills(planMachine(facts, nics), given);
      const planned = planOf(facts);
      noteMachine(paths.run, { machine: planned, devices: runningDevices(paths.run) });
      if (memory === undefined) {
        const asked = { memory: planned.memory, cpus: planned.cpus };
        return writeMachine(paths.run, saved === undefined ? planned : resumed(planned, saved, asked));
      }
      const machine = { ...planOf(withDiskOf(facts, memory)), resumes: shownMemory };
      writeMachine(paths.run, machine, memory.disk === undefined ? undefined : planned);
    },
    async mustRun() {
      const isStale = await mustRun(paths, { isResumed: saved !== undefined }) === "stale";
      await pinAtStart(paths.door, config);
      if (alike === undefined) return [];
      if (memory !== undefined) {
        isStale ? removeMemory(alike) : touchMemory(alike);
        return [];
      }
      if (hasFirmware) {
        await keepMemoryLater(paths.door, alike, join(paths.run, runFiles.log));
        return [];
      }
      const why = await keepMemory(paths.door, alike);
      return why === undefined ? [] : [why];
    },
  };
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

type Fills = NonNullable<ContainerPlan["fills"]>;

/** What is on a disk is the guest's own affair: it is told of its templates. */
const withFills = (machine: Machine, fills: Fills): Machine =>
  machine.guest === undefined ? machine : { ...machine, guest: { ...machine.guest, fills } };

/** A memory's disk belongs to it: the machine has that, in place of a new one over the image's. */
function withDiskOf(facts: MachineFacts, { disk }: Memory): MachineFacts {
  const { root } = facts;
  if (disk === undefined || root.kind !== "disk") return facts;
  return { ...facts, root: { ...root, disk: { ...root.disk, plan: fromMemory(root.disk.plan) } } };
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

/** The kernel is none of the image's, so its modules are shown where the guest looks for them. */
function modulesPart({ modules, version }: Kernel): StartParts {
  const source = Deno.realPathSync(modules);
  const { dev, ino } = Deno.statSync(source);
  const disk: Disk = {
    source,
    id: `${dev}:${ino}`,
    path: `/lib/modules/${version}`,
    recursive: false,
    attributes: ["ro", "nosuid", "nodev"],
    propagation: "private",
  };
  const name = "kernel-modules";
  return {
    reads: [source],
    outer: (root) => fetchSteps(disk, { root, name }),
    inner: (root) => showSteps(disk, { root, name }),
  };
}

/** Writes the templates into the root, since the box is not where they belong. */
async function fillRoot(plan: ContainerPlan, fills: ContainerPlan["fills"] = []): Promise<void> {
  if (fills.length === 0) return;
  const steps: Step[] = [...fileSteps(plan), ...fills.map((fill): Step => ({ do: "fill", ...fill }))];
  const result = await runProgram(["/usr/bin/perl", "-e", walkerFor(steps, entering), formatSteps(steps)]);
  if (result.code !== 0) throw commandFailed("Writing the templates", result);
}

async function mustRun(
  { run, door }: InstancePaths,
  { isResumed }: { isResumed: boolean },
): Promise<"running" | "stale"> {
  const state = await awaitMachine(door);
  if (state !== undefined) return state;
  const said = (readIfThere(`${run}/${runFiles.log}`) ?? "").trim().split("\n").filter((line) =>
    !/warning: |virtio_|fv_queue|has ended, and the machine/.test(line)
  );
  throw new DreyError("COMMAND_FAILED", {
    message: `Cannot start the virtual machine: ${said.slice(-3).join("; ") || "it ended at once"}`,
    ...(isResumed ? { hint: "Its saved state can be given up: drey start --stateless" } : {}),
  });
}

/** Programs in the box are root of its ids; with a single one the guest could have no users. */
function refuseSingle(map: Parameters<typeof isSingle>[0], { user }: Context): void {
  if (!isSingle(map)) return;
  throw new DreyError("SUBID_MISSING", {
    message: `Cannot start a virtual machine: no subordinate ids belong to ${user.name}`,
    hint: `Ask an administrator to run: ${grantCommand(user.name)}`,
  });
}
