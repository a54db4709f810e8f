// Running a command inside a container that runs: nsenter(1) joins all its namespaces in one step, so that no
// half-entered process can be traced from inside.

import type { IdMap } from "../idmap/map.ts";
import { relativeTo, toHost } from "../idmap/map.ts";
import { isSingle } from "../idmap/holder.ts";
import * as libc from "../sys/libc.ts";
import { spawn } from "../sys/run.ts";
import { formatSteps, type Step } from "./steps.ts";
import { walker } from "./walker.pl.ts";

export interface AttachRequest {
  /** host pid of the container's init */
  init: number;
  argv: readonly string[];
  /** the whole environment of the command */
  env: Record<string, string>;
  /** directory inside the container */
  cwd: string;
  user: number;
  group: number;
  map: IdMap;
  /** leaf that the command is put in; absent where there are no cgroups */
  cgroup: string | undefined;
}

export interface AttachedTerminal {
  child: Deno.ChildProcess;
  /** descriptor of the terminal's master; the caller closes it */
  master: number;
}

const nsenter = "/usr/bin/nsenter";

function enterArgs(request: AttachRequest): string[] {
  // setgroups(2) is not to be had in a namespace of one id, whose only user is root anyway
  const identity = isSingle(request.map)
    ? ["--preserve-credentials"]
    : ["-S", String(request.user), "-G", String(request.group)];
  const kinds = ["-U", "-m", "-p", "-n", "-u", "-i", "-C"];
  return [
    nsenter,
    "-t",
    String(request.init),
    ...kinds,
    ...identity,
    `--wdns=${request.cwd}`,
    "--",
    ...request.argv,
  ];
}

/** The shell joins the cgroup first: it, not drey, may be frozen with the container. */
function throughCgroup(cgroup: string | undefined, argv: readonly string[]): string[] {
  if (cgroup === undefined) return [...argv];
  return ["/bin/sh", "-c", 'echo 0 >"$0/cgroup.procs" || exit 125; exec "$@"', cgroup, ...argv];
}

/** Starts a command with pipes for its standard streams. */
export function attach(request: AttachRequest): Deno.ChildProcess {
  libc.joinEmptyKeyring();
  libc.sealDescriptors();
  return spawn(throughCgroup(request.cgroup, enterArgs(request)), {
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
export async function attachTerminal(
  request: AttachRequest,
  { size, parent }: { size: { columns: number; rows: number }; parent: IdMap | undefined },
): Promise<AttachedTerminal> {
  const root = `/proc/${request.init}/root`;
  const master = libc.openFd(`${root}/dev/pts/ptmx`, libc.O_RDWR | libc.O_NOCTTY);
  try {
    const slave = `${root}/dev/pts/${libc.unlockTerminal(master)}`;
    libc.setWindowSize(master, size);
    libc.joinEmptyKeyring();
    libc.sealDescriptors();
    const steps = formatSteps(terminalSteps(request, slave, parent));
    const argv = throughCgroup(request.cgroup, ["/usr/bin/perl", "-e", walker, "-"]);
    const child = spawn(argv, {
      env: request.env,
      clearEnv: true,
      stdin: "piped",
      stdout: "null",
      stderr: "null",
    });
    const writer = child.stdin.getWriter();
    await writer.write(new TextEncoder().encode(steps));
    await writer.close();
    return { child, master };
  } catch (error) {
    libc.closeFd(master);
    throw error;
  }
}

/** The terminal was opened by the user; it must belong to the one inside whose terminal it is. */
function terminalSteps(request: AttachRequest, slave: string, parent: IdMap | undefined): Step[] {
  const identity = isSingle(request.map) ? "kept" : "root";
  const owner = (kind: "uids" | "gids", id: number) => {
    const ranges = parent === undefined ? request.map[kind] : relativeTo(request.map[kind], parent[kind]);
    return toHost(ranges, id) ?? toHost(ranges, 0) ?? 0;
  };
  const tty = 5;
  return [
    ...(parent === undefined
      ? []
      : [{ do: "enter-user", pid: request.init, level: "parent", identity } satisfies Step]),
    ...(isSingle(request.map) ? [] : [
      {
        do: "chown",
        path: slave,
        uid: owner("uids", request.user),
        gid: owner("gids", tty),
      } satisfies Step,
    ]),
    { do: "terminal", path: slave },
    { do: "become", argv: enterArgs(request) },
  ];
}

/** Sends a signal to the command, which is the child of the nsenter that waits for it. */
export function signalAttached(child: Deno.ChildProcess, signal: number): void {
  const pids = readChildren(child.pid);
  for (const pid of pids.length > 0 ? pids : [child.pid]) libc.sendSignal(pid, signal);
}

function readChildren(pid: number): number[] {
  try {
    return Deno.readTextFileSync(`/proc/${pid}/task/${pid}/children`).trim().split(" ").filter((p) =>
      p !== ""
    ).map(Number);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}
