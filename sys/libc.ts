// libc through FFI: the calls that have no command of their own, and how one that failed becomes an error. Everything is
// synchronous, since errno of a call that ran on another thread is lost. What the calls are for is in the files beside.

import { DreyError } from "../errors.ts";

const symbols = {
  close: { parameters: ["i32"], result: "i32" }, // int close(int fd);
  dup: { parameters: ["i32"], result: "i32" }, // int dup(int fd);
  dup2: { parameters: ["i32", "i32"], result: "i32" }, // int dup2(int fd, int newfd);
  execv: { parameters: ["buffer", "buffer"], result: "i32" }, // int execv(const char *path, char *const argv[]);
  fcntl: { parameters: ["i32", "i32", "i32"], result: "i32" }, // int fcntl(int fd, int cmd, int arg);
  fcntlLock: { name: "fcntl", parameters: ["i32", "i32", "buffer"], result: "i32" }, // with a struct flock *
  getsockopt: { parameters: ["i32", "i32", "i32", "buffer", "buffer"], result: "i32" }, // int getsockopt(int fd, int level, int name, void *value, socklen_t *size);
  ioctl: { parameters: ["i32", "u64", "buffer"], result: "i32" }, // int ioctl(int fd, unsigned long op, void *arg);
  kill: { parameters: ["i32", "i32"], result: "i32" }, // int kill(pid_t pid, int sig);
  mmap: { // void *mmap(void *, size_t length, int protection, int flags, int fd, off_t);
    parameters: ["pointer", "usize", "i32", "i32", "i32", "i64"],
    result: "pointer",
  },
  munmap: { parameters: ["pointer", "usize"], result: "i32" }, // int munmap(void *, size_t length);
  memfd_create: { parameters: ["buffer", "u32"], result: "i32" }, // int memfd_create(const char *name, unsigned int flags);
  mkfifo: { parameters: ["buffer", "u32"], result: "i32" }, // int mkfifo(const char *path, mode_t mode);
  open: { parameters: ["buffer", "i32", "u32"], result: "i32" }, // int open(const char *path, int flags, mode_t mode);
  openat2: { name: "syscall", parameters: ["i64", "i32", "buffer", "buffer", "u64"], result: "i32" }, // with a struct open_how *
  pipe2: { parameters: ["buffer", "i32"], result: "i32" }, // int pipe2(int pipefd[2], int flags);
  pread: { parameters: ["i32", "buffer", "u64", "i64"], result: "i64" }, // ssize_t pread(int, void *, size_t, off_t);
  read: { parameters: ["i32", "buffer", "u64"], result: "i64" }, // ssize_t read(int fd, void *buf, size_t count);
  renameat2: { parameters: ["i32", "buffer", "i32", "buffer", "u32"], result: "i32" }, // int renameat2(int, const char *, int, const char *, unsigned flags);
  sigaction: { parameters: ["i32", "pointer", "buffer"], result: "i32" }, // int sigaction(int sig, const struct sigaction *, struct sigaction *old); NULL asks
  signal: { parameters: ["i32", "pointer"], result: "pointer" }, // void (*signal(int sig, void (*handler)(int)))(int); NULL is SIG_DFL
  statfs: { parameters: ["buffer", "buffer"], result: "i32" }, // int statfs(const char *path, struct statfs *buf);
  statx: { parameters: ["i32", "buffer", "i32", "u32", "buffer"], result: "i32" }, // int statx(int dirfd, const char *path, int flags, unsigned mask, struct statx *buf);
  syscall: { parameters: ["i64", "i64", "i64", "i64"], result: "i32" }, // long syscall(long number, ...); of those made here all results fit
  utimensat: { parameters: ["i32", "buffer", "pointer", "i32"], result: "i32" }, // int utimensat(int, const char *, const struct timespec[2], int flags); NULL is now
  write: { parameters: ["i32", "buffer", "u64"], result: "i64" }, // ssize_t write(int fd, const void *buf, size_t count);
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

function open(interface_: Deno.ForeignLibraryInterface): Calls<Deno.ForeignLibraryInterface> {
  try {
    return Deno.dlopen("libc.so.6", interface_).symbols;
  } catch {
    // musl has one file for everything and no versioned alias
    return Deno.dlopen(`libc.musl-${Deno.build.arch}.so.1`, interface_).symbols;
  }
}

/** One more argument than a function of C knows of, which it does not look for. */
const ignored: Deno.NativeType = { struct: ["u8"] };

/**
 * Looks up one call. For each that takes no structure Deno compiles machine code, 0.1 to 0.5 ms, which pays when it is
 * made thousands of times; drey makes few, and has that left out by a structure of one byte as the last argument.
 */
function lookUp(name: string, signature: Deno.ForeignFunction): (...values: unknown[]) => unknown {
  const parameters = signature.nonblocking ? signature.parameters : [...signature.parameters, ignored];
  const call = open({ [name]: { ...signature, parameters } })[name] as (...values: unknown[]) => unknown;
  if (signature.nonblocking) return call;
  const nothing = new Uint8Array(1);
  const errno = errnoOfThread();
  return (...values) => {
    const result = call(...values, nothing);
    failure = errno[0] ?? 0;
    return result;
  };
}

/** What errno was when the last call came back. */
let failure = 0;

let errnoCell: Int32Array | undefined;

/**
 * errno of this thread, in its very place. It must be read at once: V8 makes calls of its own whenever it collects
 * garbage or compiles a function, and a futex(2) of them that finds nothing to wait for leaves EAGAIN. errno(3)
 */
function errnoOfThread(): Int32Array {
  return errnoCell ??= findErrno();
}

function findErrno(): Int32Array {
  // int *__errno_location(void);
  const { __errno_location } = open({ __errno_location: { parameters: [ignored], result: "pointer" } });
  const place = (__errno_location as (ignored: Uint8Array) => Deno.PointerObject)(new Uint8Array(1));
  return new Int32Array(Deno.UnsafePointerView.getArrayBuffer(place, 4));
}

/** Each call is looked up when it is first made, and a command makes few of them. */
export function lazily<T extends Deno.ForeignLibraryInterface>(interface_: T): Calls<T> {
  const calls = {} as Calls<T>;
  for (const [name, signature] of Object.entries(interface_)) {
    Object.defineProperty(calls, name, {
      configurable: true,
      get() {
        const call = lookUp(name, signature as Deno.ForeignFunction);
        Object.defineProperty(calls, name, { value: call });
        return call;
      },
    });
  }
  return calls;
}

/** The calls; each is looked up when it is first made. */
export const libc = lazily(symbols);
/** The same on another thread: what may wait. */
export const onThread = lazily(waiting);

/** What calls on other threads read and write, which the garbage collector must leave alone meanwhile. */
const inUse = new Set<Uint8Array<ArrayBuffer>>();

/** Makes a call on another thread with a buffer, which stays where it is until the call is over. */
export function callWith<T>(
  buffer: Uint8Array<ArrayBuffer>,
  call: (buffer: Uint8Array<ArrayBuffer>) => Promise<T>,
): Promise<T> {
  return callKeeping([buffer], () => call(buffer));
}

/** The same with several; each must have been made with a memory of its own, not one that V8 keeps among its objects. */
export async function callKeeping<T>(
  buffers: readonly Uint8Array<ArrayBuffer>[],
  call: () => Promise<T>,
): Promise<T> {
  for (const buffer of buffers) inUse.add(buffer);
  try {
    return await call();
  } finally {
    for (const buffer of buffers) inUse.delete(buffer);
  }
}

const errnoNames: Record<number, string> = {
  1: "EPERM",
  2: "ENOENT",
  3: "ESRCH",
  4: "EINTR",
  5: "EIO",
  6: "ENXIO",
  7: "E2BIG",
  8: "ENOEXEC",
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
    const name = typeof errno === "number" ? errnoName(errno) : errno;
    super("KERNEL_REFUSED", { message: `${call} on ${what}: ${name}` });
    this.errno = name;
  }
}

/** Its name, or the number of one that is rare. */
export const errnoName = (errno: number) => errnoNames[errno] ?? `errno ${errno}`;

/** Why the last call failed; before any other call. */
export const lastErrno = () => errnoName(failure);

/** The result of a call that tells of failure by a negative one. @throws {SysError} with the errno of that call */
export function checked(result: number | bigint, call: string, what: string): number {
  if (Number(result) < 0) throw new SysError(call, lastErrno(), what);
  return Number(result);
}

const encoder = new TextEncoder();
/** Text as C has it. */
export const cString = (text: string) => encoder.encode(`${text}\0`);

/** Texts as C has a list of them, ended by NULL: pointers and what they lead to in one buffer, so that both live as long. */
export function vector(texts: readonly string[]): Uint8Array<ArrayBuffer> {
  const words = texts.map(cString);
  const table = 8 * (words.length + 1);
  // one that was not made for its size alone may be moved by the garbage collector
  const bytes = new Uint8Array(new ArrayBuffer(words.reduce((size, word) => size + word.length, table)));
  const pointers = new DataView(bytes.buffer, 0, table);
  const base = Deno.UnsafePointer.value(Deno.UnsafePointer.of(bytes));
  let at = table;
  for (const [index, word] of words.entries()) {
    bytes.set(word, at);
    pointers.setBigUint64(8 * index, BigInt(base) + BigInt(at), true);
    at += word.length;
  }
  return bytes;
}
