// libc through FFI: the calls that have no command of their own. Everything is synchronous, since errno of a
// call that ran on another thread is lost.

import { DreyError } from "../errors.ts";

const symbols = {
  __errno_location: { parameters: [], result: "pointer" }, // int *__errno_location(void);
  close: { parameters: ["i32"], result: "i32" }, // int close(int fd);
  dup: { parameters: ["i32"], result: "i32" }, // int dup(int fd);
  dup2: { parameters: ["i32", "i32"], result: "i32" }, // int dup2(int fd, int newfd);
  execv: { parameters: ["buffer", "buffer"], result: "i32" }, // int execv(const char *path, char *const argv[]);
  fcntl: { parameters: ["i32", "i32", "i32"], result: "i32" }, // int fcntl(int fd, int cmd, int arg);
  fcntlLock: { name: "fcntl", parameters: ["i32", "i32", "buffer"], result: "i32" }, // with a struct flock *
  getsockopt: { parameters: ["i32", "i32", "i32", "buffer", "buffer"], result: "i32" }, // int getsockopt(int fd, int level, int name, void *value, socklen_t *size);
  ioctl: { parameters: ["i32", "u64", "buffer"], result: "i32" }, // int ioctl(int fd, unsigned long op, void *arg);
  kill: { parameters: ["i32", "i32"], result: "i32" }, // int kill(pid_t pid, int sig);
  mkfifo: { parameters: ["buffer", "u32"], result: "i32" }, // int mkfifo(const char *path, mode_t mode);
  open: { parameters: ["buffer", "i32", "u32"], result: "i32" }, // int open(const char *path, int flags, mode_t mode);
  openat2: { name: "syscall", parameters: ["i64", "i32", "buffer", "buffer", "u64"], result: "i64" }, // with a struct open_how *
  pread: { parameters: ["i32", "buffer", "u64", "i64"], result: "i64" }, // ssize_t pread(int, void *, size_t, off_t);
  renameat2: { parameters: ["i32", "buffer", "i32", "buffer", "u32"], result: "i32" }, // int renameat2(int, const char *, int, const char *, unsigned flags);
  statfs: { parameters: ["buffer", "buffer"], result: "i32" }, // int statfs(const char *path, struct statfs *buf);
  syscall: { parameters: ["i64", "i64", "i64", "i64"], result: "i64" }, // long syscall(long number, ...);
} as const satisfies Deno.ForeignLibraryInterface;

/** Calls that may wait run on another thread; their results say all that is needed. */
const waiting = {
  copy_file_range: { // ssize_t copy_file_range(int, off_t *, int, off_t *, size_t, unsigned int);
    parameters: ["i32", "pointer", "i32", "pointer", "usize", "u32"],
    result: "isize",
    nonblocking: true,
  },
  fcntlLock: { name: "fcntl", parameters: ["i32", "i32", "buffer"], result: "i32", nonblocking: true },
  poll: { parameters: ["buffer", "u64", "i32"], result: "i32", nonblocking: true }, // int poll(struct pollfd *, nfds_t, int);
} as const satisfies Deno.ForeignLibraryInterface;

type Calls<T extends Deno.ForeignLibraryInterface> = Deno.StaticForeignLibraryInterface<T>;

function open<T extends Deno.ForeignLibraryInterface>(interface_: T): Calls<T> {
  try {
    return Deno.dlopen("libc.so.6", interface_).symbols;
  } catch {
    // musl has one file for everything and no versioned alias
    return Deno.dlopen(`libc.musl-${Deno.build.arch}.so.1`, interface_).symbols;
  }
}

/**
 * Each call is looked up when it is first made: that takes Deno 0.1 ms, and a command makes few of them. The one named
 * `first` is there before any other: looking it up would change what it tells.
 */
export function lazily<T extends Deno.ForeignLibraryInterface>(interface_: T, first?: keyof T): Calls<T> {
  const calls = {} as Calls<T>;
  for (const [name, signature] of Object.entries(interface_)) {
    Object.defineProperty(calls, name, {
      configurable: true,
      get() {
        if (first !== undefined && name !== first) void calls[first];
        const call = open({ [name]: signature })[name];
        Object.defineProperty(calls, name, { value: call });
        return call;
      },
    });
  }
  return calls;
}

const libc = lazily(symbols, "__errno_location");
const onThread = lazily(waiting);

/** What calls on other threads read and write, which the garbage collector must leave alone meanwhile. */
const inUse = new Set<Uint8Array<ArrayBuffer>>();

/** Makes a call on another thread with a buffer, which stays where it is until the call is over. */
export async function callWith<T>(
  buffer: Uint8Array<ArrayBuffer>,
  call: (buffer: Uint8Array<ArrayBuffer>) => Promise<T>,
): Promise<T> {
  inUse.add(buffer);
  try {
    return await call(buffer);
  } finally {
    inUse.delete(buffer);
  }
}

const errnoNames: Record<number, string> = {
  1: "EPERM",
  2: "ENOENT",
  3: "ESRCH",
  4: "EINTR",
  5: "EIO",
  6: "ENXIO",
  9: "EBADF",
  11: "EAGAIN",
  12: "ENOMEM",
  13: "EACCES",
  16: "EBUSY",
  17: "EEXIST",
  19: "ENODEV",
  20: "ENOTDIR",
  22: "EINVAL",
  24: "EMFILE",
  25: "ENOTTY",
  28: "ENOSPC",
  30: "EROFS",
  38: "ENOSYS",
  95: "EOPNOTSUPP",
};

/** A system call that the kernel refused, with the name of its errno. */
export class SysError extends DreyError {
  readonly errno: string;

  /** @param errno its name, or its number where the call answers with that */
  constructor(readonly call: string, errno: string | number, what: string) {
    const name = typeof errno === "number" ? nameOf(errno) : errno;
    super("KERNEL_REFUSED", { message: `${call} on ${what}: ${name}` });
    this.errno = name;
  }
}

const nameOf = (errno: number) => errnoNames[errno] ?? `errno ${errno}`;

function lastErrno(): string {
  const location = libc.__errno_location();
  return nameOf(location === null ? 0 : new Deno.UnsafePointerView(location).getInt32());
}

/** The result of a call that tells of failure by a negative one. @throws {SysError} with the errno of that call */
export function checked(result: number | bigint, call: string, what: string): number {
  if (Number(result) < 0) throw new SysError(call, lastErrno(), what);
  return Number(result);
}

const encoder = new TextEncoder();
/** Text as C has it. */
export const cString = (text: string) => encoder.encode(`${text}\0`);

const addressOf = (bytes: Uint8Array<ArrayBuffer>) => Deno.UnsafePointer.value(Deno.UnsafePointer.of(bytes));

/** Texts as C has a list of them, ended by NULL: pointers and what they lead to in one buffer, so that both live as long. */
export function vector(texts: readonly string[]): Uint8Array<ArrayBuffer> {
  const words = texts.map(cString);
  const table = 8 * (words.length + 1);
  // one that was not made for its size alone may be moved by the garbage collector
  const bytes = new Uint8Array(new ArrayBuffer(words.reduce((size, word) => size + word.length, table)));
  const pointers = new DataView(bytes.buffer, 0, table);
  const base = addressOf(bytes);
  let at = table;
  for (const [index, word] of words.entries()) {
    bytes.set(word, at);
    pointers.setBigUint64(8 * index, BigInt(base) + BigInt(at), true);
    at += word.length;
  }
  return bytes;
}

export const O_RDONLY = 0;
export const O_WRONLY = 1;
export const O_RDWR = 2;
const O_CREAT = 0o100;
export const O_NOCTTY = 0o400;
export const O_CLOEXEC = 0o2000000;

/**
 * Opens a file and returns its descriptor, close-on-exec.
 *
 * @see open(2)
 */
export function openFd(path: string, flags: number): number {
  return checked(libc.open(cString(path), flags | O_CLOEXEC, 0o600), "open(2)", `"${path}"`);
}

/** Whether a file can be read past the kernel's memory of it; open(2), `O_DIRECT`. It must be there, and may be read. */
export function bypassesCache(path: string): boolean {
  const O_DIRECT = Deno.build.arch === "aarch64" ? 0o200000 : 0o40000;
  const fd = libc.open(cString(path), O_DIRECT | O_CLOEXEC, 0);
  if (fd >= 0) closeFd(fd);
  else if (lastErrno() !== "EINVAL") throw new SysError("open(2)", lastErrno(), `"${path}"`);
  return fd >= 0;
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

/**
 * Opens a file below a directory that somebody else fills: links and `..` lead no further than that directory, as if
 * it were the root.
 *
 * @see openat2(2), RESOLVE_IN_ROOT
 */
export function openBelow(root: string, path: string, flags: number): number {
  const O_PATH = 0o10000000;
  const RESOLVE_NO_MAGICLINKS = 2n;
  const RESOLVE_IN_ROOT = 16n;
  const directory = openFd(root, O_PATH);
  try {
    const how = new BigUint64Array([BigInt(flags | O_CLOEXEC), 0n, RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS]);
    const opened = libc.openat2(437n, directory, cString(path), new Uint8Array(how.buffer), 24n);
    return checked(opened, "openat2(2)", `"${path}" in "${root}"`);
  } finally {
    closeFd(directory);
  }
}

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

/** Closes a descriptor; one that is closed already is a bug and throws. */
export function closeFd(fd: number): void {
  checked(libc.close(fd), "close(2)", `descriptor ${fd}`);
}

/** Both ends of a pipe, close-on-exec; closed when disposed. */
export interface Pipe extends Disposable {
  readonly readFd: number;
  readonly writeFd: number;
}

/** @see pipe2(2) */
export function openPipe(): Pipe {
  const call = Deno.build.arch === "x86_64" ? 293n : 59n;
  const fds = new Int32Array(2);
  checked(
    libc.syscall(call, addressOf(new Uint8Array(fds.buffer)), BigInt(O_CLOEXEC), 0n),
    "pipe2(2)",
    "a pipe",
  );
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

/** Whether somebody holds the lock of this file; a missing file is nobody's. */
export function isLocked(path: string): boolean {
  const fd = libc.open(cString(path), O_RDONLY | O_CLOEXEC, 0);
  if (fd < 0) return false;
  const asked = flock("read");
  const known = libc.fcntlLock(fd, F_OFD_GETLK, asked) === 0;
  libc.close(fd);
  return known && new DataView(asked.buffer).getInt16(0, true) !== lockTypes.none;
}

/** Waits until nobody holds the lock of this file any more; a missing file is nobody's. */
export async function waitUnlocked(path: string): Promise<void> {
  const fd = libc.open(cString(path), O_RDONLY | O_CLOEXEC, 0);
  if (fd < 0) return;
  await callWith(flock("read"), (asked) => onThread.fcntlLock(fd, F_OFD_SETLKW, asked));
  // given back before the close: a program that is being started right now still has a copy of the descriptor
  libc.fcntlLock(fd, F_OFD_SETLK, flock("none"));
  libc.close(fd);
}

/** Who is at the other end of a connection over a unix socket, as of when it connected. */
export interface Peer {
  pid: number;
  uid: number;
  gid: number;
}

/** @see unix(7), SO_PEERCRED */
export function peerOf(fd: number): Peer {
  const SOL_SOCKET = 1;
  const SO_PEERCRED = 17;
  const credentials = new Uint32Array(3); // struct ucred
  const size = new Uint32Array([credentials.byteLength]);
  const asked = libc.getsockopt(
    fd,
    SOL_SOCKET,
    SO_PEERCRED,
    new Uint8Array(credentials.buffer),
    new Uint8Array(size.buffer),
  );
  checked(asked, "getsockopt(2) SO_PEERCRED", `descriptor ${fd}`);
  const [pid = 0, uid = 0, gid = 0] = credentials;
  return { pid, uid, gid };
}

/** The supplementary groups of who is at the other end. @see unix(7), SO_PEERGROUPS */
export function peerGroupsOf(fd: number): number[] {
  const SOL_SOCKET = 1;
  const SO_PEERGROUPS = 59;
  const groups = new Uint32Array(65536); // NGROUPS_MAX
  const size = new Uint32Array([groups.byteLength]);
  const asked = libc.getsockopt(
    fd,
    SOL_SOCKET,
    SO_PEERGROUPS,
    new Uint8Array(groups.buffer),
    new Uint8Array(size.buffer),
  );
  checked(asked, "getsockopt(2) SO_PEERGROUPS", `descriptor ${fd}`);
  return [...groups.subarray(0, (size[0] ?? 0) / 4)];
}

export const signals = { HUP: 1, INT: 2, KILL: 9, USR2: 12, TERM: 15, PWR: 30, RTMIN_3: 37 } as const;

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
  const POLLIN = 1;
  return await poll(pidfd, { events: POLLIN, milliseconds });
}

/**
 * Waits until a file of the kernel's, such as `cgroup.events`, has changed since it was last read. Unlike a watch of
 * inotify(7) it takes nothing of a limited supply, of which containers use much.
 *
 * @returns whether it has
 */
export async function waitKernelFile(fd: number, milliseconds: number): Promise<boolean> {
  const POLLPRI = 2;
  return await poll(fd, { events: POLLPRI, milliseconds });
}

/** poll(2) of one descriptor, on another thread. */
async function poll(fd: number, wanted: { events: number; milliseconds: number }): Promise<boolean> {
  const pollfd = new Uint8Array(8);
  const view = new DataView(pollfd.buffer);
  view.setInt32(0, fd, true);
  view.setInt16(4, wanted.events, true);
  return await callWith(pollfd, () => onThread.poll(pollfd, 1n, wanted.milliseconds)) > 0;
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

/** Reads a short file again from its start. */
export function rereadFd(fd: number): string {
  const buffer = new Uint8Array(4096);
  const size = checked(libc.pread(fd, buffer, 4096n, 0n), "pread(2)", `descriptor ${fd}`);
  return new TextDecoder().decode(buffer.subarray(0, size));
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
 * Keeps descriptors that drey was itself given, by a shell or a service manager, from the programs it starts.
 *
 * @see close_range(2), CLOSE_RANGE_CLOEXEC
 */
export function sealDescriptors(): void {
  // Linux before 5.11 answers EINVAL; nothing but what the caller left open is at stake there
  libc.syscall(436n, 3n, 0xffffffffn, 4n);
}

/** Sets the size of a terminal, in characters. */
export function setWindowSize(fd: number, size: { rows: number; columns: number }): void {
  const TIOCSWINSZ = 0x5414n;
  const winsize = new Uint16Array([size.rows, size.columns, 0, 0]);
  checked(
    libc.ioctl(fd, TIOCSWINSZ, new Uint8Array(winsize.buffer)),
    "ioctl(2) TIOCSWINSZ",
    `descriptor ${fd}`,
  );
}

/** Unlocks the slave of a terminal's master and returns its number below /dev/pts. */
export function unlockTerminal(master: number): number {
  const TIOCSPTLCK = 0x40045431n;
  const TIOCGPTN = 0x80045430n;
  const number = new Uint8Array(4);
  checked(libc.ioctl(master, TIOCSPTLCK, number), "ioctl(2) TIOCSPTLCK", "/dev/ptmx");
  checked(libc.ioctl(master, TIOCGPTN, number), "ioctl(2) TIOCGPTN", "/dev/ptmx");
  return new DataView(number.buffer).getInt32(0, true);
}

/** Opens the slave of a terminal by its master, whatever file system it lives in; ioctl_tty(2), TIOCGPTPEER. */
export function openTerminalPeer(master: number): number {
  const TIOCGPTPEER = 0x5441n;
  const number = BigInt(O_RDWR | O_NOCTTY | O_CLOEXEC);
  const ioctl = Deno.build.arch === "x86_64" ? 16n : 29n;
  return checked(
    libc.syscall(ioctl, BigInt(master), TIOCGPTPEER, number),
    "ioctl(2) TIOCGPTPEER",
    "/dev/ptmx",
  );
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

/** A second descriptor of the same open file, close-on-exec. */
export function copyFd(fd: number): number {
  const F_DUPFD_CLOEXEC = 1030;
  return checked(libc.fcntl(fd, F_DUPFD_CLOEXEC, 3), "fcntl(2)", `descriptor ${fd}`);
}

/** A new unix socket for a stream of bytes, close-on-exec. */
export function openUnixSocket(): number {
  const [AF_UNIX, SOCK_STREAM] = [1, 1];
  const call = Deno.build.arch === "x86_64" ? 41n : 198n;
  const fd = libc.syscall(call, BigInt(AF_UNIX), BigInt(SOCK_STREAM | O_CLOEXEC), 0n);
  return checked(fd, "socket(2)", "a unix socket");
}

/**
 * From now on a process gets SIGIO whenever something arrives at a descriptor, until every copy of that is closed.
 *
 * @see fcntl(2), F_SETOWN and O_ASYNC; socket(7)
 */
export function signalOnArrival(fd: number, pid: number): void {
  const [F_SETFL, F_SETOWN, O_NONBLOCK, O_ASYNC] = [4, 8, 0o4000, 0o20000];
  checked(libc.fcntl(fd, F_SETOWN, pid), "fcntl(2) F_SETOWN", `descriptor ${fd}`);
  checked(libc.fcntl(fd, F_SETFL, O_NONBLOCK | O_ASYNC), "fcntl(2) F_SETFL", `descriptor ${fd}`);
}

/** Whether something is to be read, or a connection to be accepted; waits for it at most `milliseconds`. */
export async function isReadable(fd: number, milliseconds: number = 0): Promise<boolean> {
  const POLLIN = 1;
  return await poll(fd, { events: POLLIN, milliseconds });
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
