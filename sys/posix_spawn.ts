// Starting programs by posix_spawn(3), where every command feels it: Deno.Command takes 5 ms when it is first used, most
// of it for streams, and 1 ms after that. What is started here knows files and pipes, nothing of streams.

import { closeFd, openPipe, type Pipe } from "./descriptors.ts";
import { callKeeping, callWith, cString, lazily, SysError, vector } from "./libc.ts";
import { hearOfChildren } from "./processes.ts";
import { fullPath, toolMissing } from "./run.ts";
import { findTool } from "./tools.ts";

const libc = lazily({
  posix_spawnp: {
    parameters: ["buffer", "buffer", "buffer", "pointer", "buffer", "buffer"],
    result: "i32",
  }, // int posix_spawnp(pid_t *, const char *file, const posix_spawn_file_actions_t *, const posix_spawnattr_t *, char *const argv[], char *const envp[]);
  posix_spawn_file_actions_init: { parameters: ["buffer"], result: "i32" },
  posix_spawn_file_actions_adddup2: { parameters: ["buffer", "i32", "i32"], result: "i32" },
  posix_spawn_file_actions_destroy: { parameters: ["buffer"], result: "i32" },
});

const onThread = lazily({
  posix_spawn: { // int posix_spawn(pid_t *, const char *path, ..., as above)
    parameters: ["buffer", "buffer", "buffer", "pointer", "buffer", "buffer"],
    result: "i32",
    nonblocking: true,
  },
  waitpid: { parameters: ["i32", "buffer", "i32"], result: "i32", nonblocking: true }, // pid_t waitpid(pid_t, int *wstatus, int options);
});

/** `bytes`; more than any libc wants */
const fileActionsSize = 256;

const ENOENT = 2;

/** Descriptors that become standard input, output and errors of a program. */
export type Stdio = readonly [input: number, output: number, errors: number];

/** What a program gets. */
interface Inheritance {
  stdio: Stdio;
  /** its whole environment */
  env: Record<string, string>;
  /** further descriptors it gets, under their numbers */
  inherited?: readonly number[];
}

/**
 * Starts a program; {@link exitOf} must be asked for its end once, or it stays as a zombie until drey ends. SIGPIPE is
 * ignored in it as it is in drey.
 *
 * @throws {DreyError} `TOOL_MISSING` if there is no such program
 */
export function startProgram(
  argv: readonly string[],
  { env = { ...Deno.env.toObject(), PATH: fullPath() }, ...given }: Partial<Inheritance> & { stdio: Stdio },
): number {
  hearOfChildren();
  const [program = ""] = argv;
  const actions = fileActions(given);
  try {
    const pid = new Int32Array(1);
    const words = vector(argv);
    const variables = vector(linesOf(env));
    const spawn = (file: string) =>
      libc.posix_spawnp(new Uint8Array(pid.buffer), cString(file), actions, null, words, variables);
    let errno = spawn(program);
    // it looks along drey's own PATH, which may be short or missing
    const found = errno === ENOENT ? findTool(program, fullPath()) : undefined;
    if (found !== undefined) errno = spawn(found);
    if (errno === ENOENT) throw toolMissing(program);
    if (errno !== 0) throw new SysError("posix_spawnp(3)", errno, `"${program}"`);
    return pid[0] ?? 0;
  } finally {
    libc.posix_spawn_file_actions_destroy(actions);
  }
}

/**
 * The same on another thread, since the kernel has the one that asks wait until the program has begun, half a millisecond
 * or more. What a thread has of its own is that thread's: the session keyring, and being the parent that a program may ask
 * to die with.
 *
 * @param argv the first is a path
 */
export async function startAside(argv: readonly string[], { env, ...given }: Inheritance): Promise<number> {
  hearOfChildren();
  const [program = ""] = argv;
  const actions = fileActions(given);
  try {
    const pid = new Int32Array(new ArrayBuffer(4));
    const place = new Uint8Array(pid.buffer);
    const [words, variables] = [vector(argv), vector(linesOf(env))];
    // the first word, right behind the pointers to all of them
    const path = words.subarray(8 * (argv.length + 1));
    const errno = await callKeeping(
      [place, actions, words, variables],
      () => onThread.posix_spawn(place, path, actions, null, words, variables),
    );
    if (errno === ENOENT) throw toolMissing(program);
    if (errno !== 0) throw new SysError("posix_spawn(3)", errno, `"${program}"`);
    return pid[0] ?? 0;
  } finally {
    libc.posix_spawn_file_actions_destroy(actions);
  }
}

/** What becomes of descriptors in a program, as posix_spawn(3) takes it; for the caller to destroy. */
function fileActions({ stdio, inherited = [] }: Omit<Inheritance, "env">): Uint8Array<ArrayBuffer> {
  const actions = new Uint8Array(fileActionsSize);
  libc.posix_spawn_file_actions_init(actions);
  stdio.forEach((fd, standard) => libc.posix_spawn_file_actions_adddup2(actions, fd, standard));
  // onto itself: it stays open
  for (const fd of inherited) libc.posix_spawn_file_actions_adddup2(actions, fd, fd);
  return actions;
}

const linesOf = (env: Record<string, string>) =>
  Object.entries(env).map(([name, value]) => `${name}=${value}`);

/** A program with a pipe to its standard input and one from its output and errors; dispose closes both. */
export interface PipedProgram extends Disposable {
  readonly pid: number;
  readonly input: Deno.FsFile;
  readonly output: Deno.FsFile;
}

/** Starts a program on pipes; see {@link startProgram}. */
export function startPiped(argv: readonly string[], env?: Record<string, string>): PipedProgram {
  using input = openPipe();
  using output = openPipe();
  const pid = startProgram(argv, {
    stdio: [input.readFd, output.writeFd, output.writeFd],
    ...(env === undefined ? {} : { env }),
  });
  // while both ends of each are open: to open one end of a pipe waits for the other
  const files = {
    input: Deno.openSync(`/proc/self/fd/${input.writeFd}`, { write: true }),
    output: Deno.openSync(`/proc/self/fd/${output.readFd}`),
  };
  return {
    pid,
    ...files,
    [Symbol.dispose]() {
      files.input.close();
      files.output.close();
    },
  };
}

/** The read end of a pipe, as a file and by its number. */
export interface ReadEnd {
  readonly file: Deno.FsFile;
  readonly fd: number;
}

/** A program with a pipe for each of its standard streams, whose ends are the caller's to close. */
export interface SpeakingProgram {
  readonly pid: Promise<number>;
  readonly input: Deno.FsFile;
  readonly output: ReadEnd;
  readonly errors: ReadEnd;
}

/**
 * Starts a program on three pipes; see {@link startProgram}.
 *
 * @param options.isAside whether on another thread, see {@link startAside}: a program that cannot be started is told of by
 * `pid` then
 */
export function startSpeaking(
  argv: readonly string[],
  { isAside = false, ...options }: Omit<Inheritance, "stdio"> & { isAside?: boolean },
): SpeakingProgram {
  using undo = new DisposableStack();
  const [input, output, errors] = [undo.use(openPipe()), undo.use(openPipe()), undo.use(openPipe())];
  const readEnd = ({ readFd: fd }: Pipe): ReadEnd => ({
    fd,
    file: undo.use(Deno.openSync(`/proc/self/fd/${fd}`)),
  });
  const ends = {
    output: readEnd(output),
    errors: readEnd(errors),
    input: undo.use(Deno.openSync(`/proc/self/fd/${input.writeFd}`, { write: true })),
  };
  const stdio = [input.readFd, output.writeFd, errors.writeFd] as const;
  const pid = isAside
    ? startAside(argv, { stdio, ...options })
    : Promise.resolve(startProgram(argv, { stdio, ...options }));
  undo.move();
  closeFd(input.writeFd);
  const begun = () => stdio.forEach(closeFd);
  if (isAside) pid.then(begun, begun);
  else begun();
  return { pid, ...ends };
}

/**
 * The exit status of a program that {@link startProgram} started, once it has ended; 128 + signal if one ended it. That is
 * told once: whoever asks again, or about another's child, is mistaken.
 */
export async function exitOf(pid: number): Promise<number> {
  const status = new Int32Array(1);
  const ended = await callWith(new Uint8Array(status.buffer), (buffer) => onThread.waitpid(pid, buffer, 0));
  if (ended !== pid) throw new Error(`waitpid(2): process ${pid} is no child to wait for`);
  const [wait = 0] = status;
  const signal = wait & 127;
  return signal === 0 ? (wait >> 8) & 255 : 128 + signal;
}
