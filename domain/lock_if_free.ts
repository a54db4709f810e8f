// The lock of something that another process may be busy with for long.

import type { Key } from "../store/store.ts";
import type { Context } from "./context.ts";

/** `milliseconds` that whoever only looks needs at most */
const patience = 100;

/** Takes a lock, unless somebody goes on holding it. */
export async function lockIfFree(context: Context, key: Key): Promise<AsyncDisposable | undefined> {
  const signal = AbortSignal.timeout(patience);
  try {
    return await context.store.lock(key, { signal });
  } catch (error) {
    if (error !== signal.reason) throw error;
    return undefined;
  }
}
