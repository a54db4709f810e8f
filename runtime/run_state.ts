// What a run directory tells of an instance. Whoever holds the lock file in it is alive; the supervisor inherits that lock
// from the starter, so "is it running" is a question to the kernel and not to a record.

import { join } from "@std/path";
import { DreyError } from "../errors.ts";
import { closeFd } from "../sys/descriptors.ts";
import * as locks from "../sys/locks.ts";
import { readIfThere, removeIfThere } from "../sys/present.ts";
import { openPidfd, waitPidfd } from "../sys/processes.ts";
import { runFiles } from "./run_files.ts";

/**
 * Makes the run directory of an instance, its lock held by this process.
 *
 * @returns the lock's descriptor
 * @throws {DreyError} `INSTANCE_STATE` if the instance is running
 */
export function claimRunDirectory(directory: string): number {
  Deno.mkdirSync(directory, { recursive: true, mode: 0o700 });
  const lock = locks.tryLockFile(join(directory, runFiles.lock));
  if (lock === undefined) {
    throw new DreyError("INSTANCE_STATE", { message: "The instance is already running" });
  }
  return lock;
}

/** Whether anybody (starter, supervisor, clean-up) is busy with the instance of this run directory. */
export function isAlive(directory: string): boolean {
  return locks.isLocked(join(directory, runFiles.lock));
}

/** Host pid of a running container's init; undefined until nothing of the host can be reached through it. */
export function initPid(directory: string): number | undefined {
  const pid = Number(readIfThere(join(directory, runFiles.init)) ?? "");
  return pid > 0 ? pid : undefined;
}

/** Waits until nobody holds the lock of a run directory any more. */
export async function waitUnlocked(directory: string): Promise<void> {
  await locks.waitUnlocked(join(directory, runFiles.lock));
}

/** The recorded end of init, if there is one. */
export function exitStatus(directory: string): number | undefined {
  const text = (readIfThere(join(directory, runFiles.exit)) ?? "").trim();
  return text === "" ? undefined : Number(text);
}

/** From now on the caller sees to the clean-up, and the supervisor just ends. */
export function takeOver(directory: string): void {
  Deno.writeTextFileSync(join(directory, runFiles.stopping), "");
}

/** Gives the clean-up back to the supervisor. */
export function handBack(directory: string): void {
  removeIfThere(join(directory, runFiles.stopping));
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
    return await waitPidfd(pidfd, milliseconds);
  } finally {
    closeFd(pidfd);
  }
}
