// Other processes, by pid and by descriptor, and what this one may do to itself.

import { closeFd } from "./descriptors.ts";
import { isReadable } from "./poll.ts";
import { checked, cString, lastErrno, libc, SysError, vector } from "./libc.ts";
import { readIfThere } from "./present.ts";

export const signals = {
  HUP: 1,
  INT: 2,
  KILL: 9,
  USR2: 12,
  TERM: 15,
  CHLD: 17,
  PWR: 30,
  RTMIN_3: 37,
} as const;

/**
 * Sends a signal to a process, or to a process group when `pid` is negative.
 *
 * @returns false if there is no such process
 * @see kill(2)
 */
export function sendSignal(pid: number, signal: number): boolean {
  if (libc.kill(pid, signal) === 0) return true;
  const errno = lastErrno();
  if (errno === "ESRCH") return false;
  throw new SysError("kill(2)", errno, `process ${pid}`);
}

let isHeard = false;

/**
 * Has the kernel tell how the programs that are started end. Who started drey may have ignored that, and execve(2) keeps
 * ignored signals ignored: waitpid(2) would know of no child, and a shell neither.
 *
 * @see sigaction(2), SIGCHLD in wait(2)
 */
export function hearOfChildren(): void {
  if (isHeard) return;
  isHeard = true;
  // struct sigaction begins with the handler, which is SIG_IGN if it is 1; no libc has one of more bytes
  const action = new BigUint64Array(32);
  checked(libc.sigaction(signals.CHLD, null, new Uint8Array(action.buffer)), "sigaction(2)", "of SIGCHLD");
  if (action[0] === 1n) libc.signal(signals.CHLD, null);
}

const syscallNumbers = { pidfd_open: 434, pidfd_getfd: 438, pidfd_send_signal: 424 } as const;

/** A descriptor of a process that stays true when its pid is given to another; undefined if it is gone. */
export function openPidfd(pid: number): number | undefined {
  const fd = Number(libc.syscall(BigInt(syscallNumbers.pidfd_open), BigInt(pid), 0n, 0n));
  if (fd >= 0) return fd;
  const errno = lastErrno();
  // Linux 6.1 says EINVAL of a process that is just being reaped
  if (errno === "ESRCH" || errno === "EINVAL") return undefined;
  throw new SysError("pidfd_open(2)", errno, `process ${pid}`);
}

/** A copy of another process's descriptor, close-on-exec. Needs the right to trace that process. */
export function copyFdFrom(pid: number, fd: number): number {
  const pidfd = openPidfd(pid);
  if (pidfd === undefined) throw new SysError("pidfd_open(2)", "ESRCH", `process ${pid}`);
  try {
    const copy = libc.syscall(BigInt(syscallNumbers.pidfd_getfd), BigInt(pidfd), BigInt(fd), 0n);
    return checked(copy, "pidfd_getfd(2)", `descriptor ${fd} of process ${pid}`);
  } finally {
    closeFd(pidfd);
  }
}

/**
 * Waits until the process of a pidfd has ended.
 *
 * @param milliseconds how long; -1 for ever
 * @returns whether it has ended
 */
export async function waitPidfd(pidfd: number, milliseconds: number): Promise<boolean> {
  return await isReadable(pidfd, milliseconds);
}

/**
 * Puts this process into a session keyring of its own, so that what it starts cannot reach the caller's keys.
 *
 * @see keyctl(2), KEYCTL_JOIN_SESSION_KEYRING
 */
export function joinEmptyKeyring(): void {
  const keyctl = Deno.build.arch === "x86_64" ? 250n : 219n;
  // a kernel without keyrings answers ENOSYS, and then there is nothing to reach
  libc.syscall(keyctl, 1n, 0n, 0n);
}

/**
 * Becomes another program: pid, environment and the descriptors that are not close-on-exec stay.
 *
 * @throws {SysError} if the kernel refuses
 * @see execve(2)
 */
export function replaceProgram(argv: readonly string[]): void {
  const words = vector(argv);
  checked(libc.execv(cString(argv[0] ?? ""), words), "execv(3)", `"${argv[0]}"`);
}

/** Groups of this process, its own and the supplementary ones. */
export function ownGroups(): number[] {
  const line = /^Groups:\s*(.*)$/m.exec(readIfThere("/proc/self/status") ?? "")?.[1] ?? "";
  return [Deno.gid() ?? 0, ...line.split(" ").filter((word) => word !== "").map(Number)];
}
