// Instances that are virtual machines: what their start takes that a container's does not. The rest is the container's:
// a machine runs in a box that is one (runtime/vm/box.ts).

import { bootPriority } from "../../config/devices/disk.ts";
import { findRootDisk } from "../../config/device_keys.ts";
import { readKey } from "../../config/key.ts";
import { DreyError } from "../../errors.ts";
import { grantCommand } from "../../idmap/grant.ts";
import { isSingle } from "../../idmap/holder.ts";
import type { ContainerPlan, MachineBox } from "../../runtime/container_plan.ts";
import { type Disk, fetchSteps, showSteps } from "../../runtime/disks.ts";
import type { Kernel } from "../../runtime/vm/kernel.ts";
import { entering } from "../../runtime/file_server.pl.ts";
import { fileSteps } from "../../runtime/namespaces.ts";
import { runFiles } from "../../runtime/run_files.ts";
import { formatSteps } from "../../runtime/step_words.ts";
import type { Step } from "../../runtime/steps.ts";
import { awaitMachine } from "../../runtime/vm/door.ts";
import { walkerFor } from "../../runtime/walker.pl.ts";
import { signals } from "../../sys/processes.ts";
import { readIfThere, removeIfThere } from "../../sys/present.ts";
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
  hasHugepages,
  keeperArgv,
  type MachineFacts,
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
import { hasMemory, keepMemory, memoryOf, touchMemory } from "../machines/memories.ts";
import { isOpenInBox, machineNodes } from "../machines/devices.ts";
import { canShow, ownTpm } from "../machines/extras.ts";
import { chooseVsockId, vsockKey } from "../machines/vsock.ts";
import { mustHaveHugepages } from "../machines/hugepages.ts";
import { hasOwnDisk, kernelDisk, ownDisk, wantsKernel } from "../machines/own_disk.ts";
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
    cards: Object.values(devices).filter(({ type }) => type === "nic").length,
    extras: { ...extrasOf(parts, hasFirmware), ...cid !== undefined && { vsock: { cid } } },
    rootPriority: readKey(findRootDisk(devices)?.device ?? {}, bootPriority) ?? 1,
    hostMemory: host.memory,
    hostCpus: host.cpus.length,
  };
  const alike = assets && await memoryOf(context, planMachine(facts, []), assets);
  const memory = saved === undefined && hasMemory(alike) ? alike : undefined;
  let given: Fills = [];
  return {
    box: planBox(paths, { assets, modules, drives, given: devicesGiven, memory }),
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
      plan.machine?.files.push(...parts.flatMap((part) => part.give?.() ?? []));
      // what is on a disk is the guest's own affair: its agent, or our own first program, writes them
      if (!isDisk) await fillRoot(plan, fills);
      given = fills ?? [];
      if (hasFirmware) mustBeSmall(given);
    },
    settle(parts) {
      const bare = planMachine(withFills(facts, given), parts.flatMap(({ card }) => card?.() ?? []));
      const planned = bare.guest === undefined ? bare : { ...bare, guest: { ...bare.guest, fills: given } };
      const asked = { memory: planned.memory, cpus: planned.cpus };
      const machine = saved === undefined ? planned : resumed(planned, saved, asked);
      noteMachine(paths.run, { machine: planned, devices: runningDevices(paths.run) });
      writeMachine(paths.run, memory === undefined ? machine : { ...machine, resumes: shownMemory });
    },
    async mustRun() {
      const isStale = await mustRun(paths, { isResumed: saved !== undefined }) === "stale";
      await pinAtStart(paths.door, config);
      if (memory !== undefined) isStale ? removeIfThere(memory) : touchMemory(memory);
      const why = alike === undefined || memory !== undefined || saved !== undefined
        ? undefined
        : await keepMemory(paths.door, alike);
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

/** A machine with firmware has its templates in the program that is its agent. */
const withFills = (facts: MachineFacts, fills: Fills): MachineFacts =>
  facts.root.kind === "disk"
    ? { ...facts, root: { ...facts.root, disk: { ...facts.root.disk, fills } } }
    : facts;

/** `bytes`: the agent is a word of a command line, with two digits for each of them */
const mostTemplates = 32 * 1024;

/** @throws {DreyError} `NOT_SUPPORTED` */
function mustBeSmall(fills: Fills): void {
  const bytes = new TextEncoder().encode(fills.map(({ path, text }) => path + text).join("")).length;
  if (bytes <= mostTemplates) return;
  throw new DreyError("NOT_SUPPORTED", {
    message:
      `The image's templates come to ${bytes} bytes; a virtual machine with a disk is given ${mostTemplates}`,
  });
}

/** @throws {DreyError} `NOT_SUPPORTED` for what a machine without firmware has no place for */
function extrasOf(parts: readonly StartParts[], hasFirmware: boolean): MachineFacts["extras"] {
  const tpms = parts.filter(({ isTpm }) => isTpm);
  if (tpms.length > 1) {
    throw new DreyError("BAD_REQUEST", { message: "A virtual machine has one TPM at most" });
  }
  if (hasFirmware) return { ...tpms.length > 0 && { tpm: ownTpm }, hasScreen: canShow() };
  if (tpms.length === 0) return {};
  throw new DreyError("NOT_SUPPORTED", {
    message: "A virtual machine made of an image for containers has no place for a TPM: it has no firmware",
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
