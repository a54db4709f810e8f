// The process that outlives the command: a few lines of sh per running container that wait for its end. Whoever
// holds the run directory's lock file is alive; the supervisor inherits that lock from the starter, so "is it
// running" is a question to the kernel and not to a record.

import { join } from "@std/path";
import { DreyError } from "../errors.ts";
import { isLocked, openPidfd, signals, tryLockFile } from "../sys/libc.ts";
import * as libc from "../sys/libc.ts";
import { fullPath, spawn } from "../sys/run.ts";
import { consoleFd, type ContainerPlan } from "./container_plan.ts";
import { planFiles } from "./namespaces.ts";
import { runFiles } from "./run_files.ts";

// $1 run directory, $2 cgroup of supervisors or "", the rest: the clean-up command.
// The shell gives a background command /dev/null, hence the detour over descriptor 3; it keeps neither pipe.
// The kernel waits for all processors when a process moves to another cgroup; the walker begins meanwhile.
// A trapped signal makes wait return early, hence its loop.
const supervisorScript = `dir=$1 cgroup=$2; shift 2
trap '' HUP INT TERM
exec 3<&0 4>&1 </dev/null >/dev/null 2>"$dir/${runFiles.log}"
perl "$dir/walker.pl" "$dir/outer" <&3 >&4 3<&- 4>&- &
p=$!
exec 3<&- 4>&-
[ -z "$cgroup" ] || for pid in 0 $p; do echo $pid; done >"$cgroup/cgroup.procs"
while wait $p; rc=$?; kill -0 $p 2>/dev/null; do :; done
echo $rc >"$dir/${runFiles.exit}"
[ -e "$dir/${runFiles.stopping}" ] || exec "$@" 2>>"$dir/${runFiles.log}"
`;

/** `bytes` at which the console's log turns over */
export const consoleLogLimit = 131_072;

// $1 file for its pid, $2 log file, $3 cgroup of supervisors or "". Builtins only, so that one small process is enough.
// The log turns over at 128 KiB: never less than that is kept, once there was so much, and never more than twice.
// A pid file that is there already is a clean-up's: drey was killed and the container ended before this began. A line
// that does not end would fill the host's memory: with the limit it ends the logging, and nothing else.
const consoleScript = `trap '' HUP INT TERM
set -C; echo $$ >"$1" || exit; set +C; shift
ulimit -d 4096
[ -z "$2" ] || echo 0 >"$2/cgroup.procs"
log=$1 size=0
exec >>"$log"
while IFS= read -r line || [ -n "$line" ]; do
  printf '%s\\n' "$line"
  size=$((size + \${#line} + 1))
  if [ $size -ge ${consoleLogLimit} ]; then
    mv "$log" "$log.1"
    exec >>"$log"
    size=0
  fi
done
`;

/**
 * Makes the run directory of an instance, its lock held by this process.
 *
 * @returns the lock's descriptor
 * @throws {DreyError} `INSTANCE_STATE` if the instance is running
 */
export function claimRunDirectory(directory: string): number {
  Deno.mkdirSync(directory, { recursive: true, mode: 0o700 });
  const lock = tryLockFile(join(directory, runFiles.lock));
  if (lock === undefined) {
    throw new DreyError("INSTANCE_STATE", { message: "The instance is already running" });
  }
  return lock;
}

/** Whether anybody (starter, supervisor, clean-up) is busy with the instance of this run directory. */
export function isAlive(directory: string): boolean {
  return isLocked(join(directory, runFiles.lock));
}

export interface StartRequest {
  /** the instance's run directory, claimed */
  directory: string;
  /** descriptor of its lock */
  lock: number;
  plan: ContainerPlan;
  supervisors: string | undefined;
  consoleLog: string;
  /** argv of the clean-up after the end */
  reap: readonly string[];
  /** called between the container's birth and its first instruction: limits, network */
  onReady?(pid: number): Promise<void> | void;
}

/**
 * Starts a container and leaves it to its supervisor.
 *
 * @returns host pid of its init
 * @throws {DreyError} `KERNEL_REFUSED` with what the first stage said
 */
export async function startContainer(request: StartRequest): Promise<number> {
  const { directory, lock, plan } = request;
  const inner = join(directory, "inner");
  const walkerFile = join(directory, runFiles.walker);
  const files = planFiles(plan, { inner, walker: walkerFile });
  // the container's root reads these two through descriptors, so they are open to all below a closed directory
  const script = join(directory, "supervisor");
  const texts = {
    [inner]: files.inner,
    [walkerFile]: files.walker,
    [join(directory, "outer")]: files.outer,
    [script]: supervisorScript,
  };
  for (const [path, text] of Object.entries(texts)) Deno.writeTextFileSync(path, text, { mode: 0o644 });
  Deno.writeTextFileSync(join(directory, runFiles.plan), JSON.stringify(plan, null, 2));
  const child = libc.inheriting(
    [lock],
    () =>
      spawn(["setsid", "sh", script, directory, request.supervisors ?? "", ...request.reap], {
        stdin: "piped",
        stdout: "piped",
        stderr: "null",
        env: cleanEnvironment(),
        clearEnv: true,
      }),
  );
  child.unref();
  const pid = await readReady(child, directory);
  Deno.writeTextFileSync(join(directory, runFiles.init), String(pid));
  await request.onReady?.(pid);
  startConsole(pid, request);
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode("go\n"));
  await writer.close();
  await awaitExec(child, directory);
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

async function readReady(child: Deno.ChildProcess, directory: string): Promise<number> {
  const reader = child.stdout.getReader();
  const { value } = await reader.read();
  reader.releaseLock();
  const pid = /^ready (\d+)$/m.exec(new TextDecoder().decode(value))?.[1];
  if (pid === undefined) throw startFailed(directory);
  return Number(pid);
}

/** The pipe closes when the first stage becomes init; a word on it, or its end with a log, would be a failure. */
async function awaitExec(child: Deno.ChildProcess, directory: string): Promise<void> {
  await child.stdout.cancel();
  // a first stage that fails now is seen by the supervisor like any other end
  if (!isAlive(directory)) throw startFailed(directory);
}

function startFailed(directory: string): DreyError {
  const said = readText(join(directory, runFiles.log)).trim().split("\n")[0] ?? "";
  return new DreyError("KERNEL_REFUSED", {
    message: said === "" ? "The container ended before its init ran" : `Cannot build the container: ${said}`,
    hint: "Run drey doctor to see what this host allows",
  });
}

/** Starts the process that keeps what the container's console prints. */
function startConsole(pid: number, { directory, consoleLog, supervisors }: StartRequest): void {
  const script = join(directory, "console");
  Deno.writeTextFileSync(script, consoleScript);
  // In the container's user namespace, whose owner may take a copy of its descriptors to attach; the Yama module
  // keeps a user from doing that to his other processes. Its other namespaces are the host's: nobody inside sees it.
  const enter = ["nsenter", "-t", String(pid), "-U", "--preserve-credentials", "--"];
  const master = libc.copyFdFrom(pid, consoleFd);
  const slave = libc.openTerminalPeer(master);
  try {
    // the slave stays open with the logger, or the first close inside the container would end the console
    const child = libc.inheriting(
      [slave],
      () =>
        libc.withStdin(
          master,
          () =>
            spawn(
              [
                "setsid",
                ...enter,
                "sh",
                script,
                join(directory, runFiles.console),
                consoleLog,
                supervisors ?? "",
              ],
              {
                stdin: "inherit",
                stdout: "null",
                stderr: "null",
                env: { PATH: fullPath() },
                clearEnv: true,
              },
            ),
        ),
    );
    child.unref();
  } finally {
    libc.closeFd(master);
    libc.closeFd(slave);
  }
}

/** Host pid of a running container's init. */
export function initPid(directory: string): number | undefined {
  const pid = Number(readText(join(directory, runFiles.init)));
  return pid > 0 ? pid : undefined;
}

/** Waits until nobody holds the lock of a run directory any more. */
export async function waitUnlocked(directory: string): Promise<void> {
  await libc.waitUnlocked(join(directory, runFiles.lock));
}

/** The recorded end of init, if there is one. */
export function exitStatus(directory: string): number | undefined {
  const text = readText(join(directory, runFiles.exit)).trim();
  return text === "" ? undefined : Number(text);
}

/** From now on the caller sees to the clean-up, and the supervisor just ends. */
export function takeOver(directory: string): void {
  Deno.writeTextFileSync(join(directory, runFiles.stopping), "");
}

/** Gives the clean-up back to the supervisor. */
export function handBack(directory: string): void {
  removeFile(join(directory, runFiles.stopping));
}

/**
 * Waits for the end of a container's init.
 *
 * @returns false if it has not ended after `milliseconds`
 */
export async function waitForEnd(pid: number, milliseconds: number): Promise<boolean> {
  const pidfd = openPidfd(pid);
  if (pidfd === undefined) return true;
  try {
    return await libc.waitPidfd(pidfd, milliseconds);
  } finally {
    libc.closeFd(pidfd);
  }
}

/** Ends the console's log keeper, also one that is still to begin. */
export async function stopConsole(directory: string): Promise<void> {
  const path = join(directory, runFiles.console);
  if (createFile(path)) return;
  const pid = Number(await readWritten(path));
  // it may have ended long ago, with the host even, and its pid be another's
  const argv = pid > 0 ? readText(`/proc/${pid}/cmdline`).split("\0") : [];
  if (argv.includes(join(directory, "console"))) libc.sendSignal(pid, signals.KILL);
}

/** Makes an empty file; false if there is one. */
function createFile(path: string): boolean {
  try {
    Deno.openSync(path, { write: true, createNew: true }).close();
    return true;
  } catch (error) {
    if (!(error instanceof Deno.errors.AlreadyExists)) throw error;
    return false;
  }
}

/** Reads a file that its maker is about to write; one that was killed just then never does. */
async function readWritten(path: string): Promise<string> {
  for (let tries = 0; tries < 20 && readText(path) === ""; tries++) {
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  return readText(path);
}

function readText(path: string): string {
  try {
    return Deno.readTextFileSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return "";
    throw error;
  }
}

function removeFile(path: string): void {
  try {
    Deno.removeSync(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}
