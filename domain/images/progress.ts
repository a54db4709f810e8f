// How far an operation is, as metadata of it: one write at a time; what comes while one is under way replaces the next.

import type { Task } from "../operations.ts";

export interface Reporter {
  say(text: string): void;
  /** resolves once everything said is written */
  done(): Promise<void>;
}

/** Reports as `download_progress`, the key LXD's clients show. */
export function reporter(task: Task | undefined): Reporter {
  let next: string | undefined;
  let writing: Promise<void> | undefined;
  const write = async () => {
    while (next !== undefined) {
      const text = next;
      next = undefined;
      await task?.update({ download_progress: text });
    }
    writing = undefined;
  };
  return {
    say(text: string) {
      next = text;
      if (writing !== undefined) return;
      writing = write();
      writing.catch(() => {}); // told to whoever waits for the end
    },
    done: async () => await writing,
  };
}

/** Turns counted bytes into LXD's line, `rootfs: 42% (12.30MB/s)`, once per percent. */
export function byteProgress(
  report: Reporter,
  { total, what = "rootfs" }: { total: number; what?: string },
): (bytes: number) => void {
  const start = performance.now();
  let first: number | undefined;
  let shown = -1;
  return (bytes) => {
    first ??= bytes;
    const percent = total === 0 ? 100 : Math.floor(100 * bytes / total);
    if (percent === shown) return;
    shown = percent;
    const seconds = (performance.now() - start) / 1000;
    const speed = seconds < 0.05 ? "" : ` (${((bytes - first) / seconds / 1e6).toFixed(2)}MB/s)`;
    report.say(`${what}: ${percent}%${speed}`);
  };
}
