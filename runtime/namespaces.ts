// A container as a plan: from plain facts (names, maps, directories, init) to the two lists of steps that build
// its namespaces and mounts. Pure; `drey info NAME --plan` prints what this file decides.

import { type IdMap, type IdRange, isSingle, mapText, relativeTo, toHost } from "../idmap/map.ts";
import type { ContainerPlan, DeviceSteps, RootSource } from "./container_plan.ts";
import { kernelSteps } from "./kernel_mounts.ts";
import { mountRoot, ownRoot } from "./root_mount.ts";
import type { Identity, Step } from "./steps.ts";
import { filterSteps } from "./syscall_filter.ts";
import { jailAround, jailedTree } from "./tree_jail.ts";
import { boxOuterSteps, boxSteps, guestRootSteps, keeperStep, stagedShares } from "./vm/box.ts";

const initFd = 4;
const planFd = 5;
const cgroupFd = 6;
const walkerFd = 8;

/**
 * A directory to build the new root on: one that every host has and that the plan does not read from, since the
 * temporary file system mounted there hides what is below.
 */
export function stagingDirectory(root: RootSource, reads: readonly string[] = []): string {
  const own = root.kind === "directory"
    ? [root.path]
    : [...root.lower, ...(root.kind === "overlay" ? [root.upper, root.work] : [])];
  const used = [...own, ...reads];
  const free = ["/mnt", "/media", "/opt", "/srv", "/home", "/boot", "/root", "/tmp"].find((dir) =>
    !used.some((path) => path === dir || path.startsWith(`${dir}/`))
  );
  if (free === undefined) throw new Error("no directory is free to build a root on");
  return free;
}

/** A small file system of one's own, so that what is mounted in the staging directory hides nothing of the host. */
export const stagingMount = (target: string): Step => ({
  do: "mount",
  type: "tmpfs",
  source: "drey",
  target,
  flags: ["nosuid", "nodev"],
  data: "mode=755,size=64k",
});

/** Where the directories that a machine shares stand while its box is built. */
export const stagedSharesOf = (plan: Staged): string => stagedShares(stagingOf(plan));

/** Where the root file system of a container stands while it is built. */
export function stagedRoot(plan: Staged): string {
  return `${stagingOf(plan)}/root`;
}

type Staged = Pick<ContainerPlan, "root"> & { devices?: Pick<DeviceSteps, "reads"> };

const stagingOf = ({ root, devices }: Staged) => stagingDirectory(root, devices?.reads);

/** Files of the run directory that the steps open. */
export interface StartFiles {
  inner: string;
  walker: string;
  init: string;
}

/** What happens in the parent namespace: the root file system is mounted and the container's user namespace made. */
export function outerSteps(plan: ContainerPlan, files: StartFiles): Step[] {
  const { uids, gids } = innerIds(plan);
  return [
    ...groupSteps(plan),
    ...enterParent(plan),
    { do: "keyring" },
    { do: "unshare", kinds: ["mnt"] },
    { do: "mount", type: "none", source: "none", target: "/", flags: ["rec", "private"] },
    // open before the staging directory hides anything, and as the user: the container's root may not come here
    { do: "open", fd: planFd, path: files.inner, write: false },
    { do: "open", fd: walkerFd, path: files.walker, write: false },
    { do: "open", fd: initFd, path: files.init, write: true },
    ...(plan.cgroup === undefined ? [] : cgroupSteps(plan.cgroup, uids, gids)),
    ...(plan.machine === undefined ? [] : boxOuterSteps(plan.machine, stagingOf(plan)).early),
    ...rootSteps(plan),
    ...(isRoot(plan) ? rlimitSteps(plan) : []),
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
    ...rootSteps({
      ...plan,
      cgroup: undefined,
      guestSocket: undefined,
      devices: undefined,
      machine: undefined,
    }),
    { do: "chroot", path: stagedRoot({ root: plan.root }) },
  ];
}

/**
 * The root mounted for one program of the host, which works on it as root of its ids and reaches nothing but it.
 *
 * @param top what is mounted around it, the root then being its directory `rootfs`
 */
export function treeSteps(plan: ContainerPlan, argv: (root: string) => string[], top?: RootSource): Step[] {
  const reads = top?.kind === "directory" ? [top.path] : [];
  const root = stagedRoot({ root: plan.root, devices: { reads } });
  const { outer, inner } = jailAround(top === undefined ? root : `${root}-top`);
  const around = top === undefined ? [] : topSteps(top, root);
  const devices = { reads, outer: [...around, ...outer], inner: [], settled: [] };
  return [
    ...enterParent(plan),
    { do: "unshare", kinds: ["mnt"] },
    { do: "mount", type: "none", source: "none", target: "/", flags: ["rec", "private"] },
    ...rootSteps({ ...plan, cgroup: undefined, devices, machine: undefined }),
    ...inner,
    { do: "ready" },
    { do: "run", argv: argv(jailedTree) },
  ];
}

function topSteps(top: RootSource, root: string): Step[] {
  const place = `${root}-top`;
  return [
    { do: "mkdir", path: place },
    ...mountRoot(top, place, place),
    { do: "mkdir", path: `${place}/rootfs` },
    { do: "mount", type: "none", source: root, target: `${place}/rootfs`, flags: ["bind", "rec"] },
  ];
}

function enterParent(plan: ContainerPlan): Step[] {
  const { parent } = plan.ids;
  if (parent === undefined) return [];
  return [{ do: "enter-user", pid: parent.pid, level: parent.level, identity: identityIn(plan) }];
}

function groupSteps({ machine }: ContainerPlan): Step[] {
  return machine === undefined || machine.groups.length === 0 ? [] : [{ do: "groups", gids: machine.groups }];
}

/** A machine's programs may open devices that belong to a group of the user's, such as /dev/kvm. */
function identityIn({ ids: { map }, machine }: ContainerPlan): Identity {
  if (isSingle(map)) return "kept";
  return machine === undefined ? "root" : "groups";
}

/** The container's ids as its parent namespace counts them. */
function innerIds({ ids: { map, parent } }: ContainerPlan): IdMap {
  if (parent === undefined) return map;
  return { uids: relativeTo(map.uids, parent.map.uids), gids: relativeTo(map.gids, parent.map.gids) };
}

/** Mounts the root file system in the staging directory, then enters a user namespace with the container's ids. */
function rootSteps(plan: ContainerPlan): Step[] {
  const staging = stagingOf(plan);
  const { uids, gids } = innerIds(plan);
  return [
    stagingMount(staging),
    { do: "mkdir", path: `${staging}/root` },
    ...(plan.root.kind === "layers" ? [{ do: "mkdir", path: `${staging}/nothing` } satisfies Step] : []),
    ...ownRoot(plan.root, uids, gids),
    ...mountRoot(plan.root, `${staging}/root`, `${staging}/nothing`),
    ...listenSteps(plan, uids, gids),
    ...(plan.machine === undefined ? [] : boxOuterSteps(plan.machine, staging).staged),
    ...(plan.devices?.outer ?? []),
    {
      do: "new-user",
      uidMap: mapText(uids),
      gidMap: mapText(gids),
      identity: identityIn(plan),
      cgroup: plan.cgroup,
    },
  ];
}

/** connections that may wait to be answered: each may mean a signal to the supervisor */
const backlog = 16;
const stagedSocket = (plan: ContainerPlan) => `${stagingOf(plan)}/guest`;

/** The socket lies in memory: the container's table of mounts would tell of a path of the host. */
function listenSteps(plan: ContainerPlan, uids: IdRange[], gids: IdRange[]): Step[] {
  if (plan.guestSocket === undefined) return [];
  const path = stagedSocket(plan);
  return [
    { do: "listen", fd: plan.guestSocket, path, backlog },
    { do: "chown", path, uid: toHost(uids, 0) ?? 0, gid: toHost(gids, 0) ?? 0 },
  ];
}

/** Root may raise limits, as long as it is in no namespace. */
const isRoot = ({ ids }: ContainerPlan) => ids.parent === undefined;

const rlimitSteps = ({ rlimits = [] }: ContainerPlan): Step[] =>
  rlimits.map((limit) => ({ do: "rlimit", ...limit }));

/** Of the namespaces that the walker has entered; what the kernel keeps once for all it refuses. */
function sysctlSteps({ sysctls = {} }: ContainerPlan, root: string): Step[] {
  return Object.entries(sysctls).map(([path, text]) => ({
    do: "write",
    path: `${root}/proc/sys/${path}`,
    text,
  }));
}

/** LXD's name for the socket by which a container learns of itself. */
function guestSteps(plan: ContainerPlan, root: string): Step[] {
  if (plan.guestSocket === undefined) return [];
  const path = `${root}/dev/lxd/sock`;
  return [
    { do: "mkdir", path: `${root}/dev/lxd` },
    { do: "touch", path },
    { do: "mount", type: "none", source: stagedSocket(plan), target: path, flags: ["bind"] },
  ];
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

/** What happens as the container's root and first process, up to its init. */
export function innerSteps(plan: ContainerPlan): Step[] {
  const { machine } = plan;
  const root = machine === undefined ? stagedRoot(plan) : `${stagingOf(plan)}/box`;
  return [
    // after the fork, so that the waiting parent stays out; before anything costs memory
    ...(plan.cgroup === undefined ? [] : [{ do: "join-cgroup", fd: cgroupFd } satisfies Step]),
    // with a cgroup of its own the namespace came with the user namespace; without, it still hides the host's path
    {
      do: "unshare",
      kinds: [
        ...["mnt" as const, "uts" as const, "ipc" as const],
        ...(plan.sharesNetwork ? [] : ["net" as const]),
        ...(plan.cgroup === undefined ? ["cgroup" as const] : []),
      ],
    },
    { do: "mount", type: "none", source: "none", target: "/", flags: ["rec", "private"] },
    // pivot_root(2) wants a mount of its own namespace; the inherited one is locked
    ...(machine === undefined
      ? [{ do: "mount", type: "none", source: root, target: root, flags: ["bind", "rec"] } satisfies Step]
      : boxSteps(machine, stagingOf(plan))),
    { do: "hostname", name: plan.hostname },
    ...(plan.sharesNetwork ? [] : [{ do: "link-up", name: "lo" } satisfies Step]),
    ...kernelSteps(plan, root),
    ...guestSteps(plan, root),
    ...sysctlSteps(plan, root),
    ...(isRoot(plan) ? [] : rlimitSteps(plan)),
    ...(plan.devices?.inner ?? []),
    ...(machine === undefined ? [] : guestRootSteps(machine, stagingOf(plan))),
    { do: "ready", reports: true },
    ...(plan.devices?.settled ?? []),
    { do: "keyring" },
    { do: "pivot", path: root },
    ...(plan.fills ?? []).map((fill): Step => ({ do: "fill", ...fill })),
    // before anybody inside could trace init, and after all that the filter could be in the way of
    ...filterSteps(plan.filter),
    // whoever joins these namespaces before would see the host's files
    { do: "inside", fd: initFd },
    machine === undefined ? initStep(plan.init) : keeperStep(plan.init),
  ];
}

function initStep({ argv, env, application }: ContainerPlan["init"]): Step {
  const program = { argv, env, stdio: "/dev/console" };
  return application === undefined ? { do: "exec", ...program } : { do: "serve", ...program, ...application };
}
