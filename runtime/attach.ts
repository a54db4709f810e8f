// Running a command inside a container that runs, setns(2): as steps for the walker, like the container itself.

import type { ContainerPlan } from "./container_plan.ts";
import { type IdMap, isSingle, relativeTo, toHost } from "../idmap/map.ts";
import {
  closeFd,
  inheriting,
  lifeline,
  O_NOCTTY,
  O_RDWR,
  openBelow,
  openFd,
  openPipe,
  sealDescriptors,
  writeAll,
} from "../sys/descriptors.ts";
import { joinEmptyKeyring, sendSignal, signals } from "../sys/processes.ts";
import { openTerminalPeer, setWindowSize, unlockTerminal } from "../sys/terminals.ts";
import { readIfThere } from "../sys/present.ts";
import { type PipedChild, startOnPipes } from "../sys/piped_child.ts";
import { spawn } from "../sys/run.ts";
import { formatMoreSteps, formatSteps } from "./step_words.ts";
import type { Step } from "./steps.ts";
import { filterSteps, type SyscallFilter } from "./syscall_filter.ts";
import type { inGuest } from "./vm/door.pl.ts";
import { walkerFor } from "./walker.pl.ts";

/** Where a command is to run. */
export interface Place {
  /** host pid of the container's init */
  init: number;
  map: IdMap;
  /** whether the container stands below a parent user namespace, as it does for everybody but root */
  hasParent: boolean;
  /** leaf that the command is put in; absent where there are no cgroups */
  cgroup: string | undefined;
}

/** argv that runs a program of Perl, by its argv, in a guest. */
export type Guest = (
  argv: readonly string[],
  options?: Parameters<typeof inGuest>[2],
) => string[];

export interface AttachRequest extends Place {
  argv: readonly string[];
  /** the whole environment of the command */
  env: Record<string, string>;
  /** directory inside the container */
  cwd: string;
  /** go on in the top directory if there is no such directory; for one that nobody asked for */
  cwdMayLack?: boolean;
  /** for a command in the guest of a virtual machine: {@link inGuest} with its door */
  guest?: Guest;
  user: number;
  group: number;
  rlimits: NonNullable<ContainerPlan["rlimits"]>;
  /** what system calls the container's processes are refused */
  filter: SyscallFilter | undefined;
}

export interface AttachedTerminal {
  child: Deno.ChildProcess;
  /** descriptor of the terminal's master; the caller closes it */
  master: number;
}

/**
 * The environment of a command on its way: under names that mean nothing to the programs of the host that carry it. As
 * it is, PERL5OPT or LD_PRELOAD of whoever may run a command inside would be obeyed by a Perl of the host. The step `run`
 * takes one dot off.
 */
function carried(env: Record<string, string>, { times = 1 } = {}): Record<string, string> {
  return Object.fromEntries(Object.entries(env).map(([name, value]) => [".".repeat(times) + name, value]));
}

/** argv of the walker with its steps; what is secret goes through the environment, which others cannot read. */
function walk(steps: readonly Step[]): string[] {
  return ["/usr/bin/perl", "-e", walkerFor(steps), formatSteps(steps)];
}

/** Enters the parent namespace, whose root may move a process into the container's pid namespace and cgroup. */
function enterParent(place: Place): Step[] {
  if (!place.hasParent) return [];
  const identity = isSingle(place.map) ? "kept" : "root";
  return [{ do: "enter-user", pid: place.init, level: "parent", identity }];
}

/**
 * The child is born where the container's processes are, still as somebody its root cannot touch.
 *
 * @param alone whether it goes on without this process
 */
function toChild({ init, cgroup }: Place, { alone = false } = {}): Step[] {
  const held = alone ? {} : { lifeline: lifeline() };
  return [{ do: "join-pid", pid: init }, { do: "fork", cgroup, ...held }];
}

/**
 * From there on. It takes on all other namespaces at once: at no moment could it be traced from inside while it sees the
 * host.
 */
function toCommand(request: AttachRequest): Step[] {
  return [
    // still outside, where root of the host may raise them
    ...request.rlimits.map((limit): Step => ({ do: "rlimit", ...limit })),
    { do: "join-rest" },
    // while it is root inside, who may
    ...filterSteps(request.filter),
    // setgroups(2) is not to be had in a namespace of one id, whose only user is root anyway
    ...(isSingle(request.map) ? [] : [{ do: "be", user: request.user, group: request.group } satisfies Step]),
    { do: "chdir", path: request.cwd },
    { do: "run", argv: [...request.argv] },
  ];
}

/** The same for a walker that was given no environment when it was started. */
function toPipedCommand(request: AttachRequest): Step[] {
  return [{ do: "environment", env: carried(request.env) }, ...toCommand(request)];
}

/** In a guest there is nothing to join: the agent is its root. */
function guestSteps({ user, group, cwd, cwdMayLack, argv }: AttachRequest): Step[] {
  return [
    { do: "be", user, group },
    { do: "chdir", path: cwd, ...(cwdMayLack ? { optional: true } : {}) },
    { do: "run", argv: [...argv] },
  ];
}

/** A walker on pipes that waits for its steps. */
interface Waiting {
  child: PipedChild;
  /** descriptor that the steps are written to; closed without any, the walker ends */
  steps: number;
  /** where its child has been sent already */
  place?: Place;
  /** what it runs there already */
  request?: AttachRequest;
}

/** One that was begun before anybody asked for it. */
let early: Waiting | undefined;

/** Steps of a way in, whichever: their hands are there before it is known. */
const wayIn = [
  "keyring",
  "enter-user",
  "join-pid",
  "fork",
  "more",
  "environment",
  "rlimit",
  "join-rest",
  "filter",
  "be",
  "chdir",
  "run",
] as const;

/** Begins what the next {@link attach} takes: it is ready by the time that all else is. */
export function beginAttach(): void {
  early ??= startWaiting();
}

/** Sends what was begun as far as it gets without a command: it is there by the time that one is known. */
export function hastenAttach(place: Place): void {
  if (early === undefined || early.place !== undefined) return;
  early.place = place;
  writeSteps(early, [{ do: "keyring" }, ...enterParent(place), ...toChild(place), { do: "more" }]);
}

/**
 * Has what was sent there run its command, for a caller who is certain to take it by {@link attach}: before the command's
 * streams have somebody to read them, which takes a while.
 */
export function runEarly(request: AttachRequest): void {
  if (early?.place === undefined || early.request !== undefined || !isThere(early, request)) return;
  early.request = request;
  writeMoreSteps(early, toPipedCommand(request));
  closeFd(early.steps);
}

/** Ends what was begun in vain. */
export async function endEarlyAttach(): Promise<void> {
  if (early === undefined) return;
  const { child: { pid, input, output, errors, ended }, steps, request } = early;
  early = undefined;
  if (request === undefined) closeFd(steps);
  else signalAttached(await pid, signals.KILL);
  await ended.catch(() => {}); // nobody wanted it
  await Promise.all([input, output, errors].map((stream) => stream.close()));
}

/** The walker joins a keyring of its own, since the thread that starts it has the caller's. */
function startWaiting(): Waiting {
  sealDescriptors();
  const { readFd, writeFd: steps } = openPipe();
  const walker = walkerFor(wayIn.map((name) => ({ do: name })));
  const argv = ["/usr/bin/perl", "-e", walker, `/proc/self/fd/${readFd}`];
  const child = startOnPipes(argv, { env: {}, inherited: [readFd, lifeline()], isAside: true });
  const begun = () => closeFd(readFd);
  child.pid.then(begun, begun);
  child.ended.catch(() => {}); // told to whoever takes it
  return { child, steps };
}

/** Starts a command with pipes for its standard streams. */
export function attach(request: AttachRequest): PipedChild {
  if (request.guest !== undefined) {
    beforeStart();
    const argv = request.guest(walk(guestSteps(request)), { lifeline: lifeline() });
    return startOnPipes(argv, { env: carried(request.env), inherited: [lifeline()] });
  }
  const waiting = takeEarly(request) ?? startWaiting();
  const { child, steps, place, request: running } = waiting;
  if (running !== undefined) return child;
  try {
    if (place !== undefined) writeMoreSteps(waiting, toPipedCommand(request));
    else {
      const way: Step[] = [{ do: "keyring" }, ...enterParent(request), ...toChild(request)];
      writeSteps(waiting, [...way, ...toPipedCommand(request)]);
    }
  } finally {
    closeFd(steps);
  }
  return child;
}

/** What was begun, unless it has been sent elsewhere: a program may run commands in several containers. */
function takeEarly(request: AttachRequest): Waiting | undefined {
  if (early === undefined || !isThere(early, request)) return undefined;
  if (early.request !== undefined && early.request !== request) return undefined;
  const taken = early;
  early = undefined;
  return taken;
}

/** Whether a walker is where a command is to run, or still here. */
const isThere = ({ place }: Waiting, { init, cgroup }: Place) =>
  place === undefined || (place.init === init && place.cgroup === cgroup);

const writeSteps = (waiting: Waiting, steps: readonly Step[]) => writeText(waiting, formatSteps(steps));
const writeMoreSteps = (waiting: Waiting, steps: readonly Step[]) =>
  writeText(waiting, formatMoreSteps(steps));

/** One that has ended says why itself. */
function writeText({ steps }: Waiting, text: string): void {
  writeAll(steps, new TextEncoder().encode(text));
}

/** Runs a command that reads and writes nothing, to its exit status; it goes on if this process ends before it. */
export async function attachSilent(request: AttachRequest): Promise<number> {
  beforeStart();
  const env = carried(request.env);
  const child = spawn(silentArgv(request), {
    env,
    clearEnv: true,
    stdin: "null",
    stdout: "null",
    stderr: "null",
  });
  return (await child.status).code;
}

/** What the command must not get of this process. */
function beforeStart(): void {
  joinEmptyKeyring();
  sealDescriptors();
}

function silentArgv(request: AttachRequest): string[] {
  if (request.guest !== undefined) return request.guest(walk(guestSteps(request)));
  return walk(pipedSteps(request, { alone: true }));
}

function pipedSteps(request: AttachRequest, { alone = false } = {}): Step[] {
  return [...enterParent(request), ...toChild(request, { alone }), ...toCommand(request)];
}

/** What a command on a terminal needs besides: the terminal's size in characters, and the map of the parent namespace. */
export interface OnTerminal {
  size: { columns: number; rows: number };
  parent: IdMap | undefined;
}

/** Starts a command on a new terminal of the container's own, so that `tty` answers inside. */
export function attachTerminal(request: AttachRequest, { size, parent }: OnTerminal): AttachedTerminal {
  const { guest } = request;
  if (guest !== undefined) {
    // a terminal of the guest's own; one of the host's stands for it, so that sizes and hang-ups are told by it
    const argv = guest(walk(guestSteps(request)), { terminal: { owner: request.user } });
    return startOnTerminal(openFd("/dev/ptmx", O_RDWR | O_NOCTTY), {
      size,
      // it is run twice: as the door's client here, and in the guest
      env: carried(request.env, { times: 2 }),
      steps: (slave) => [{ do: "take-terminal", fd: slave }, { do: "terminal" }, { do: "run", argv }],
    });
  }
  // The container's root may have put links where its terminals were: they must not lead to files of the host, so the
  // path stays inside and the slave is had from the master.
  const root = `/proc/${request.init}/root`;
  const master = openBelow(root, "dev/pts/ptmx", O_RDWR | O_NOCTTY);
  return startOnTerminal(master, {
    size,
    env: carried(request.env),
    steps: (slave) => [
      ...enterParent(request),
      ...giveTerminal(request, slave, parent),
      { do: "take-terminal", fd: slave },
      ...toChild(request),
      { do: "terminal" },
      ...toCommand(request),
    ],
  });
}

/** Starts what walks the steps, which are given the terminal's slave; the master is the caller's unless that fails. */
function startOnTerminal(
  master: number,
  { size, env, steps }: Pick<OnTerminal, "size"> & {
    env: Record<string, string>;
    steps: (slave: number) => Step[];
  },
): AttachedTerminal {
  let slave: number | undefined;
  try {
    unlockTerminal(master);
    slave = openTerminalPeer(master);
    setWindowSize(master, size);
    beforeStart();
    const argv = walk(steps(slave));
    const child = inheriting(
      [slave, lifeline()],
      () => spawn(argv, { env, clearEnv: true, stdin: "null", stdout: "null", stderr: "null" }),
    );
    return { child, master };
  } catch (error) {
    closeFd(master);
    throw error;
  } finally {
    if (slave !== undefined) closeFd(slave);
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
export function signalAttached(waiting: number, signal: number): void {
  const pids = readChildren(waiting);
  for (const pid of pids.length > 0 ? pids : [waiting]) sendSignal(pid, signal);
}

function readChildren(pid: number): number[] {
  const text = readIfThere(`/proc/${pid}/task/${pid}/children`) ?? "";
  return text.split(/\s+/).filter((word) => word !== "").map(Number);
}
