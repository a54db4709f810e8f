// What the processes of a container have used, in detail: from its cgroup, and from /proc where it has none or the
// cgroup has no controller for it. See cgroup-v2.rst, proc_pid_stat(5), proc_pid_status(5), proc_pid_mountinfo(5).

import { readIfThere } from "../sys/present.ts";
import { readValue } from "../sys/sysfs.ts";

/** Seconds in user and in kernel mode. */
export interface CpuTime {
  user: number;
  system: number;
}

/** Bytes by LXD's names for them, `RSS`, `Swap`, `Active_anon`; those that can be known. */
export type MemoryParts = Record<string, number>;

export interface DiskCounters {
  device: string;
  readBytes: number;
  reads: number;
  writtenBytes: number;
  writes: number;
}

export interface MountPoint {
  device: string;
  fstype: string;
  /** as the container sees it */
  path: string;
}

/** Processor time by a cgroup; undefined if it counts none. */
export function readCpuTime(cgroup: string): CpuTime | undefined {
  const stat = flatKeys(`${cgroup}/cpu.stat`);
  const { user_usec: user, system_usec: system } = stat ?? {};
  return user === undefined || system === undefined ? undefined : { user: user / 1e6, system: system / 1e6 };
}

/** Memory by a cgroup; undefined without the controller. */
export function readMemoryParts(cgroup: string): MemoryParts | undefined {
  const stat = flatKeys(`${cgroup}/memory.stat`);
  if (stat === undefined) return undefined;
  const of = (name: string) => stat[name] ?? 0;
  return {
    Active_anon: of("active_anon"),
    Active_file: of("active_file"),
    Active: of("active_anon") + of("active_file"),
    Inactive_anon: of("inactive_anon"),
    Inactive_file: of("inactive_file"),
    Inactive: of("inactive_anon") + of("inactive_file"),
    Cached: of("file"),
    Dirty: of("file_dirty"),
    Mapped: of("file_mapped"),
    RSS: of("anon"),
    Shmem: of("shmem"),
    Swap: Number(readIfThere(`${cgroup}/memory.swap.current`) ?? 0),
    Unevictable: of("unevictable"),
    Writeback: of("file_writeback"),
  };
}

/** Processes that were killed for want of memory, by a cgroup. */
export function readOomKills(cgroup: string): number | undefined {
  return flatKeys(`${cgroup}/memory.events`)?.["oom_kill"];
}

/** Transfers by a cgroup, per device; empty without the controller. */
export function readDiskCounters(cgroup: string): DiskCounters[] {
  const lines = (readIfThere(`${cgroup}/io.stat`) ?? "").split("\n").filter((line) => line.includes("="));
  return lines.map((line) => {
    const [number = "", ...pairs] = line.split(" ");
    const of = Object.fromEntries(pairs.map((pair) => pair.split("=")));
    const uevent = readIfThere(`/sys/dev/block/${number}/uevent`) ?? "";
    return {
      device: /^DEVNAME=(.*)$/m.exec(uevent)?.[1] ?? number,
      readBytes: Number(of["rbytes"] ?? 0),
      reads: Number(of["rios"] ?? 0),
      writtenBytes: Number(of["wbytes"] ?? 0),
      writes: Number(of["wios"] ?? 0),
    };
  });
}

/** USER_HZ: what the kernel shows to programs, however fast its own clock ticks; time(7) */
const ticksPerSecond = 100;

/** Processor time and memory of these processes, by /proc; what has ended counts with the parent that waited for it. */
export function sumProcesses(
  pids: readonly number[],
  procfs = "/proc",
): { cpu: CpuTime; memory: MemoryParts } {
  const cpu: CpuTime = { user: 0, system: 0 };
  const memory = { RSS: 0, Mapped: 0, Shmem: 0, Swap: 0 };
  for (const pid of pids) {
    const stat = readValue(`${procfs}/${pid}/stat`);
    // behind the name, which may hold anything; the first field there is the third
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ").map(Number);
    const seconds = (field: number) => (fields[field - 3] ?? 0) / ticksPerSecond;
    cpu.user += seconds(14) + seconds(16);
    cpu.system += seconds(15) + seconds(17);
    const status = readValue(`${procfs}/${pid}/status`);
    const bytes = (name: string) =>
      Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, "m").exec(status)?.[1] ?? 0) * 1024;
    memory.RSS += bytes("RssAnon");
    memory.Mapped += bytes("RssFile");
    memory.Shmem += bytes("RssShmem");
    memory.Swap += bytes("VmSwap");
  }
  return { cpu, memory };
}

/** File systems without a store of their own say nothing of how full they are. */
const virtual =
  /^(proc|sysfs|cgroup2?|devpts|mqueue|devtmpfs|securityfs|debugfs|tracefs|bpf|tmpfs|ramfs|fusectl)$/;

/** A container may mount as much as the kernel allows, each of which would be asked for. */
const mostMountPoints = 500;

/** What is mounted in the mount namespace of a process and holds files, the first of it. */
export function readMountPoints(pid: number, procfs = "/proc"): MountPoint[] {
  const lines = readValue(`${procfs}/${pid}/mountinfo`).split("\n").filter((line) => line !== "");
  const found = lines.map((line): MountPoint => {
    const [before = "", after = ""] = line.split(" - ");
    const [fstype = "", device = ""] = after.split(" ");
    return { device: plain(device), fstype, path: plain(before.split(" ")[4] ?? "") };
  });
  const last = new Map(found.map((mount) => [mount.path, mount]));
  return [...last.values()].filter(({ path, fstype }) =>
    path === "/" || (!virtual.test(fstype) && !/^\/(dev|proc|sys|run)(\/|$)/.test(path))
  ).slice(0, mostMountPoints);
}

/** Blanks and the like are octal there. */
const plain = (text: string) =>
  text.replace(/\\([0-7]{3})/g, (_, digits) => String.fromCharCode(parseInt(digits, 8)));

function flatKeys(path: string): Record<string, number> | undefined {
  const text = readIfThere(path);
  if (text === undefined) return undefined;
  const pairs = text.split("\n").map((line) => line.split(" ")).filter((words) => words.length === 2);
  return Object.fromEntries(pairs.map(([name = "", value]) => [name, Number(value)]));
}
