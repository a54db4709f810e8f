// What the kernel knows of file systems, and what it does to paths as a whole.

import { closeFd, O_CLOEXEC } from "./descriptors.ts";
import { checked, cString, lastErrno, libc, SysError } from "./libc.ts";

/** A file system: its magic number, `bytes` and inodes; `available` is what an ordinary user may still fill. */
export interface FileSystem {
  type: number;
  isReadOnly: boolean;
  bytes: { total: number; free: number; available: number };
  inodes: { total: number; free: number };
}

/** The file system a path is on. @see statfs(2) */
export function fileSystemOf(path: string): FileSystem {
  const ST_RDONLY = 1;
  const words = new BigInt64Array(15); // struct statfs, whose eleventh word is f_flags
  checked(libc.statfs(cString(path), new Uint8Array(words.buffer)), "statfs(2)", `"${path}"`);
  const [type = 0, size = 0, blocks = 0, free = 0, available = 0, files = 0, freeFiles = 0] = [
    ...words.subarray(0, 7),
  ].map(Number);
  return {
    type,
    isReadOnly: (Number(words[10]) & ST_RDONLY) !== 0,
    bytes: { total: blocks * size, free: free * size, available: available * size },
    inodes: { total: files, free: freeFiles },
  };
}

/**
 * Lets two paths of one file system change places, at once; false where the file system cannot.
 *
 * @see renameat2(2), RENAME_EXCHANGE
 */
export function exchangePaths(one: string, other: string): boolean {
  const AT_FDCWD = -100;
  const RENAME_EXCHANGE = 2;
  if (libc.renameat2(AT_FDCWD, cString(one), AT_FDCWD, cString(other), RENAME_EXCHANGE) === 0) return true;
  const errno = lastErrno();
  if (errno === "EINVAL" || errno === "ENOSYS") return false;
  throw new SysError("renameat2(2)", errno, `"${one}" and "${other}"`);
}

/** Whether a file can be read past the kernel's memory of it; open(2), `O_DIRECT`. It must be there, and may be read. */
export function bypassesCache(path: string): boolean {
  const O_DIRECT = Deno.build.arch === "aarch64" ? 0o200000 : 0o40000;
  const fd = libc.open(cString(path), O_DIRECT | O_CLOEXEC, 0);
  if (fd >= 0) closeFd(fd);
  else if (lastErrno() !== "EINVAL") throw new SysError("open(2)", lastErrno(), `"${path}"`);
  return fd >= 0;
}
