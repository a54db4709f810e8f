// Project quotas of ext4 and XFS: what lies below a directory is charged to a number, which may be given a limit. For
// root of the host alone. ioctl_xfs_fsgetxattr(2), quotactl(2)

import { closeFd, O_RDONLY, openFd } from "./descriptors.ts";
import { checked, lazily } from "./libc.ts";

const libc = lazily({
  ioctl: { parameters: ["i32", "u64", "buffer"], result: "i32" }, // int ioctl(int fd, unsigned long op, void *arg);
  quotactlFd: { name: "syscall", parameters: ["i64", "u64", "u64", "u64", "buffer"], result: "i64" }, // with a struct that the command says
});

const O_DIRECTORY = 0o200000;

function withDirectory<T>(path: string, work: (fd: number) => T): T {
  const fd = openFd(path, O_RDONLY | O_DIRECTORY);
  try {
    return work(fd);
  } finally {
    closeFd(fd);
  }
}

/** Linux 5.14 and later: no need to know what the file system lies on. quotactl_fd(2) */
function quotactl(
  fd: number,
  { command, id }: { command: number; id: number },
  data: Uint8Array<ArrayBuffer>,
) {
  const [quotactl_fd, PRJQUOTA] = [443n, 2];
  const words = [BigInt(fd), BigInt(((command << 8) | PRJQUOTA) >>> 0), BigInt(id)] as const;
  return libc.quotactlFd(quotactl_fd, ...words, data);
}

/** Whether the file system of a directory holds projects to their limits: it must be mounted with `prjquota`. */
export function enforcesProjects(directory: string): boolean {
  const Q_XGETQSTAT = 0x5805;
  const FS_QUOTA_PDQ_ENFD = 1 << 5;
  return withDirectory(directory, (fd) => {
    const state = new Uint8Array(256); // struct fs_quota_stat, whose flags are the second half of the first word
    if (quotactl(fd, { command: Q_XGETQSTAT, id: 0 }, state) !== 0n) return false;
    return (new DataView(state.buffer).getUint16(2, true) & FS_QUOTA_PDQ_ENFD) !== 0;
  });
}

/** What is made below a directory from now on, and the directory itself, is charged to a project. */
export function chargeTo(directory: string, project: number): void {
  const [FS_IOC_FSGETXATTR, FS_IOC_FSSETXATTR] = [0x801c581fn, 0x401c5820n];
  const FS_XFLAG_PROJINHERIT = 0x200;
  withDirectory(directory, (fd) => {
    const attributes = new Uint8Array(28); // struct fsxattr: flags, …, …, project, …
    checked(libc.ioctl(fd, FS_IOC_FSGETXATTR, attributes), "ioctl(2) FS_IOC_FSGETXATTR", `"${directory}"`);
    const words = new DataView(attributes.buffer);
    words.setUint32(0, words.getUint32(0, true) | FS_XFLAG_PROJINHERIT, true);
    words.setUint32(12, project, true);
    checked(libc.ioctl(fd, FS_IOC_FSSETXATTR, attributes), "ioctl(2) FS_IOC_FSSETXATTR", `"${directory}"`);
  });
}

/** Gives a project on the file system of a directory a limit in `bytes`, or none. */
export function limitProject(directory: string, project: number, bytes: number | undefined): void {
  const Q_SETQUOTA = 0x800008;
  const QIF_BLIMITS = 1;
  const KiB = 1024;
  withDirectory(directory, (fd) => {
    const words = new BigUint64Array(9); // struct if_dqblk: hard limit, …, which of it counts
    words[0] = BigInt(bytes === undefined ? 0 : Math.max(1, Math.floor(bytes / KiB)));
    words[8] = BigInt(QIF_BLIMITS);
    const set = quotactl(fd, { command: Q_SETQUOTA, id: project }, new Uint8Array(words.buffer));
    checked(set, "quotactl_fd(2) Q_SETQUOTA", `"${directory}"`);
  });
}
