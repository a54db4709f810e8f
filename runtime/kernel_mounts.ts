// What the kernel shows inside a container: proc, sysfs, cgroup2, /dev, and what of them is hidden. Pure; knows
// nothing of namespaces.

import { isSingle } from "../idmap/map.ts";
import { consoleFd, type ContainerPlan } from "./container_plan.ts";
import type { MountFlag } from "./kernel_flags.ts";
import type { Step } from "./steps.ts";

const maskedFiles = [
  "/proc/kcore",
  "/proc/keys",
  "/proc/latency_stats",
  "/proc/sched_debug",
  "/proc/timer_list",
];
const maskedDirectories = ["/proc/scsi", "/proc/acpi", "/sys/firmware"];
/**
 * Places where an init mounts what no container may mount: taken, so that it does not try and fail. The kernel keeps
 * them empty, so they hide nothing and new /sys may still be mounted inside.
 */
const takenDirectories = [
  "/sys/kernel/debug",
  "/sys/kernel/tracing",
  "/sys/kernel/security",
  "/sys/kernel/config",
  "/sys/fs/pstore",
  "/sys/fs/fuse/connections",
  "/sys/fs/bpf",
];
const readOnlyPaths = ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sysrq-trigger"];
const links: [path: string, target: string][] = [
  ["fd", "/proc/self/fd"],
  ["stdin", "/proc/self/fd/0"],
  ["stdout", "/proc/self/fd/1"],
  ["stderr", "/proc/self/fd/2"],
  ["core", "/proc/kcore"],
  ["ptmx", "pts/ptmx"],
];

/** Mounts what the kernel shows below a root that is not entered yet. */
export function kernelSteps(plan: ContainerPlan, root: string): Step[] {
  return [
    ...kernelFileSystems(plan, root),
    ...devices(plan, root),
    ...takenDirectories.map((path) => cover(root + path)),
    ...(plan.nesting ? [] : masks(root)),
  ];
}

function kernelFileSystems(plan: ContainerPlan, root: string): Step[] {
  const careful: MountFlag[] = ["nosuid", "nodev", "noexec"];
  return [
    ...["proc", "sys", "dev", "run"].map((dir): Step => ({ do: "mkdir", path: `${root}/${dir}` })),
    { do: "mkdir", path: `${root}/tmp`, mayBeLink: true },
    { do: "mount", type: "proc", source: "proc", target: `${root}/proc`, flags: careful },
    ...sysfs(plan, root, careful),
    ...(plan.cgroup === undefined ? [] : [
      {
        do: "mount",
        type: "cgroup2",
        source: "cgroup2",
        target: `${root}/sys/fs/cgroup`,
        flags: careful,
      } satisfies Step,
    ]),
    {
      do: "mount",
      type: "tmpfs",
      source: "tmpfs",
      target: `${root}/run`,
      flags: ["nosuid", "nodev"],
      data: "mode=755",
    },
  ];
}

/** A new sysfs is for who owns the network namespace; without one of its own the container sees the host's. */
function sysfs({ sharesNetwork }: ContainerPlan, root: string, flags: MountFlag[]): Step[] {
  const target = `${root}/sys`;
  if (!sharesNetwork) return [{ do: "mount", type: "sysfs", source: "sysfs", target, flags }];
  return [
    { do: "mount", type: "none", source: "/sys", target, flags: ["bind", "rec"] },
    { do: "mount", type: "none", source: "none", target, flags: ["remount", "bind", "ro", ...flags] },
  ];
}

function devices(plan: ContainerPlan, root: string): Step[] {
  const dev = `${root}/dev`;
  const group = isSingle(plan.ids.map) ? "" : ",gid=5";
  const directories = [
    ...new Set(plan.deviceNodes.filter((n) => n.includes("/")).map((n) => n.split("/")[0] ?? "")),
  ];
  return [
    {
      do: "mount",
      type: "tmpfs",
      source: "tmpfs",
      target: dev,
      flags: ["nosuid"],
      data: "mode=755,size=500k",
    },
    ...["pts", "shm", "mqueue", ...directories].map((dir): Step => ({ do: "mkdir", path: `${dev}/${dir}` })),
    {
      do: "mount",
      type: "devpts",
      source: "devpts",
      target: `${dev}/pts`,
      flags: ["nosuid", "noexec"],
      data: `newinstance,ptmxmode=0666,mode=0620,max=1024${group}`,
    },
    {
      do: "mount",
      type: "tmpfs",
      source: "tmpfs",
      target: `${dev}/shm`,
      flags: ["nosuid", "nodev"],
      data: "mode=1777",
    },
    {
      do: "mount",
      type: "mqueue",
      source: "mqueue",
      target: `${dev}/mqueue`,
      flags: ["nosuid", "nodev", "noexec"],
    },
    ...plan.deviceNodes.flatMap((node): Step[] => [
      { do: "touch", path: `${dev}/${node}` },
      { do: "mount", type: "none", source: `/dev/${node}`, target: `${dev}/${node}`, flags: ["bind"] },
    ]),
    ...links.map(([path, target]): Step => ({ do: "symlink", path: `${dev}/${path}`, target })),
    { do: "console", fd: consoleFd, ptmx: `${dev}/pts/ptmx`, pts: `${dev}/pts`, path: `${dev}/console` },
  ];
}

/** Covers a directory with an empty one; where it does not exist, there is nothing to cover. */
function cover(target: string): Step {
  const flags: MountFlag[] = ["ro", "nosuid", "nodev", "noexec"];
  return {
    do: "mount",
    type: "tmpfs",
    source: "tmpfs",
    target,
    flags,
    data: "size=0,mode=555",
    optional: true,
  };
}

function masks(root: string): Step[] {
  const kept: MountFlag[] = ["nosuid", "nodev", "noexec"];
  return [
    ...maskedFiles.map((path): Step => ({
      do: "mount",
      type: "none",
      source: `${root}/dev/null`,
      target: root + path,
      flags: ["bind"],
      optional: true,
    })),
    ...maskedDirectories.map((path) => cover(root + path)),
    ...readOnlyPaths.flatMap((path): Step[] => [
      {
        do: "mount",
        type: "none",
        source: root + path,
        target: root + path,
        flags: ["bind", "rec"],
        optional: true,
      },
      {
        do: "mount",
        type: "none",
        source: "none",
        target: root + path,
        flags: ["bind", "remount", "ro", ...kept],
        optional: true,
      },
    ]),
  ];
}
