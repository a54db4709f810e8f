// Deno's cache of compiled programs, as far as it makes the next command slow: what Deno writes to it stays in its log,
// which every start reads from beginning to end. The programs of the bundle make 7 MB of that, 3 ms of a processor.

import { DatabaseSync } from "node:sqlite";
import { factsOf } from "../sys/file_facts.ts";

/** bytes of the log from which folding it in is worth the milliseconds that takes */
const worthIt = 100_000;

/**
 * Has a long log folded into the cache it belongs to, unless somebody else is at it.
 *
 * @param directory where Deno keeps it, DENO_DIR
 */
export function foldCodeCache(directory: string): void {
  const path = `${directory}/v8_code_cache_v2`;
  try {
    if ((factsOf(`${path}-wal`)?.size ?? 0) < worthIt) return;
    const database = new DatabaseSync(path);
    // without a time to wait, and without an error if it would have to; sqlite.org/pragma.html
    database.exec("PRAGMA wal_checkpoint(TRUNCATE)");
    database.close();
  } catch (error) {
    // none there, or not ours to write to: it is Deno's, and only a matter of speed
    if (!(error instanceof Error) || !("code" in error)) throw error;
  }
}
