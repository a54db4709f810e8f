// Starting instances after a start of the host: those that are to, and those that ran when it went down. Done once by
// the first server that runs, so that what somebody stops stays stopped.

import * as keys from "../config/instance_keys.ts";
import { readKey } from "../config/key.ts";
import { describeError } from "../errors.ts";
import { bootId } from "../sys/lifetimes.ts";
import type { Config } from "../wire/instance.ts";
import type { Context, Ref } from "./context.ts";
import { emitLogging } from "./events.ts";
import { expand } from "./instances/expand.ts";
import { type InstanceRecord, lockInstance } from "./instances/record.ts";
import { startLocked } from "./instances/start.ts";
import { currentState } from "./instances/status.ts";

const doneKey = ["host", "autostart"] as const;

export interface Starter {
  ref: Ref;
  /** expanded configuration */
  config: Config;
}

/** Starts what is to start, if nobody has done so since the host came up. */
export async function autostart(context: Context, signal: AbortSignal, boot = bootId()): Promise<void> {
  await using _alone = await context.store.lock(["autostart"], { signal });
  const done = await context.store.get<string>(doneKey);
  if (done?.value === boot) return;
  for (const { ref, config } of startOrder(await starters(context))) {
    if (signal.aborted) return;
    await start(context, ref);
    await pause((readKey(config, keys.autostartDelay) ?? 0) * 1000, signal);
  }
  await context.store.commit([], [{ key: doneKey, value: boot }]);
}

async function starters(context: Context): Promise<Starter[]> {
  const entries = await context.store.list<InstanceRecord>(["instances"]);
  const found = await Promise.all(entries.map(async ({ key: [, project = "", name = ""], value }) => {
    try {
      const { config } = await expand(context, project, value);
      return [{ ref: { project, name }, config }];
    } catch (error) {
      await logFailed(context, { project, name }, error);
      return [];
    }
  }));
  return found.flat();
}

/** Those that are to start, the most urgent first. */
export function startOrder(all: readonly Starter[]): Starter[] {
  const priority = ({ config }: Starter) => readKey(config, keys.autostartPriority) ?? 0;
  return all.filter(({ config }) =>
    readKey(config, keys.autostart) ?? config["volatile.last_state.power"] === "RUNNING"
  ).toSorted((a, b) => priority(b) - priority(a) || (a.ref.name < b.ref.name ? -1 : 1));
}

/** One that cannot be started keeps no other from it. */
async function start(context: Context, ref: Ref): Promise<void> {
  try {
    await using _lock = await lockInstance(context, ref);
    if (currentState(context, ref).status === "Stopped") await startLocked(context, ref);
  } catch (error) {
    await logFailed(context, ref, error);
  }
}

async function logFailed(context: Context, { project, name }: Ref, error: unknown): Promise<void> {
  const message = `Cannot start instance "${name}" with the host: ${describeError(error)}`;
  await emitLogging(context, { level: "error", message, project });
}

async function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  if (milliseconds === 0 || signal.aborted) return;
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, milliseconds);
  signal.addEventListener("abort", () => resolve(), { once: true });
  await promise;
  clearTimeout(timer);
}
