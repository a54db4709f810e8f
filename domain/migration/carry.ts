// Trees and files over the stream `fs`, in both directions the same: what a program says goes out, what comes in is what
// it reads, and each side marks its end.

import type { TreeProgram } from "../../runtime/tree_stream.ts";
import type { Task } from "../operations.ts";
import type { Frames } from "./channels.ts";

/** Counts bytes as they pass. */
export type Counted = (bytes: number) => void;

export interface Carrying {
  frames: Frames;
  signal: AbortSignal;
  sent?: Counted;
  received?: Counted;
}

/** Lets a program talk with the one at the other end, until both have ended. @throws {DreyError} `COMMAND_FAILED`, `NO_SPACE` */
export async function converse(program: TreeProgram, carrying: Carrying): Promise<void> {
  const { frames, signal, sent = () => {}, received = () => {} } = carrying;
  const kill = () => program.kill();
  signal.addEventListener("abort", kill, { once: true });
  if (signal.aborted) kill();
  const out = async () => {
    for await (const chunk of program.output) {
      await frames.write(chunk);
      sent(chunk.length);
    }
    await frames.end();
  };
  const inward = async () => {
    const writer = program.input.getWriter();
    let isOpen = true;
    // a program that has ended says why itself; what still comes for it is passed over
    const quietly = (work: Promise<void>) => work.catch(() => void (isOpen = false));
    for await (const chunk of frames.read()) {
      if (isOpen) await quietly(writer.write(Uint8Array.from(chunk)));
      received(chunk.length);
    }
    if (isOpen) await quietly(writer.close());
  };
  try {
    await Promise.all([out(), inward()]).catch((error) => {
      kill();
      throw error;
    });
    await program.finish();
  } catch (error) {
    if (signal.aborted) throw signal.reason;
    throw error;
  } finally {
    signal.removeEventListener("abort", kill);
  }
}

/** Sends bytes and the mark of their end. */
export async function sendFrame(frames: Frames, bytes: Uint8Array): Promise<void> {
  await frames.write(bytes);
  await frames.end();
}

/** What comes up to the next mark, as text. @throws {RangeError} if it is longer than `limit` bytes */
export async function readFrame(frames: Frames, limit: number): Promise<string> {
  const decoder = new TextDecoder();
  let [text, size] = ["", 0];
  for await (const chunk of frames.read()) {
    size += chunk.length;
    if (size > limit) throw new RangeError(`a description of more than ${limit} bytes`);
    text += decoder.decode(chunk, { stream: true });
  }
  return text + decoder.decode();
}

/** `milliseconds` between two reports */
const interval = 500;

/** How far a migration is, as `fs_progress` of its operation. */
export interface Progress extends AsyncDisposable {
  /** counts the bytes of one thing, reported in LXD's form: `c1: 12.30MB (4.10MB/s)` */
  of(name: string): Counted;
}

/** Reports to an operation; nothing more is written once it is disposed. */
export function progressOf(task: Task): Progress {
  let writing: Promise<void> | undefined;
  let last = performance.now();
  return {
    of(name) {
      const start = performance.now();
      let done = 0;
      return (bytes) => {
        done += bytes;
        const now = performance.now();
        if (writing !== undefined || now - last < interval) return;
        last = now;
        const megabytes = (count: number) => `${(count / 1e6).toFixed(2)}MB`;
        const fs_progress = `${name}: ${megabytes(done)} (${megabytes(done / ((now - start) / 1000))}/s)`;
        // a store that fails now fails again at the end, and is reported then
        writing = task.update({ fs_progress }).catch(() => {}).finally(() => writing = undefined);
      };
    },
    async [Symbol.asyncDispose]() {
      await writing;
    },
  };
}
