// Waking whoever watches the store: at once for this process's commits, by inotify(7) on a file for those of others.
// The WAL itself will not do: SQLite writes it before it publishes the commit in shared memory, so a reader that is
// woken by the write may look too early and then sleep for good. Hence a file of our own, touched after each commit.

import { join } from "@std/path";
import type { Change } from "./store.ts";

/** Wakes waiting readers whenever the database may have changed. */
export class DatabaseWatch {
  /** an empty file; its time is that of the last commit */
  readonly #file: string;
  readonly #wake = new Set<() => void>();
  #files: Deno.FsWatcher | undefined;

  constructor(directory: string) {
    this.#file = join(directory, "changed");
  }

  /** This process has committed, and others can see it. */
  notify(): void {
    this.#touch();
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
    this.#files = Deno.watchFs(this.#file, { recursive: false });
    void this.#follow(this.#files);
  }

  #remove(wake: () => void): void {
    this.#wake.delete(wake);
    if (this.#wake.size === 0) this.#stopFiles();
  }

  #stopFiles(): void {
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
    const now = new Date();
    try {
      Deno.utimeSync(this.#file, now, now);
    } catch (error) {
      // without the file nobody watches it yet
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }

  #makeFile(): void {
    Deno.openSync(this.#file, { write: true, create: true, mode: 0o600 }).close();
  }
}
