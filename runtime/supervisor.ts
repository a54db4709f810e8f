// The process that outlives the command: a few lines of sh per running container that wait for its end, holding the lock
// of its run directory (run_state.ts).

import { join } from "@std/path";
import { DreyError } from "../errors.ts";
import { closeFd, inheriting } from "../sys/descriptors.ts";
import { errnoName } from "../sys/libc.ts";
import { readToEnd } from "../sys/poll.ts";
import { copyFdFrom } from "../sys/processes.ts";
import { signalOnArrival } from "../sys/unix_sockets.ts";
import { exitOf, type PipedProgram, startPiped } from "../sys/posix_spawn.ts";
import { readIfThere } from "../sys/present.ts";
import { fullPath } from "../sys/run.ts";
import { startConsole } from "./console_keeper.ts";
import type { ContainerPlan } from "./container_plan.ts";
import { guestStarter } from "./guest_socket.ts";
import { runFiles } from "./run_files.ts";
import { isAlive } from "./run_state.ts";
import { planFiles } from "./start_files.ts";

// $1 run directory, $2 cgroup of supervisors or "", $3 and $4 project and name, $5 descriptor of the run directory's lock,
// $6 that of the guest's socket or "", the rest: drey.
// It first says its pid: setsid(1) has started it and is gone, so that nobody needs to wait for it. It and the walker
// begin while drey still plans, which takes as long as they do; a byte says that the files to walk by are there.
// The shell gives a background command /dev/null, hence the detour over descriptor 3; it keeps neither pipe.
// The kernel waits for all processors when a process moves to another cgroup; the walker begins meanwhile.
// A trapped signal makes wait return early, hence its loop.
// SIGIO says that somebody has connected to the guest's socket: a drey answers, for as long as there is something to
// answer. Meanwhile the signal is ignored, since dash would trap it again between two commands and forget the status of
// the first; whoever comes then is heard by the drey that has been found or started. It must not hold the lock, which
// says that the container lives, and a shell cannot close a descriptor above 9.
const supervisorScript = `echo "supervisor $$"
dir=$1 cgroup=$2 project=$3 name=$4 lock=$5 socket=$6; shift 6
trap '' HUP INT TERM
hear() {
  trap '' IO
  [ -e "$dir/${runFiles.guest}" ] && kill -0 "$g" 2>/dev/null || {
    : >"$dir/${runFiles.guest}"
    perl "$dir/guest.pl" $lock "$dir/${runFiles.guest}" "$@" guest "$project" "$name" "$socket" &
    g=$!
  }
  trap 'hear "$@"' IO
}
trap 'hear "$@"' IO
exec 3<&0 4>&1 </dev/null >/dev/null 2>"$dir/${runFiles.log}"
perl -e 'sysread STDIN, my $x, 1 or exit 125; do shift; die $@ if $@' "$dir/${runFiles.walker}" "$dir/outer" <&3 >&4 3<&- 4>&- &
p=$!
exec 3<&- 4>&-
[ -z "$cgroup" ] || for pid in 0 $p; do echo $pid; done >"$cgroup/cgroup.procs"
while wait $p; rc=$?; kill -0 $p 2>/dev/null; do :; done
trap '' IO
echo $rc >"$dir/${runFiles.exit}"
[ -e "$dir/${runFiles.stopping}" ] || exec "$@" reap "$project" "$name" 2>>"$dir/${runFiles.log}"
`;

/** Whom a supervisor looks after. */
export interface SupervisorRequest {
  /** the instance's run directory, claimed */
  directory: string;
  /** descriptor of its lock */
  lock: number;
  /** descriptor of the socket by which the container learns of itself */
  guestSocket: number;
  supervisors: string | undefined;
  /** whose container it is */
  instance: { project: string; name: string };
  /** argv of drey, for the clean-up after the end and for what the container asks */
  program: readonly string[];
}

/** A supervisor whose walker waits to be told what to walk by; it ends if that is disposed before. */
export interface Supervisor extends Disposable {
  readonly request: SupervisorRequest;
  readonly child: PipedProgram;
  /** settled when nobody has to wait for the program that started it any more */
  readonly begun: Promise<unknown>;
}

/** Starts a supervisor, which from now on holds the lock too. */
export function beginSupervisor(request: SupervisorRequest): Supervisor {
  const { directory, lock, guestSocket, supervisors = "", instance: { project, name } } = request;
  const script = join(directory, "supervisor");
  Deno.writeTextFileSync(script, supervisorScript, { mode: 0o644 });
  const words = [directory, supervisors, project, name, String(lock), String(guestSocket)];
  const child = inheriting(
    [lock, guestSocket],
    () => startPiped(["setsid", "--fork", "sh", script, ...words, ...request.program], cleanEnvironment()),
  );
  return { request, child, begun: exitOf(child.pid), [Symbol.dispose]: () => child[Symbol.dispose]() };
}

export interface StartRequest {
  plan: ContainerPlan;
  consoleLog: string;
  /** called between the container's birth and its first instruction: limits, network */
  onReady?(pid: number): Promise<void> | void;
}

/**
 * Starts a container and leaves it to its supervisor.
 *
 * @returns host pid of its init
 * @throws {DreyError} `KERNEL_REFUSED` with what the first stage said
 */
export async function startContainer(supervisor: Supervisor, start: StartRequest): Promise<number> {
  const { child, request: { directory, supervisors } } = supervisor;
  const { plan, consoleLog } = start;
  const inner = join(directory, "inner");
  const innerWalker = join(directory, runFiles.innerWalker);
  const init = join(directory, runFiles.init);
  const files = planFiles(plan, { inner, walker: innerWalker, init });
  // the container's root reads two of these through descriptors, so they are open to all below a closed directory
  const texts = {
    [init]: "",
    [inner]: files.inner,
    [innerWalker]: files.innerWalker,
    [join(directory, "outer")]: files.outer,
    [join(directory, runFiles.walker)]: files.outerWalker,
  };
  for (const [path, text] of Object.entries(texts)) Deno.writeTextFileSync(path, text, { mode: 0o644 });
  tell(supervisor, "w");
  // beside the walker, which takes longer
  Deno.writeTextFileSync(join(directory, "guest.pl"), guestStarter, { mode: 0o644 });
  Deno.writeTextFileSync(join(directory, runFiles.plan), JSON.stringify(plan, null, 2));
  // the shell has set its trap long before the container is ready
  const { pid, shell, report } = await readReady(child, directory);
  if (plan.guestSocket !== undefined) signalOnArrival(plan.guestSocket, shell);
  await start.onReady?.(pid);
  startConsole(pid, { directory, supervisors, consoleLog });
  const told = copyFdFrom(pid, report);
  try {
    tell(supervisor, "go\n");
    const [said] = await Promise.all([readToEnd(told), supervisor.begun]);
    mustHaveBegun(said, directory);
  } finally {
    closeFd(told);
  }
  return pid;
}

/** What drey's own long-lived processes know of the caller's environment: where drey's files are, no more. */
function cleanEnvironment(): Record<string, string> {
  const kept = [
    "HOME",
    "USER",
    "DREY_DIR",
    "DREY_CONF",
    "DENO_DIR",
    "XDG_DATA_HOME",
    "XDG_RUNTIME_DIR",
    "XDG_CONFIG_HOME",
  ];
  const env: Record<string, string> = { PATH: fullPath() };
  for (const name of kept) {
    const value = Deno.env.get(name);
    if (value !== undefined) env[name] = value;
  }
  return env;
}

/** Waits for the words of the supervisor and of the first stage: their host pids, and where the latter reports. */
async function readReady(
  { output }: PipedProgram,
  directory: string,
): Promise<{ pid: number; shell: number; report: number }> {
  let said = "";
  const bytes = new Uint8Array(4096);
  for (let size = await output.read(bytes); size !== null; size = await output.read(bytes)) {
    said += new TextDecoder().decode(bytes.subarray(0, size));
    const found = /^supervisor (\d+)\nready (\d+) (\d+)\n/.exec(said);
    if (found !== null) return { pid: Number(found[2]), shell: Number(found[1]), report: Number(found[3]) };
  }
  throw startFailed(directory);
}

/** Tells the first stage to go on. */
function tell({ child, request: { directory } }: Supervisor, word: string): void {
  try {
    child.input.writeSync(new TextEncoder().encode(word));
  } catch (error) {
    if (error instanceof Deno.errors.BrokenPipe) throw startFailed(directory);
    throw error;
  }
}

/** The report of a first stage ends as it becomes the program, or says what has failed. */
function mustHaveBegun(report: string, directory: string): void {
  if (report === "inside\n" && isAlive(directory)) return;
  const [, errno, call] = /^inside\n(\d+) ([^]+)$/.exec(report) ?? [];
  if (errno === undefined || call === undefined) throw startFailed(directory);
  const name = errnoName(Number(errno));
  throw new DreyError("KERNEL_REFUSED", {
    message: `The instance cannot run its first program: ${call}: ${name}`,
    ...hints[name] !== undefined && { hint: hints[name] },
  });
}

const hints: Record<string, string> = {
  E2BIG: "A variable of its environment, or a word of its command, may be as long as 128 KiB",
  ENOENT: "It is missing in the instance, or what runs it is: its interpreter, its dynamic linker",
  EACCES: "It must be a file that may be executed: its mode must allow it",
  ENOEXEC: "It is a program for another architecture",
};

function startFailed(directory: string): DreyError {
  const said = (readIfThere(join(directory, runFiles.log)) ?? "").trim().split("\n")[0] ?? "";
  const [, link] = /"([^"]+)" of the instance is a link/.exec(said) ?? [];
  return new DreyError("KERNEL_REFUSED", {
    message: said === "" ? "The container ended before its init ran" : `Cannot build the container: ${said}`,
    hint: link === undefined
      ? "Run drey doctor to see what this host allows"
      : `Remove the link, so that a directory is made in its place: drey file delete INSTANCE${link}`,
  });
}
