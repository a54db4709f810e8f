// A program that is talked to on pipes while it runs. One or two at a time are started by posix_spawn(3) and read by
// threads, which begins 5 ms sooner than Deno.Command does; of others, where many run, no thread waits for the pipes.

import { inheriting } from "./descriptors.ts";
import { exitOf, startSpeaking } from "./posix_spawn.ts";
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
  /** nobody reads it any more: the program gets SIGPIPE */
  close(): Promise<void>;
}

export interface PipedChild {
  readonly pid: number;
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
  /** descriptors it gets, under their numbers */
  inherited: readonly number[];
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
  const ended = exitOf(pid).finally(over);
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
function sourceOf(file: Deno.FsFile, over: () => void): Source {
  let reading: Promise<unknown> = Promise.resolve();
  let isClosed = false;
  const close = () => {
    if (isClosed) return;
    isClosed = true;
    file.close();
    // a thread that reads stays until there is something to read
    void reading.finally(over);
  };
  return {
    async read() {
      if (isClosed) return undefined;
      const buffer = new Uint8Array(chunk);
      const read = file.read(buffer);
      reading = read.catch(() => {});
      const size = await read;
      if (size !== null) return buffer.subarray(0, size);
      close();
      return undefined;
    },
    close: () => promised(close),
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
    pid: child.pid,
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
