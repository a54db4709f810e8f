// Instances that are virtual machines: what their start takes that a container's does not. The rest is the container's:
// a machine runs in a box that is one (runtime/vm/box.ts).

import { join } from "@std/path";
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
import type { Context, Ref } from "../context.ts";
import type { StartParts } from "../devices/device.ts";
import {
  fromMemory,
  keeperArgv,
  type MachineFacts,
  memoryFiles,
  noteMachine,
  planBox,
  planMachine,
  shownMemory,
  writeKeeper,
  writeMachine,
} from "../machines/plan.ts";
import { resumed } from "../machines/saved_state.ts";
import { runningDevices } from "../devices.ts";
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
import { vsockKey } from "../machines/vsock.ts";
import { unusedDisk } from "../machines/own_disk.ts";
import { pinAtStart } from "./machine_limits.ts";
import { deviceNodes } from "./device_nodes.ts";
import type { InitChoice } from "./init.ts";
import { type InstancePaths, instancePaths } from "./record.ts";
import { type GatheredMachine, gatherFacts, type MachineSettings } from "./machine_facts.ts";

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
  settings: MachineSettings,
): Promise<MachineStart> {
  const { config, root, parts } = settings;
  const found = await gatherFacts(context, ref, settings);
  const { facts, assets, saved, proof } = found;
  const isDisk = facts.root.kind !== "shared";
  const paths = instancePaths(context, ref);
  const disk = facts.root.kind === "disk" ? unusedDisk(root, facts.root.disk) : undefined;
  const alike = saved === undefined
    ? await memoryOf(context, planMachine(facts, []), { assets, disk })
    : undefined;
  let memory: Memory | undefined;
  let given: Fills = [];
  return {
    box: planBox(paths, found),
    parts: partsOf(found),
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
      if (memory === undefined) return await keepForNext(paths, alike, { hasFirmware: assets === undefined });
      isStale ? removeMemory(alike) : touchMemory(alike);
      return [];
    },
  };
}

/** What its start adds beside its devices. */
const partsOf = ({ facts, assets, cid }: GatheredMachine): StartParts[] => [
  ...(assets === undefined || facts.root.kind !== "shared" ? [] : [modulesPart(assets.kernel)]),
  ...(cid === undefined ? [] : [{ volatile: { [vsockKey]: String(cid) } }]),
];

/** Keeps what a machine has in its memory for the next ones of its kind; the answer is why not, for people. */
async function keepForNext(
  { door, run }: InstancePaths,
  alike: string,
  { hasFirmware }: { hasFirmware: boolean },
): Promise<string[]> {
  if (hasFirmware) {
    await keepMemoryLater(door, alike, join(run, runFiles.log));
    return [];
  }
  const why = await keepMemory(door, alike);
  return why === undefined ? [] : [why];
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
