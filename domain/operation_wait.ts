// Waiting for operations, whichever process runs them.

import type { Operation } from "../wire/operation.ts";
import type { Context } from "./context.ts";
import { getOperation, isFinal, type LiveOperation, liveOperations } from "./operation_records.ts";

/** `milliseconds` between looks at whether the process behind an awaited operation still lives */
const lookEvery = 1_000;

/**
 * The operation once it has ended, or as it stands after `timeout` seconds; without one, waits for ever.
 *
 * @throws {DreyError} `NOT_FOUND`
 */
export async function waitOperation(
  context: Context,
  id: string,
  options: { timeout?: number; signal?: AbortSignal } = {},
): Promise<Operation> {
  const { timeout = -1, signal } = options;
  const live = liveOperations.get(id);
  // most wait like this, and an event that is sent to nobody takes Deno 2 ms at first
  if (live !== undefined && timeout < 0 && signal === undefined) return await live.ended;
  const stop = new AbortController();
  // timers hold at most 2^31 milliseconds
  const timer = timeout < 0 ? undefined : setTimeout(() => stop.abort(), Math.min(timeout, 2e6) * 1000);
  const given = () => stop.abort();
  signal?.addEventListener("abort", given, { once: true });
  if (signal?.aborted) given();
  try {
    if (live !== undefined) return await Promise.race([live.ended, aborted(stop.signal, live)]);
    return await waitElsewhere(context, id, stop);
  } finally {
    // only if there is one: the first use of a timer function takes Deno 3 ms, which every command would feel
    if (timer !== undefined) clearTimeout(timer);
    signal?.removeEventListener("abort", given);
    stop.abort();
  }
}

async function waitElsewhere(context: Context, id: string, stop: AbortController): Promise<Operation> {
  const changes = context.store.watch(["operations", id], stop.signal);
  let operation = await getOperation(context, id);
  // an owner that is killed changes nothing in the store: look after it
  const { promise: failed, reject } = Promise.withResolvers<never>();
  failed.catch(() => {});
  const look = setInterval(() => getOperation(context, id).catch(reject), lookEvery);
  try {
    const iterator = changes[Symbol.asyncIterator]();
    while (!isFinal(operation)) {
      const next = await Promise.race([iterator.next(), failed]);
      operation = await getOperation(context, id);
      if (next.done) break;
    }
    return operation;
  } finally {
    clearInterval(look);
  }
}

function aborted(signal: AbortSignal, live: LiveOperation): Promise<Operation> {
  const { promise, resolve } = Promise.withResolvers<Operation>();
  const answer = () => resolve(live.operation);
  signal.addEventListener("abort", answer, { once: true });
  if (signal.aborted) answer();
  return promise;
}
