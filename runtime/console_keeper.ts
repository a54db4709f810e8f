// The process that keeps what a container's console prints: a small shell that holds the terminal's master, from the
// container's start to its end.

import { join } from "@std/path";
import { closeFd, inheriting, O_RDWR, openFd } from "../sys/descriptors.ts";
import { copyFdFrom, sendSignal, signals } from "../sys/processes.ts";
import { openTerminalPeer } from "../sys/terminals.ts";
import { readIfThere } from "../sys/present.ts";
import { exitOf, startProgram } from "../sys/posix_spawn.ts";
import { fullPath } from "../sys/run.ts";
import { consoleFd } from "./container_plan.ts";
import { runFiles } from "./run_files.ts";

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

export interface ConsoleRequest {
  /** the instance's run directory */
  directory: string;
  supervisors: string | undefined;
  consoleLog: string;
}

/** Starts the process that keeps what the container's console prints. */
export function startConsole(pid: number, { directory, consoleLog, supervisors }: ConsoleRequest): void {
  const script = join(directory, "console");
  Deno.writeTextFileSync(script, consoleScript);
  // In the container's user namespace, whose owner may take a copy of its descriptors to attach; the Yama module
  // keeps a user from doing that to his other processes. Its other namespaces are the host's: nobody inside sees it.
  const enter = ["nsenter", "-t", String(pid), "-U", "--preserve-credentials", "--"];
  const files = [join(directory, runFiles.console), consoleLog, supervisors ?? ""];
  const fds: number[] = [];
  const held = (fd: number) => {
    fds.push(fd);
    return fd;
  };
  try {
    const master = held(copyFdFrom(pid, consoleFd));
    const nothing = held(openFd("/dev/null", O_RDWR));
    // the slave stays open with the logger, or the first close inside the container would end the console
    const slave = held(openTerminalPeer(master));
    const setsid = inheriting(
      [slave],
      () =>
        startProgram(["setsid", "--fork", ...enter, "sh", script, ...files], {
          stdio: [master, nothing, nothing],
          env: { PATH: fullPath() },
        }),
    );
    void exitOf(setsid); // which forks and ends
  } finally {
    for (const fd of fds) closeFd(fd);
  }
}

/** Ends the console's log keeper, also one that is still to begin. */
export async function stopConsole(directory: string): Promise<void> {
  const path = join(directory, runFiles.console);
  if (createFile(path)) return;
  const pid = Number(await readWritten(path));
  // it may have ended long ago, with the host even, and its pid be another's
  const argv = pid > 0 ? (readIfThere(`/proc/${pid}/cmdline`) ?? "").split("\0") : [];
  if (argv.includes(join(directory, "console"))) sendSignal(pid, signals.KILL);
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
  for (let tries = 0; tries < 20 && (readIfThere(path) ?? "") === ""; tries++) {
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  return readIfThere(path) ?? "";
}
