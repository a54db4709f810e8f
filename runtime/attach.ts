// Running a command inside a container that runs, setns(2): as steps for the walker, like the container itself.

import type { ContainerPlan } from "./container_plan.ts";
import type { IdMap } from "../idmap/map.ts";
import { relativeTo, toHost } from "../idmap/map.ts";
import { isSingle } from "../idmap/holder.ts";
import * as libc from "../sys/libc.ts";
import { readIfThere } from "../sys/present.ts";
import { spawn } from "../sys/run.ts";
import { formatSteps, type Step } from "./steps.ts";
import { inGuest } from "./vm/door.pl.ts";
import { walkerFor } from "./walker.pl.ts";

export interface AttachRequest {
  /** host pid of the container's init */
  init: number;
  argv: readonly string[];
  /** the whole environment of the command */
  env: Record<string, string>;
  /** directory inside the container */
  cwd: string;
  /** go on in the top directory if there is no such directory; for one that nobody asked for */
  cwdMayLack?: boolean;
  /** the door of a virtual machine's keeper: the command runs in its guest */
  door?: string;
  user: number;
  group: number;
  rlimits: NonNullable<ContainerPlan["rlimits"]>;
  map: IdMap;
  /** whether the container stands below a parent user namespace, as it does for everybody but root */
  hasParent: boolean;
  /** leaf that the command is put in; absent where there are no cgroups */
  cgroup: string | undefined;
}

export interface AttachedTerminal {
  child: Deno.ChildProcess;
  /** descriptor of the terminal's master; the caller closes it */
  master: number;
}

/** argv of the walker with its steps; what is secret goes through the environment, which others cannot read. */
function walk(steps: readonly Step[]): string[] {
  return ["/usr/bin/perl", "-e", walkerFor(steps), formatSteps(steps)];
}

/** Enters the parent namespace, whose root may move a process into the container's pid namespace and cgroup. */
function enterParent(request: AttachRequest): Step[] {
  if (!request.hasParent) return [];
  const identity = isSingle(request.map) ? "kept" : "root";
  return [{ do: "enter-user", pid: request.init, level: "parent", identity }];
}

/**
 * The way in. The child is born where the container's processes are, still as somebody its root cannot touch, and
 * takes on all other namespaces at once: at no moment could it be traced from inside while it sees the host.
 */
function joinSteps(request: AttachRequest): { toChild: Step[]; toCommand: Step[] } {
  return {
    toChild: [{ do: "join-pid", pid: request.init }, { do: "fork", cgroup: request.cgroup }],
    toCommand: [
      // still outside, where root of the host may raise them
      ...request.rlimits.map((limit): Step => ({ do: "rlimit", ...limit })),
      { do: "join-rest" },
      // setgroups(2) is not to be had in a namespace of one id, whose only user is root anyway
      ...(isSingle(request.map)
        ? []
        : [{ do: "be", user: request.user, group: request.group } satisfies Step]),
      { do: "chdir", path: request.cwd },
      { do: "run", argv: [...request.argv] },
    ],
  };
}

/** In a guest there is nothing to join: the agent is its root. */
function guestSteps({ user, group, cwd, cwdMayLack, argv }: AttachRequest): Step[] {
  return [
    { do: "be", user, group },
    { do: "chdir", path: cwd, ...(cwdMayLack ? { optional: true } : {}) },
    { do: "run", argv: [...argv] },
  ];
}

/** The terminal is one of the guest's own; one of the host's stands for it, so that sizes and hang-ups are told by it. */
function attachGuestTerminal(
  request: AttachRequest & { door: string },
  size: { columns: number; rows: number },
): AttachedTerminal {
  const master = libc.openFd("/dev/ptmx", libc.O_RDWR | libc.O_NOCTTY);
  let slave: number | undefined;
  try {
    libc.unlockTerminal(master);
    slave = libc.openTerminalPeer(master);
    libc.setWindowSize(master, size);
    libc.joinEmptyKeyring();
    libc.sealDescriptors();
    const terminal = { owner: request.user };
    const steps: Step[] = [
      { do: "take-terminal", fd: slave },
      { do: "terminal" },
      { do: "run", argv: inGuest(request.door, walk(guestSteps(request)), { terminal }) },
    ];
    const child = libc.inheriting([slave], () =>
      spawn(walk(steps), {
        env: request.env,
        clearEnv: true,
        stdin: "null",
        stdout: "null",
        stderr: "null",
      }));
    return { child, master };
  } catch (error) {
    libc.closeFd(master);
    throw error;
  } finally {
    if (slave !== undefined) libc.closeFd(slave);
  }
}

/** Starts a command with pipes for its standard streams. */
export function attach(request: AttachRequest): Deno.ChildProcess {
  libc.joinEmptyKeyring();
  libc.sealDescriptors();
  if (request.door !== undefined) {
    return spawn(inGuest(request.door, walk(guestSteps(request))), {
      env: request.env,
      clearEnv: true,
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    });
  }
  const { toChild, toCommand } = joinSteps(request);
  return spawn(walk([...enterParent(request), ...toChild, ...toCommand]), {
    env: request.env,
    clearEnv: true,
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  });
}

/**
 * Starts a command on a new terminal of the container's own, so that `tty` answers inside.
 *
 * @param size in characters
 */
export function attachTerminal(
  request: AttachRequest,
  { size, parent }: { size: { columns: number; rows: number }; parent: IdMap | undefined },
): AttachedTerminal {
  const { door } = request;
  if (door !== undefined) return attachGuestTerminal({ ...request, door }, size);
  // The container's root may have put links where its terminals were: they must not lead to files of the host, so the
  // path stays inside and the slave is had from the master.
  const master = libc.openBelow(`/proc/${request.init}/root`, "dev/pts/ptmx", libc.O_RDWR | libc.O_NOCTTY);
  let slave: number | undefined;
  try {
    libc.unlockTerminal(master);
    slave = libc.openTerminalPeer(master);
    libc.setWindowSize(master, size);
    libc.joinEmptyKeyring();
    libc.sealDescriptors();
    const { toChild, toCommand } = joinSteps(request);
    const steps: Step[] = [
      ...enterParent(request),
      ...giveTerminal(request, slave, parent),
      { do: "take-terminal", fd: slave },
      ...toChild,
      { do: "terminal" },
      ...toCommand,
    ];
    const child = libc.inheriting([slave], () =>
      spawn(walk(steps), {
        env: request.env,
        clearEnv: true,
        stdin: "null",
        stdout: "null",
        stderr: "null",
      }));
    return { child, master };
  } catch (error) {
    libc.closeFd(master);
    throw error;
  } finally {
    if (slave !== undefined) libc.closeFd(slave);
  }
}

/** The terminal was opened by the user; it must belong to the one inside whose terminal it is. */
function giveTerminal(request: AttachRequest, slave: number, parent: IdMap | undefined): Step[] {
  if (isSingle(request.map)) return [];
  const owner = (kind: "uids" | "gids", id: number) => {
    const ranges = parent === undefined ? request.map[kind] : relativeTo(request.map[kind], parent[kind]);
    return toHost(ranges, id) ?? toHost(ranges, 0) ?? 0;
  };
  const tty = 5;
  return [{
    do: "chown",
    path: `/proc/self/fd/${slave}`,
    uid: owner("uids", request.user),
    gid: owner("gids", tty),
  }];
}

/** Sends a signal to the command, which is the child of the process that waits for it. */
export function signalAttached(child: Deno.ChildProcess, signal: number): void {
  const pids = readChildren(child.pid);
  for (const pid of pids.length > 0 ? pids : [child.pid]) libc.sendSignal(pid, signal);
}

function readChildren(pid: number): number[] {
  const text = readIfThere(`/proc/${pid}/task/${pid}/children`) ?? "";
  return text.split(/\s+/).filter((word) => word !== "").map(Number);
}
