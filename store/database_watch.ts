// Waking whoever watches the store: at once for this process's commits, by inotify(7) on a file for those of others.
// The WAL itself will not do: SQLite writes it before it publishes the commit in shared memory, so a reader that is
// woken by the write may look too early and then sleep for good. Hence a file of our own, touched after each commit.

import { join } from "@std/path";
import { SysError } from "../sys/libc.ts";
import { touchIfThere } from "../sys/touch.ts";
import type { Change } from "./store.ts";

/** `milliseconds` between looks where no watch can be had */
const lookEvery = 100;

/** inotify(7) has so many instances for a user and all containers of that user; a booted systemd takes five. */
function isExhausted(error: unknown): boolean {
  return error instanceof Error && /os error (24|28)/.test(error.message);
}

/** Wakes waiting readers whenever the database may have changed. */
export class DatabaseWatch {
  /** an empty file; its time is that of the last commit */
  readonly #file: string;
  readonly #wake = new Set<() => void>();
  #files: Deno.FsWatcher | undefined;
  #timer: ReturnType<typeof setInterval> | undefined;

  constructor(directory: string) {
    this.#file = join(directory, "changed");
  }

  /** This process has committed, and others can see it. */
  notify(): void {
    try {
      this.#touch();
    } catch (error) {
      // the commit has happened, whatever the disk says to the word of it: others hear of it with the next
      if (!(error instanceof SysError)) throw error;
    }
    this.#wakeAll();
  }

  /** What `read` finds, now and after each wake, until `signal` ends it. Registers before it returns. */
  changes(signal: AbortSignal, read: () => Change[]): AsyncIterable<Change> {
    let woken = Promise.withResolvers<void>();
    const wake = () => woken.resolve();
    const stop = () => {
      this.#remove(wake);
      wake();
    };
    if (!signal.aborted) {
      this.#add(wake);
      signal.addEventListener("abort", stop, { once: true });
      // another process may have committed between the reader's start and inotify's
      wake();
    }
    const added = this.#wake;
    return (async function* () {
      try {
        while (!signal.aborted && added.has(wake)) {
          await woken.promise;
          if (signal.aborted || !added.has(wake)) return;
          woken = Promise.withResolvers();
          yield* read();
        }
      } finally {
        signal.removeEventListener("abort", stop);
        stop();
      }
    })();
  }

  /** Ends every watch. */
  close(): void {
    const waiting = [...this.#wake];
    this.#wake.clear();
    for (const wake of waiting) wake();
    this.#stopFiles();
  }

  #add(wake: () => void): void {
    this.#wake.add(wake);
    if (this.#files !== undefined) return;
    this.#makeFile();
    try {
      this.#files = Deno.watchFs(this.#file, { recursive: false });
    } catch (error) {
      if (!isExhausted(error)) throw error;
      this.#look();
      return;
    }
    void this.#follow(this.#files);
  }

  /** Without a watch: looks now and then, for as long as somebody waits. */
  #look(): void {
    if (this.#timer !== undefined) return;
    this.#timer = setInterval(() => this.#wake.size === 0 ? this.#stopFiles() : this.#wakeAll(), lookEvery);
    Deno.unrefTimer(this.#timer);
  }

  #remove(wake: () => void): void {
    this.#wake.delete(wake);
    if (this.#wake.size === 0) this.#stopFiles();
  }

  #stopFiles(): void {
    // only if there is one: the first use of a timer function takes Deno 4 ms, which every command would feel
    if (this.#timer !== undefined) clearInterval(this.#timer);
    this.#timer = undefined;
    this.#files?.close();
    this.#files = undefined;
  }

  async #follow(files: Deno.FsWatcher): Promise<void> {
    for await (const event of files) {
      if (event.kind !== "access") this.#wakeAll();
    }
  }

  #wakeAll(): void {
    for (const wake of this.#wake) wake();
  }

  #touch(): void {
    // without the file nobody watches it yet
    touchIfThere(this.#file);
  }

  #makeFile(): void {
    Deno.openSync(this.#file, { write: true, create: true, mode: 0o600 }).close();
  }
}
