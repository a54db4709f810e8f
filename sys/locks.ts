// Locks that programs inherit, and that one can ask about without taking them.

import { closeFd, O_CLOEXEC, O_CREAT, O_RDONLY, O_RDWR, openFd } from "./descriptors.ts";
import { callWith, checked, cString, lastErrno, libc, onThread, SysError } from "./libc.ts";

// Locks of open file descriptions, fcntl(2): like those of flock(2) they are inherited and die with their last holder,
// but one can ask about them without taking them.
const F_OFD_GETLK = 36;
const F_OFD_SETLK = 37;
const F_OFD_SETLKW = 38;
const lockTypes = { read: 0, write: 1, none: 2 };

/** A `struct flock` over the whole file. */
function flock(type: keyof typeof lockTypes): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(32);
  new DataView(bytes.buffer).setInt16(0, lockTypes[type], true);
  return bytes;
}

/**
 * Opens (and creates) a lock file and takes its exclusive lock without waiting. The lock belongs to the open
 * file: whoever inherits the descriptor holds it too, and it is free when the last of them is gone.
 *
 * @returns the descriptor, or undefined if somebody holds the lock
 */
export function tryLockFile(path: string): number | undefined {
  const fd = openFd(path, O_RDWR | O_CREAT);
  if (libc.fcntlLock(fd, F_OFD_SETLK, flock("write")) === 0) return fd;
  const errno = lastErrno();
  closeFd(fd);
  if (errno === "EAGAIN" || errno === "EACCES") return undefined;
  throw new SysError("fcntl(2) F_OFD_SETLK", errno, `"${path}"`);
}

/**
 * Whether somebody holds the lock of this file; a missing file is nobody's.
 *
 * @throws {SysError} if that cannot be found out: whoever is taken for ended has his things removed
 */
export function isLocked(path: string): boolean {
  const fd = openToAsk(path);
  if (fd === undefined) return false;
  try {
    return isHeld(fd, path);
  } finally {
    closeFd(fd);
  }
}

/** Waits until nobody holds the lock of this file any more; a missing file is nobody's. */
export async function waitUnlocked(path: string): Promise<void> {
  const fd = openToAsk(path);
  if (fd === undefined) return;
  try {
    // why a call on another thread failed is lost: by a signal, or since the kernel could keep no more locks
    while (await callWith(flock("read"), (asked) => onThread.fcntlLock(fd, F_OFD_SETLKW, asked)) !== 0) {
      if (!isHeld(fd, path)) break;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    // given back before the close: a program that is being started right now still has a copy of the descriptor
    libc.fcntlLock(fd, F_OFD_SETLK, flock("none"));
  } finally {
    closeFd(fd);
  }
}

function openToAsk(path: string): number | undefined {
  const fd = libc.open(cString(path), O_RDONLY | O_CLOEXEC, 0);
  if (fd >= 0) return fd;
  const errno = lastErrno();
  if (errno === "ENOENT" || errno === "ENOTDIR") return undefined;
  throw new SysError("open(2)", errno, `"${path}"`);
}

function isHeld(fd: number, path: string): boolean {
  const asked = flock("read");
  checked(libc.fcntlLock(fd, F_OFD_GETLK, asked), "fcntl(2) F_OFD_GETLK", `"${path}"`);
  return new DataView(asked.buffer).getInt16(0, true) !== lockTypes.none;
}
