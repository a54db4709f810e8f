// Who is in an instance's files for longer than a request: one file per session, locked by the process inside for as
// long as it lives. Whoever needs the files for himself, as a start does, ends the sessions first.

import { join } from "@std/path";
import { closeFd } from "../sys/descriptors.ts";
import { isLocked, tryLockFile, waitUnlocked } from "../sys/locks.ts";
import { sendSignal, signals } from "../sys/processes.ts";
import { namesIn, readIfThere, removeIfThere } from "../sys/present.ts";

export interface FileSession {
  /** descriptor of its lock, for the process inside to inherit */
  lock: number;
  /** a word for that process's command line, so that it is known by it */
  mark: string;
  /** says which process it is; from now on that one alone holds the lock */
  hand(pid: number): void;
  /** forgets the session */
  close(): void;
}

/** Announces a session in a directory of them. */
export function openFileSession(directory: string): FileSession {
  Deno.mkdirSync(directory, { recursive: true, mode: 0o700 });
  const path = join(directory, crypto.randomUUID());
  const lock = tryLockFile(path);
  if (lock === undefined) throw new Error(`a new file is locked: ${path}`);
  let isHeld = true;
  const release = () => {
    if (isHeld) closeFd(lock);
    isHeld = false;
  };
  return {
    lock,
    mark: path,
    hand(pid) {
      Deno.writeTextFileSync(path, String(pid));
      release();
    },
    close() {
      release();
      removeIfThere(path);
    },
  };
}

/** `milliseconds` between two looks at a session that has not said yet which process it is */
const lookEvery = 5;

/** Ends every session of a directory, and waits until none is left. */
export async function endFileSessions(directory: string): Promise<void> {
  for (const name of namesIn(directory)) {
    const path = join(directory, name);
    while (isLocked(path)) {
      const pid = Number(readIfThere(path));
      const argv = pid > 0 ? readIfThere(`/proc/${pid}/cmdline`) ?? "" : "";
      if (argv.split("\0").includes(path)) {
        sendSignal(pid, signals.KILL);
        await waitUnlocked(path);
      } else await new Promise((resolve) => setTimeout(resolve, lookEvery));
    }
    removeIfThere(path);
  }
}
