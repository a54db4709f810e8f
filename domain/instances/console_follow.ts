// The console log of an instance as it grows, until the instance has stopped.

import { ifThere } from "../../sys/present.ts";
import type { Context, Ref } from "../context.ts";
import { instancePaths, loadRecord } from "./record.ts";
import { currentState } from "./status.ts";

/** `milliseconds` between looks, for what no change of a file tells of: a supervisor that was killed */
const lookAnyway = 5_000;
/** the same where no watch can be had, since containers use them up */
const lookOften = 500;

/**
 * What the console has printed, and then what it goes on to print.
 *
 * @throws {DreyError} `NOT_FOUND`
 */
export async function followConsole(
  context: Context,
  ref: Ref,
  signal?: AbortSignal,
): Promise<ReadableStream<Uint8Array>> {
  await loadRecord(context, ref);
  const stop = new AbortController();
  signal?.addEventListener("abort", () => stop.abort(), { once: true });
  if (signal?.aborted) stop.abort();
  const pieces = follow(context, ref, stop.signal);
  return new ReadableStream({
    async pull(controller) {
      const { done, value } = await pieces.next();
      if (done) controller.close();
      else controller.enqueue(value);
    },
    async cancel() {
      stop.abort();
      await pieces.return(undefined);
    },
  }, { highWaterMark: 0 });
}

async function* follow(context: Context, ref: Ref, stop: AbortSignal): AsyncGenerator<Uint8Array> {
  const { consoleLog, logs, run } = instancePaths(context, ref);
  using tail = new Tail(consoleLog);
  // the directory of a run goes with it
  using changes = watching([logs, run], stop);
  while (!stop.aborted) {
    // asked before the log is read: what is printed before the end is in it
    const isOver = currentState(context, ref).status === "Stopped";
    yield* tail.news();
    if (isOver) return;
    await changes.next();
  }
}

interface Changes extends Disposable {
  /** resolves after the next change, or the last one that nobody has waited for */
  next(): Promise<void>;
}

/** Tells of changes in directories, once for many. */
function watching(paths: string[], stop: AbortSignal): Changes {
  let changed = Promise.withResolvers<void>();
  const tell = () => changed.resolve();
  stop.addEventListener("abort", tell, { once: true });
  const watch = watchIfPossible(paths);
  const timer = setInterval(tell, watch === undefined ? lookOften : lookAnyway);
  const listen = async () => {
    for await (const { kind } of watch ?? []) if (kind !== "access") tell();
  };
  listen().catch(tell); // what is watched is gone, and with it the instance
  return {
    async next() {
      await changed.promise;
      changed = Promise.withResolvers();
    },
    [Symbol.dispose]() {
      stop.removeEventListener("abort", tell);
      clearInterval(timer);
      watch?.close();
    },
  };
}

function watchIfPossible(paths: string[]): Deno.FsWatcher | undefined {
  try {
    return Deno.watchFs(paths, { recursive: false });
  } catch (error) {
    // inotify(7): all instances or watches of this user are in use; or the instance has just stopped
    if (error instanceof Deno.errors.NotFound) return undefined;
    if (error instanceof Error && /os error (24|28)/.test(error.message)) return undefined;
    throw error;
  }
}

/** Reads a log on where it was left, from one file to the next when it turns over. */
export class Tail implements Disposable {
  readonly #path: string;
  #open: { file: Deno.FsFile; inode: number } | undefined;
  #at = 0;

  /** @param path the log, of which an earlier part may be at `path.1` */
  constructor(path: string) {
    this.#path = path;
  }

  /** What was written since the last call. */
  *news(): Generator<Uint8Array> {
    this.#open ??= openIfThere(`${this.#path}.1`) ?? openIfThere(this.#path);
    while (this.#open !== undefined) {
      yield* this.#rest(this.#open.file);
      const next = this.#next(this.#open.inode);
      if (next === undefined) return;
      // what was written between the last look and the turn
      yield* this.#rest(this.#open.file);
      this.#open.file.close();
      [this.#open, this.#at] = [next, 0];
    }
  }

  /** The file after the one of this inode; undefined while that is the last. */
  #next(inode: number): { file: Deno.FsFile; inode: number } | undefined {
    const [earlier, last] = [inodeOf(`${this.#path}.1`), inodeOf(this.#path)];
    if (last === undefined || last === inode) return undefined;
    // it may have turned over twice
    const isSkipped = earlier !== undefined && earlier !== inode;
    return openIfThere(isSkipped ? `${this.#path}.1` : this.#path);
  }

  *#rest(file: Deno.FsFile): Generator<Uint8Array> {
    if (file.statSync().size < this.#at) this.#at = file.seekSync(0, Deno.SeekMode.Start); // it was emptied
    const buffer = new Uint8Array(65_536);
    for (let count; (count = file.readSync(buffer)) !== null;) {
      this.#at += count;
      yield buffer.slice(0, count);
    }
  }

  [Symbol.dispose](): void {
    this.#open?.file.close();
    this.#open = undefined;
  }
}

const inodeOf = (path: string) => ifThere(path, Deno.statSync)?.ino ?? undefined;

function openIfThere(path: string): { file: Deno.FsFile; inode: number } | undefined {
  const file = ifThere(path, () => Deno.openSync(path));
  return file && { file, inode: file.statSync().ino ?? 0 };
}
