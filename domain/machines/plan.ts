// From an instance's settings to its virtual machine: what its box is given, and what the keeper reads. Pure but for a
// look at what this host has.

import { basename, dirname, join } from "@std/path";
import * as keys from "../../config/instance_keys.ts";
import { readKey } from "../../config/key.ts";
import type { MachineBox } from "../../runtime/container_plan.ts";
import { formatWords } from "../../runtime/step_words.ts";
import type { Accelerator } from "../../runtime/vm/accelerator.ts";
import { boxFiles, hostLayout } from "../../runtime/vm/box.ts";
import { type OwnDisk, ownDiskParts } from "../../runtime/vm/disk_box.ts";
import type { DiskPlan } from "../../runtime/vm/disk_root.ts";
import { keeper } from "../../runtime/vm/keeper.pl.ts";
import { type KernelDisk, kernelDiskParts, modulesName } from "../../runtime/vm/kernel_disk.ts";
import { keeperLines } from "../../runtime/vm/keeper_lines.ts";
import { kernelWords, type Machine, portsTaken, rootShare } from "../../runtime/vm/machine.ts";
import type { Nic } from "../../runtime/vm/nics.ts";
import { hostDevicePrepare } from "../../runtime/vm/host_devices.ts";
import type { Virtiofsd } from "../../runtime/vm/shares.ts";
import type { Drive } from "../../runtime/vm/drives.ts";
import type { GivenDevice, MachineDrive } from "../devices/device.ts";
import { readJsonIfThere } from "../../sys/present.ts";
import type { Config, Devices } from "../../wire/instance.ts";
import type { InstancePaths } from "../instances/record.ts";
import { driveFile, driveId, machineDrive } from "./machine_drive.ts";
import { groupsForDevices } from "./devices.ts";
import type { BootAssets } from "./assets.ts";
import type { Memory } from "./memories.ts";

const specName = "machine";
const keeperName = "keeper.pl";
const memoryName = "memory";
const memoryDiskName = "memory-disk";

/** LXD's, for a machine that says nothing of it. */
const usualMemory = 1024 ** 3;

/** `seconds` that a command waits for the agent of a machine that has just been started */
const patience: Record<Accelerator, number> = { kvm: 30, tcg: 300 };

export interface MachineFacts {
  name: string;
  /** expanded configuration */
  config: Config;
  accelerator: Accelerator;
  /** what it starts from */
  root:
    | { kind: "shared"; virtiofsd: Virtiofsd }
    | { kind: "kernel-disk"; disk: KernelDisk }
    | { kind: "disk"; disk: OwnDisk };
  /** version of the kernel, where it is of the host's choice */
  kernel: string;
  /** volumes, files and block devices that are drives */
  drives: readonly MachineDrive[];
  /** devices of the host */
  given: readonly GivenDevice[];
  /** how many NICs it has from its start */
  nics: number;
  /** what else it is given */
  extras: Pick<Machine, "tpm" | "hasScreen" | "vsock">;
  /** place of its own disk among what the firmware tries */
  rootPriority: number;
  /** bytes of memory of the host */
  hostMemory: number;
  hostCpus: number;
}

/** The box of a machine; its files are there once `writeKeeper` and `writeMachine` have been called. */
export function planBox(
  { run, door }: InstancePaths,
  { assets, modules, drives, given }: {
    assets: BootAssets | undefined;
    /** disk with the kernel's modules */
    modules: string | undefined;
    drives: readonly MachineDrive[];
    given: readonly GivenDevice[];
  },
): MachineBox {
  return {
    door: { directory: dirname(door), name: basename(door) },
    host: hostLayout(),
    groups: groupsForDevices(),
    files: [
      ...(assets === undefined ? [] : [
        { name: "kernel", source: assets.kernel.image },
        { name: "initrd", source: assets.initrd },
      ]),
      ...(modules === undefined ? [] : [{ name: modulesName, source: modules }]),
      { name: keeperName, source: join(run, keeperName) },
      { name: specName, source: join(run, specName) },
      ...drives.map(driveFile),
      ...given.flatMap(({ nodes }) => nodes),
    ],
    ...given.some(({ device }) => device.kind === "pci") && { locksMemory: true },
    // where the root is a disk nothing can be put into it
    hasShares: assets === undefined || modules !== undefined,
  };
}

/** What the box runs as its init. */
export const keeperArgv = ["/usr/bin/perl", `${boxFiles}/${keeperName}`, `${boxFiles}/${specName}`];

/** Virtual processors by an expanded configuration. */
export function cpuCount(config: Config): number {
  const cpus = readKey(config, keys.limitsCpu);
  if (cpus === undefined) return 1;
  return cpus.kind === "count" ? cpus.count : cpus.cpus.length;
}

/** `bytes` of memory by an expanded configuration; whole MiB, as QEMU wants it. */
export function memorySize(config: Config, hostMemory: number): number {
  const memory = readKey(config, keys.limitsMemory);
  if (memory === undefined) return usualMemory;
  const bytes = memory.kind === "bytes" ? memory.bytes : hostMemory * memory.percent / 100;
  return Math.floor(bytes / 2 ** 20) * 2 ** 20;
}

/** Whether a machine's memory is to be in huge pages. */
export const hasHugepages = (config: Config): boolean => readKey(config, keys.limitsMemoryHugepages) ?? false;

/** Places on its bus that are free when a machine starts. */
const sparePorts = 4;

/** What a machine has in its memory when it begins, as its box shows it. */
export const shownMemory = { path: `${boxFiles}/${memoryName}`, once: false } as const;

/** What a machine goes on from, as files of its box. */
export const memoryFiles = (memory: Memory | undefined): MachineBox["files"] => [
  ...(memory === undefined ? [] : [{ name: memoryName, source: memory.path }]),
  ...(memory?.disk === undefined ? [] : [{ name: memoryDiskName, source: memory.disk }]),
];

/** The plan for the disk that belongs to it, in place of one for a new disk over the image's. */
export const fromMemory = (plan: DiskPlan): DiskPlan =>
  plan.kind === "over" ? { ...plan, kind: "kept", from: `${boxFiles}/${memoryDiskName}` } : plan;

/** The machine that an instance's settings, devices and host come to. */
export function planMachine(facts: MachineFacts, nics: readonly Nic[]): Machine {
  const { name, config, hostMemory, hostCpus } = facts;
  const count = cpuCount(config);
  const arch = Deno.build.arch;
  const root = rootParts(facts);
  const drives = [...root.drives, ...facts.drives.map(machineDrive)];
  const host = facts.given.map(({ device }) => device);
  return {
    name,
    uuid: config["volatile.uuid"] ?? crypto.randomUUID(),
    arch,
    accelerator: facts.accelerator,
    cpus: count,
    maxCpus: Math.max(count, hostCpus),
    memory: memorySize(config, hostMemory),
    hugepages: hasHugepages(config),
    ...root,
    ...facts.extras,
    prepare: [...root.prepare, ...hostDevicePrepare(host, boxFiles)],
    drives: root.boot.kind === "direct" ? drives : withBootOrder(drives, facts),
    nics: [...nics],
    host,
    // most have the same number, so that one's memory is of use to another
    ports: Math.max(8, facts.nics + portsTaken({ ...root, ...facts.extras, drives, host }) + sparePorts),
    asks: readKey(config, keys.securityDevlxd) ?? true,
    waits: root.boot.kind === "direct",
    ...root.boot.kind === "direct" ? {} : { learns: true },
  };
}

/** The firmware tries drives in the order of their priorities; the seed is none of them. */
function withBootOrder(all: readonly Drive[], { drives, rootPriority }: MachineFacts): Drive[] {
  const order = [
    { id: "root", priority: rootPriority },
    ...drives.map(({ name, priority }) => ({ id: driveId(name), priority })),
  ].toSorted((a, b) => b.priority - a.priority).map(({ id }) => id);
  return all.map((drive) => {
    const bootIndex = order.indexOf(drive.id);
    return bootIndex < 0 ? drive : { ...drive, bootIndex };
  });
}

type RootParts = Pick<Machine, "boot" | "drives" | "prepare" | "shares" | "openMark" | "guest">;

function rootParts({ root, kernel, extras }: MachineFacts): RootParts {
  if (root.kind === "disk") return ownDiskParts(root.disk);
  const boot: Machine["boot"] = {
    kind: "direct",
    kernel: `${boxFiles}/kernel`,
    version: kernel,
    initrd: `${boxFiles}/initrd`,
    words: kernelWords({ arch: Deno.build.arch, ...extras }),
  };
  if (root.kind === "kernel-disk") return { boot, ...kernelDiskParts(root.disk) };
  return { boot, drives: [], prepare: [], shares: [rootShare(root.virtiofsd)] };
}

const machineName = "machine.json";

/** What a machine was started as. */
export interface StartedMachine {
  machine: Machine;
  devices: Devices;
}

/** Notes it in the run directory. */
export function noteMachine(run: string, started: StartedMachine): void {
  Deno.writeTextFileSync(join(run, machineName), JSON.stringify(started));
}

/** What a running machine was started as. */
export const runningMachine = (run: string): StartedMachine | undefined =>
  readJsonIfThere<StartedMachine>(join(run, machineName));

/** The files that a box shows must be there when it is built; the machine's follows when its NICs are known. */
export function writeKeeper(run: string): void {
  Deno.writeTextFileSync(join(run, keeperName), keeper(), { mode: 0o644 });
  Deno.writeTextFileSync(join(run, specName), "", { mode: 0o644 });
}

/** Written into the file that the box shows already, so not renamed into place. */
export function writeMachine(run: string, machine: Machine, instead?: Machine): void {
  const lines = keeperLines(machine, {
    patience: patience[machine.accelerator],
    ...instead && { instead },
  });
  Deno.writeTextFileSync(join(run, specName), formatWords(lines));
}
