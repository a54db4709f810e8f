// Acting on an intent whose process is gone: what had not come to count is undone, what counts is finished.

import type { Entry } from "../store/store.ts";
import type { Context } from "./context.ts";
import type { Intent, IntentRecord } from "./intents.ts";
import { openPool } from "./storage_pools/open.ts";

/** Takes the locks of an intent and acts on it, if it still stands. */
export async function settleAbandoned(context: Context, { key, value }: Entry<IntentRecord>): Promise<void> {
  await using locks = new AsyncDisposableStack();
  for (const lock of value.locks) locks.use(await context.store.lock(lock));
  const entry = await context.store.get<IntentRecord>(key);
  if (entry !== undefined) await settleIntent(context, entry);
}

/** Acts on an intent and strikes it out; the caller holds its locks. */
export async function settleIntent(context: Context, { key, value }: Entry<IntentRecord>): Promise<void> {
  await act(context, value.intent);
  await context.store.commit([], [{ key, delete: true }]);
}

async function act(context: Context, intent: Intent): Promise<void> {
  if (intent.do === "restore") {
    const { finishRestore } = await import("./instances/snapshots/restore.ts");
    return await finishRestore(context, intent.instance, intent);
  }
  if (intent.do === "backups") {
    const { removeUnrecorded } = await import("./backups/unrecorded.ts");
    return await removeUnrecorded(context, intent.of);
  }
  if (intent.do === "save") {
    const { finishSaving } = await import("./instances/stateful.ts");
    return await finishSaving(context, intent.instance);
  }
  if (intent.do === "plug") {
    const { finishPlugging } = await import("./instances/update.ts");
    return await finishPlugging(context, intent.instance);
  }
  if (intent.do === "thaw") {
    const { thaw } = await import("./instances/snapshots/at_rest.ts");
    return await thaw(context, intent.instance);
  }
  if (intent.do === "rebuild") {
    const { finishRebuild } = await import("./instances/rebuild.ts");
    return await finishRebuild(context, intent.instance, intent.config);
  }
  const record = intent.do === "remove" ? intent.unless : intent.record;
  if (record !== undefined && await context.store.get(record) !== undefined) return; // it has come to count
  await using pool = await openPool(context, intent.pool);
  if (intent.do === "remove") return await pool.driver.remove(intent.volume);
  if (pool.driver.exists(intent.to)) await pool.driver.rename(intent.to, intent.from);
}
