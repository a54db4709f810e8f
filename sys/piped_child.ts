// A program that is talked to on pipes while it runs. One or two at a time are started by posix_spawn(3) and read by
// threads, which begins 5 ms sooner than Deno.Command does; of others, where many run, no thread waits for the pipes.

import { concat } from "@std/bytes";
import { closeFd, inheriting, writeBack } from "./descriptors.ts";
import { exitOf, type ReadEnd, startSpeaking } from "./posix_spawn.ts";
import { spawn } from "./run.ts";

/** The end of a pipe that a program reads. */
export interface Sink {
  /** @throws {Deno.errors.BrokenPipe} if nobody reads it any more */
  write(data: Uint8Array): Promise<void>;
  close(): Promise<void>;
}

/** The end of a pipe that a program writes to. */
export interface Source {
  /** what comes next; nothing at the end */
  read(): Promise<Uint8Array | undefined>;
  /**
   * ends it with what has been written by now, whoever else holds the pipe, unless that is more than a pipe takes; only
   * where threads read, which may be late: what Deno itself reads is there when its loop has turned
   */
  cut?(): void;
  /** nobody reads it any more: the program gets SIGPIPE */
  close(): Promise<void>;
}

export interface PipedChild {
  readonly pid: Promise<number>;
  /** its exit status; 128 + signal if one ended it */
  readonly ended: Promise<number>;
  readonly input: Sink;
  readonly output: Source;
  readonly errors: Source;
}

/** how many are read by threads at one time: each takes up to four, and Deno has 32 for everything that waits */
const mostOnThreads = 2;
/** `bytes` that are read at once: what a pipe holds */
const chunk = 64 << 10;

let onThreads = 0;

/** What a program on pipes is given. */
export interface Given {
  /** its whole environment */
  env: Record<string, string>;
  /** descriptors it gets, under their numbers; open until its pid is known */
  inherited: readonly number[];
  /** whether it may be started by another thread, see {@link startAside}; that it could not be is told by its end then */
  isAside?: boolean;
}

/**
 * Starts a program with pipes for its standard streams. SIGPIPE may be ignored in it, as it is in drey.
 *
 * @throws {DreyError} `TOOL_MISSING` if there is no such program
 */
export function startOnPipes(argv: readonly string[], given: Given): PipedChild {
  return onThreads < mostOnThreads ? readByThreads(argv, given) : readByDeno(argv, given);
}

function readByThreads(argv: readonly string[], given: Given): PipedChild {
  const { pid, input, output, errors } = startSpeaking(argv, given);
  onThreads++;
  let open = 3;
  const over = () => {
    if (--open === 0) onThreads--;
  };
  const ended = pid.then(exitOf).finally(over);
  return { pid, ended, input: sinkOf(input), output: sourceOf(output, over), errors: sourceOf(errors, over) };
}

function sinkOf(file: Deno.FsFile): Sink {
  return {
    async write(data) {
      for (let at = 0; at < data.length;) at += await file.write(data.subarray(at));
    },
    close: () => promised(() => file.close()),
  };
}

/** @param over called once nothing is read from it any more */
function sourceOf({ file, fd }: ReadEnd, over: () => void): Source {
  let reading: Promise<unknown> = Promise.resolve();
  let isClosed = false;
  const close = () => {
    if (isClosed) return;
    isClosed = true;
    file.close();
    closeFd(fd);
    // a thread that reads stays until there is something to read
    void reading.finally(over);
  };
  let mark: Mark | undefined;
  return {
    async read() {
      while (!isClosed) {
        const buffer = new Uint8Array(chunk);
        const read = file.read(buffer);
        reading = read.catch(() => {});
        const size = await read;
        const bytes = buffer.subarray(0, size ?? 0);
        const given = mark === undefined ? bytes : mark.before(bytes);
        if (size === null || mark?.isFound) close();
        if (given.length > 0) return given;
      }
    },
    cut() {
      if (isClosed || mark !== undefined) return;
      const bytes = crypto.getRandomValues(new Uint8Array(32));
      if (writeBack(fd, bytes)) mark = markOf(bytes);
    },
    close: () => promised(close),
  };
}

/** Bytes in a pipe that nobody else would write, after which nothing counts. */
interface Mark {
  /** of the bytes that came next those that are known to stand before the mark */
  before(bytes: Uint8Array): Uint8Array;
  readonly isFound: boolean;
}

function markOf(mark: Uint8Array): Mark {
  let held = new Uint8Array();
  let isFound = false;
  const isAt = (at: number) => mark.every((byte, index) => held[at + index] === byte);
  return {
    get isFound() {
      return isFound;
    },
    before(bytes) {
      // it may come in two pieces
      held = concat([held, bytes]);
      let at = 0;
      while (at + mark.length <= held.length && !isAt(at)) at++;
      isFound = at + mark.length <= held.length;
      const given = held.subarray(0, at);
      held = held.subarray(at);
      return given;
    },
  };
}

function readByDeno(argv: readonly string[], { env, inherited }: Given): PipedChild {
  const streams = { stdin: "piped", stdout: "piped", stderr: "piped" } as const;
  const child = inheriting(inherited, () => spawn(argv, { env, clearEnv: true, ...streams }));
  const input = child.stdin.getWriter();
  const source = (stream: ReadableStream<Uint8Array>): Source => {
    const reader = stream.getReader();
    return { read: async () => (await reader.read()).value, close: () => reader.cancel() };
  };
  return {
    pid: Promise.resolve(child.pid),
    ended: child.status.then(({ code }) => code),
    input: { write: (data) => input.write(data), close: () => input.close() },
    output: source(child.stdout),
    errors: source(child.stderr),
  };
}

function promised(work: () => void): Promise<void> {
  try {
    work();
    return Promise.resolve();
  } catch (error) {
    return Promise.reject(error);
  }
}
