// Attaching to the console of a running container. Its terminal's master is in the hands of the log keeper
// (console_keeper.ts); a relay takes its place for as long as somebody is attached.

import { join } from "@std/path";
import { DreyError } from "../errors.ts";
import { closeFd, inheriting, sealDescriptors } from "../sys/descriptors.ts";
import { isLocked, tryLockFile } from "../sys/locks.ts";
import { copyFdFrom } from "../sys/processes.ts";
import { readIfThere } from "../sys/present.ts";
import { setWindowSize } from "../sys/terminals.ts";
import { fullPath, spawn } from "../sys/run.ts";
import { consoleRelay } from "./console_relay.pl.ts";
import { runFiles } from "./run_files.ts";
import { consoleLogLimit } from "./console_keeper.ts";

export interface AttachedConsole extends AsyncDisposable {
  /** what the console prints; ends with the container or the attachment */
  readonly output: ReadableStream<Uint8Array>;
  write(bytes: Uint8Array): Promise<void>;
  resize(size: { columns: number; rows: number }): void;
}

/** Whether somebody is attached to the console of this run directory. */
export function isAttached(directory: string): boolean {
  return isLocked(join(directory, runFiles.consoleLock));
}

/** The error for a second attachment. */
export function alreadyAttached(): DreyError {
  return new DreyError("INSTANCE_STATE", {
    message: "Somebody is attached to the console already",
    hint: "One at a time can be: wait, or take a shell with drey exec",
  });
}

const justEnded = () =>
  new DreyError("INSTANCE_STATE", { message: "Cannot attach to the console: the instance has just ended" });

/**
 * Attaches to the console of the container with this run directory.
 *
 * @throws {DreyError} `INSTANCE_STATE` if somebody else is attached, or the container has just ended
 */
export function attachConsole(directory: string, log: string): AttachedConsole {
  const lock = tryLockFile(join(directory, runFiles.consoleLock));
  if (lock === undefined) throw alreadyAttached();
  let master: number | undefined;
  try {
    const keeper = Number(readIfThere(join(directory, runFiles.console)) ?? "");
    if (keeper === 0) throw justEnded();
    const fd = master = copyMaster(keeper);
    const child = startRelay(keeper, { master: fd, log });
    const writer = child.stdin.getWriter();
    let isOpen = true;
    return {
      output: child.stdout,
      async write(bytes) {
        await writer.write(bytes).catch(ignoreBrokenPipe);
      },
      resize(size) {
        if (isOpen) setWindowSize(fd, size);
      },
      async [Symbol.asyncDispose]() {
        isOpen = false;
        await writer.close().catch(ignoreBrokenPipe);
        await child.status;
        closeFd(fd);
        closeFd(lock);
      },
    };
  } catch (error) {
    if (master !== undefined) closeFd(master);
    closeFd(lock);
    throw error;
  }
}

function copyMaster(keeper: number): number {
  try {
    return copyFdFrom(keeper, 0);
  } catch (error) {
    throw new DreyError("KERNEL_REFUSED", {
      message: `Cannot take over the console: ${error instanceof Error ? error.message : error}`,
      hint:
        "Where kernel.yama.ptrace_scope is above 0, only root may attach: see drey console --show-log, drey exec",
      cause: error,
    });
  }
}

function startRelay(keeper: number, { master, log }: { master: number; log: string }): Deno.ChildProcess {
  sealDescriptors();
  const argv = ["setsid", "/usr/bin/perl", "-e", consoleRelay, ...[keeper, master].map(String), log];
  // a session of its own: Ctrl-C on the terminal of drey is not for it
  return inheriting([master], () =>
    spawn([...argv, String(consoleLogLimit)], {
      env: { PATH: fullPath() },
      clearEnv: true,
      stdin: "piped",
      stdout: "piped",
      stderr: "null",
    }));
}

function ignoreBrokenPipe(error: unknown): void {
  // the relay ends with the container
  if (!(error instanceof Deno.errors.BrokenPipe) && !(error instanceof TypeError)) throw error;
}
