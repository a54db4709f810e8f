// A container as a plan: from plain facts (names, maps, directories, init) to the two lists of steps that build
// its namespaces and mounts. Pure; `drey info NAME --plan` prints what this file decides.

import { type IdMap, type IdRange, mapText, relativeTo, toHost } from "../idmap/map.ts";
import { isSingle } from "../idmap/holder.ts";
import { formatSteps, type MountFlag, type Step } from "./steps.ts";
import { walkerFor } from "./walker.pl.ts";

export type RootSource =
  /** read-only image layers below, the instance's own changes on top; overlayfs */
  | { kind: "overlay"; lower: string[]; upper: string; work: string }
  /** a plain directory */
  | { kind: "directory"; path: string };

export interface ContainerPlan {
  hostname: string;
  root: RootSource;
  ids: {
    /** the map in host ids */
    map: IdMap;
    /** the parent namespace: its map and a process in it (`own`) or in a child of it (`parent`); absent for root */
    parent: { map: IdMap; pid: number; level: "own" | "parent" } | undefined;
  };
  /** cgroup directory of the instance, delegated to its root; absent where the host delegates none */
  cgroup: string | undefined;
  init: { argv: string[]; env: Record<string, string> };
  /** device nodes of the host to show, as paths below /dev */
  deviceNodes: string[];
  /** whether containers may run inside: then /proc stays bare, since new ones may only be mounted beside a full view */
  nesting: boolean;
}

/** Descriptor of the console's master in the first stage, where the starter takes a copy. */
export const consoleFd = 9;
const planFd = 5;
const cgroupFd = 6;
const walkerFd = 8;

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

/**
 * A directory to build the new root on: one that every host has and that the plan does not read from, since the
 * temporary file system mounted there hides what is below.
 */
export function stagingDirectory(root: RootSource): string {
  const used = root.kind === "overlay" ? [...root.lower, root.upper, root.work] : [root.path];
  const free = ["/mnt", "/media", "/opt", "/srv", "/home"].find((dir) =>
    !used.some((path) => path === dir || path.startsWith(`${dir}/`))
  );
  if (free === undefined) throw new Error("no directory is free to build a root on");
  return free;
}

/** What happens in the parent namespace: the root file system is mounted and the container's user namespace made. */
export function outerSteps(plan: ContainerPlan, files: { inner: string; walker: string }): Step[] {
  const { uids, gids } = innerIds(plan);
  return [
    ...enterParent(plan),
    { do: "keyring" },
    { do: "unshare", kinds: ["mnt"] },
    { do: "mount", type: "none", source: "none", target: "/", flags: ["rec", "private"] },
    // open before the staging directory hides anything, and as the user: the container's root may not come here
    { do: "open", fd: planFd, path: files.inner, write: false },
    { do: "open", fd: walkerFd, path: files.walker, write: false },
    ...(plan.cgroup === undefined ? [] : cgroupSteps(plan.cgroup, uids, gids)),
    ...rootSteps(plan),
    // the fork after the new pid namespace: this process stays outside and waits, the child is init
    {
      do: "become",
      argv: [
        "/usr/bin/unshare",
        "-p",
        "-f",
        "--kill-child",
        "/usr/bin/perl",
        fdPath(walkerFd),
        fdPath(planFd),
      ],
    },
  ];
}

/** What a stopped instance's files are reached by: its root mounted for one process, which becomes its root there. */
export function fileSteps(plan: ContainerPlan): Step[] {
  return [
    ...enterParent(plan),
    { do: "unshare", kinds: ["mnt"] },
    { do: "mount", type: "none", source: "none", target: "/", flags: ["rec", "private"] },
    ...rootSteps({ ...plan, cgroup: undefined }),
    { do: "chroot", path: `${stagingDirectory(plan.root)}/root` },
  ];
}

function enterParent({ ids: { map, parent } }: ContainerPlan): Step[] {
  if (parent === undefined) return [];
  const identity = isSingle(map) ? "kept" : "root";
  return [{ do: "enter-user", pid: parent.pid, level: parent.level, identity }];
}

/** The container's ids as its parent namespace counts them. */
function innerIds({ ids: { map, parent } }: ContainerPlan): IdMap {
  if (parent === undefined) return map;
  return { uids: relativeTo(map.uids, parent.map.uids), gids: relativeTo(map.gids, parent.map.gids) };
}

/** Mounts the root file system in the staging directory, then enters a user namespace with the container's ids. */
function rootSteps(plan: ContainerPlan): Step[] {
  const staging = stagingDirectory(plan.root);
  const { uids, gids } = innerIds(plan);
  return [
    {
      do: "mount",
      type: "tmpfs",
      source: "drey",
      target: staging,
      flags: ["nosuid", "nodev"],
      data: "mode=755,size=64k",
    },
    { do: "mkdir", path: `${staging}/root` },
    ...ownRoot(plan.root, uids, gids),
    mountRoot(plan.root, `${staging}/root`, plan.ids.parent !== undefined),
    {
      do: "new-user",
      uidMap: mapText(uids),
      gidMap: mapText(gids),
      identity: isSingle(plan.ids.map) ? "kept" : "root",
      cgroup: plan.cgroup !== undefined,
    },
  ];
}

/** The instance's own layer shows through as the directory "/", so it belongs to the container's root. */
function ownRoot(root: RootSource, uids: IdRange[], gids: IdRange[]): Step[] {
  if (root.kind !== "overlay") return [];
  return [{ do: "chown", path: root.upper, uid: toHost(uids, 0) ?? 0, gid: toHost(gids, 0) ?? 0 }];
}

/** Gives the cgroup to the container's root, who may then divide it, and keeps a way in: cgroup-v2.rst, "Delegation". */
function cgroupSteps(cgroup: string, uids: IdRange[], gids: IdRange[]): Step[] {
  const uid = toHost(uids, 0) ?? 0;
  const gid = toHost(gids, 0) ?? 0;
  const given = ["", "/cgroup.procs", "/cgroup.threads", "/cgroup.subtree_control"];
  return [
    // opened by the user: the kernel asks whether the opener may move processes, and the container's root may not
    { do: "open", fd: cgroupFd, path: `${cgroup}/cgroup.procs`, write: true },
    ...given.map((file): Step => ({ do: "chown", path: cgroup + file, uid, gid })),
  ];
}

const fdPath = (fd: number) => `/proc/self/fd/${fd}`;

function mountRoot(root: RootSource, target: string, inUserNamespace: boolean): Step {
  if (root.kind === "directory") {
    return { do: "mount", type: "none", source: root.path, target, flags: ["bind", "rec"] };
  }
  // user.overlay.* where trusted.overlay.* may not be written, overlayfs.rst
  const attributes = inUserNamespace ? ",userxattr" : "";
  const data = `lowerdir=${
    root.lower.map(escapeLayer).join(":")
  },upperdir=${root.upper},workdir=${root.work}`;
  return { do: "mount", type: "overlay", source: "drey", target, flags: [], data: data + attributes };
}

const escapeLayer = (path: string) => path.replace(/[\\:,]/g, (c) => `\\${c}`);

/** What happens as the container's root and first process, up to its init. */
export function innerSteps(plan: ContainerPlan): Step[] {
  const root = `${stagingDirectory(plan.root)}/root`;
  return [
    // after the fork, so that the waiting parent stays out; before anything costs memory
    ...(plan.cgroup === undefined ? [] : [{ do: "join-cgroup", fd: cgroupFd } satisfies Step]),
    // with a cgroup of its own the namespace came with the user namespace; without, it still hides the host's path
    {
      do: "unshare",
      kinds: ["mnt", "net", "uts", "ipc", ...(plan.cgroup === undefined ? ["cgroup" as const] : [])],
    },
    { do: "mount", type: "none", source: "none", target: "/", flags: ["rec", "private"] },
    // pivot_root(2) wants a mount of its own namespace; the inherited one is locked
    { do: "mount", type: "none", source: root, target: root, flags: ["bind", "rec"] },
    { do: "hostname", name: plan.hostname },
    { do: "loopback-up" },
    ...kernelFileSystems(plan, root),
    ...devices(plan, root),
    ...takenDirectories.map((path) => cover(root + path)),
    ...(plan.nesting ? [] : masks(root)),
    { do: "ready" },
    { do: "keyring" },
    { do: "pivot", path: root },
    { do: "exec", argv: plan.init.argv, env: plan.init.env, stdio: "/dev/console" },
  ];
}

function kernelFileSystems(plan: ContainerPlan, root: string): Step[] {
  const careful: MountFlag[] = ["nosuid", "nodev", "noexec"];
  return [
    ...["proc", "sys", "dev", "run", "tmp"].map((dir): Step => ({ do: "mkdir", path: `${root}/${dir}` })),
    { do: "mount", type: "proc", source: "proc", target: `${root}/proc`, flags: careful },
    { do: "mount", type: "sysfs", source: "sysfs", target: `${root}/sys`, flags: careful },
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

/** The two step files, and the program that walks them. */
export function planFiles(
  plan: ContainerPlan,
  files: { inner: string; walker: string },
): { outer: string; inner: string; walker: string } {
  const outer = outerSteps(plan, files);
  const inner = innerSteps(plan);
  return { outer: formatSteps(outer), inner: formatSteps(inner), walker: walkerFor([...outer, ...inner]) };
}
