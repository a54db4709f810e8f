// Descriptors: opening, copying, handing on and closing them, pipes, and waiting for what they stand for.

import { checked, cString, lastErrno, libc, onThread } from "./libc.ts";

export const O_RDONLY = 0;
export const O_WRONLY = 1;
export const O_RDWR = 2;
export const O_CREAT = 0o100;
export const O_NOCTTY = 0o400;
export const O_DIRECTORY = 0o200000;
export const O_CLOEXEC = 0o2000000;
export const O_PATH = 0o10000000;

/**
 * Opens a file and returns its descriptor, close-on-exec.
 *
 * @see open(2)
 */
export function openFd(path: string, flags: number): number {
  return checked(libc.open(cString(path), flags | O_CLOEXEC, 0o600), "open(2)", `"${path}"`);
}

/**
 * Opens what is at a path without a link on it, to be looked at.
 *
 * @see openat2(2), RESOLVE_NO_SYMLINKS
 */
export function openPlain(path: string): number {
  const RESOLVE_NO_SYMLINKS = 4n;
  const how = new BigUint64Array([BigInt(O_PATH | O_CLOEXEC), 0n, RESOLVE_NO_SYMLINKS]);
  const opened = libc.openat2(437n, -100, cString(path), new Uint8Array(how.buffer), 24n);
  return checked(opened, "openat2(2)", `"${path}"`);
}

/**
 * Opens a file below a directory that somebody else fills: links and `..` lead no further than that directory, as if
 * it were the root.
 *
 * @see openat2(2), RESOLVE_IN_ROOT
 */
export function openBelow(root: string, path: string, flags: number): number {
  const RESOLVE_NO_MAGICLINKS = 2n;
  const RESOLVE_IN_ROOT = 16n;
  const directory = openFd(root, O_PATH);
  try {
    const how = new BigUint64Array([BigInt(flags | O_CLOEXEC), 0n, RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS]);
    for (let left = 10_000;; left--) {
      const opened = libc.openat2(437n, directory, cString(path), new Uint8Array(how.buffer), 24n);
      // something was renamed or mounted, anywhere on the host, while the kernel went up by a ".." on the way
      const isDisturbed = Number(opened) < 0 && left > 0 && lastErrno() === "EAGAIN";
      if (!isDisturbed) return checked(opened, "openat2(2)", `"${path}" in "${root}"`);
    }
  } finally {
    closeFd(directory);
  }
}

/** Closes a descriptor; one that is closed already is a bug and throws. */
export function closeFd(fd: number): void {
  checked(libc.close(fd), "close(2)", `descriptor ${fd}`);
}

/** A second descriptor of the same open file, close-on-exec. */
export function copyFd(fd: number): number {
  const F_DUPFD_CLOEXEC = 1030;
  return checked(libc.fcntl(fd, F_DUPFD_CLOEXEC, 3), "fcntl(2)", `descriptor ${fd}`);
}

/** Both ends of a pipe, close-on-exec; closed when disposed. */
export interface Pipe extends Disposable {
  readonly readFd: number;
  readonly writeFd: number;
}

/** @see pipe2(2) */
export function openPipe(): Pipe {
  const fds = new Int32Array(2);
  checked(libc.pipe2(new Uint8Array(fds.buffer), O_CLOEXEC), "pipe2(2)", "a pipe");
  const [readFd = -1, writeFd = -1] = fds;
  return {
    readFd,
    writeFd,
    [Symbol.dispose]() {
      closeFd(readFd);
      closeFd(writeFd);
    },
  };
}

let life: Pipe | undefined;

/**
 * A pipe's end on which there is nothing to read for as long as this process lives, and the end of file once it has
 * ended, however it did: for programs to inherit that are of no use then.
 */
export function lifeline(): number {
  return (life ??= openPipe()).readFd;
}

/** A file in memory without a name, close-on-exec; memfd_create(2). */
export function openMemory(name: string): number {
  const MFD_CLOEXEC = 1;
  return checked(libc.memfd_create(cString(name), MFD_CLOEXEC), "memfd_create(2)", name);
}

/** Puts a few bytes into a pipe by its other end; false if it has no room for them. */
export function writeBack(readFd: number, bytes: Uint8Array<ArrayBuffer>): boolean {
  const O_NONBLOCK = 0o4000;
  const fd = openFd(`/proc/self/fd/${readFd}`, O_WRONLY | O_NONBLOCK);
  try {
    const size = libc.write(fd, bytes, BigInt(bytes.length));
    if (Number(size) < 0 && lastErrno() === "EAGAIN") return false;
    // up to PIPE_BUF bytes go in at once or not at all; pipe(7)
    return checked(size, "write(2)", `descriptor ${fd}`) === bytes.length;
  } finally {
    closeFd(fd);
  }
}

/** Writes all of it; false if nobody reads it any more. */
export function writeAll(fd: number, bytes: Uint8Array<ArrayBuffer>): boolean {
  for (let rest = bytes; rest.length > 0;) {
    const size = Number(libc.write(fd, rest, BigInt(rest.length)));
    if (size < 0 && lastErrno() === "EPIPE") return false;
    if (size < 0 && lastErrno() === "EINTR") continue;
    rest = rest.subarray(checked(size, "write(2)", `to descriptor ${fd}`));
  }
  return true;
}

/** Makes a named pipe for the user alone; mkfifo(3). */
export function makePipe(path: string): void {
  checked(libc.mkfifo(cString(path), 0o600), "mkfifo(3)", `"${path}"`);
}

/** Lets the programs that `start` starts inherit these descriptors. */
export function inheriting<T>(fds: readonly number[], start: () => T): T {
  for (const fd of fds) setInherited(fd, true);
  try {
    return start();
  } finally {
    for (const fd of fds) setInherited(fd, false);
  }
}

/** Lets the programs started from now on inherit the descriptor, or not. */
export function setInherited(fd: number, inherited: boolean): void {
  const F_SETFD = 2;
  checked(libc.fcntl(fd, F_SETFD, inherited ? 0 : 1), "fcntl(2)", `descriptor ${fd}`);
}

/**
 * Runs `start` with another file as this process's standard input, so that a program started by it inherits that
 * file. Deno itself has no way to hand a descriptor to a child under a number.
 */
export function withStdin<T>(fd: number, start: () => T): T {
  const saved = copyFd(0);
  try {
    checked(libc.dup2(fd, 0), "dup2(2)", `descriptor ${fd}`);
    return start();
  } finally {
    libc.dup2(saved, 0);
    libc.close(saved);
  }
}

/**
 * Keeps descriptors that drey was itself given, by a shell or a service manager, from the programs it starts.
 *
 * @see close_range(2), CLOSE_RANGE_CLOEXEC
 */
export function sealDescriptors(): void {
  // Linux before 5.11 answers EINVAL; nothing but what the caller left open is at stake there
  libc.syscall(436n, 3n, 0xffffffffn, 4n);
}

/** Reads a short file again from its start. */
export function rereadFd(fd: number): string {
  const buffer = new Uint8Array(4096);
  const size = checked(libc.pread(fd, buffer, 4096n, 0n), "pread(2)", `descriptor ${fd}`);
  return new TextDecoder().decode(buffer.subarray(0, size));
}

/**
 * Lets the kernel copy at most so many bytes, from where one descriptor stands to where another does; answers with how
 * many it were, 0 at the end and less than that where it cannot.
 *
 * @see copy_file_range(2)
 */
export async function copyRange(from: number, to: number, most: number): Promise<number> {
  return Number(await onThread.copy_file_range(from, null, to, null, BigInt(most), 0));
}
