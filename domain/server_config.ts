// The settings of the server, `core.https_address` and the like.

import { mustKnowEmptied, readKey, type Values, withoutEmpty } from "../config/key.ts";
import { type ServerKey, validateServerConfig } from "../config/server_keys.ts";
import { DreyError } from "../errors.ts";
import type { ServerPut } from "../wire/server.ts";
import type { Context } from "./context.ts";
import { lifecycleWrite } from "./events.ts";

/** Where the store keeps them. */
export const configKey = ["server", "config"] as const;

/** The keys that are set. */
export async function readServerConfig(context: Context): Promise<Values> {
  return (await context.store.get<Values>(configKey))?.value ?? {};
}

/** The value of one key: what was set, else its default. */
export async function serverSetting<T>(context: Context, row: ServerKey<T>): Promise<T | undefined> {
  return readKey(await readServerConfig(context), row);
}

/**
 * Has the settings in force followed, whoever has changed them. Not beside a change of this process, which is followed
 * before it counts: what listens would be told two things at once.
 */
export async function followServerConfig(
  context: Context,
  follow: (config: Values) => Promise<void>,
): Promise<void> {
  await using _alone = await context.store.lock(configKey);
  await follow(await readServerConfig(context));
}

/** Replaces the settings; what the body leaves out is unset. */
export async function updateServerConfig(context: Context, put: ServerPut): Promise<void> {
  await change(context, () => asTexts(put));
}

/** Changes the settings the body names; an empty value unsets one. */
export async function patchServerConfig(context: Context, put: ServerPut): Promise<void> {
  await change(context, (old) => ({ ...old, ...asTexts(put) }));
}

async function change(context: Context, to: (old: Values) => Values): Promise<void> {
  // one at a time: a server that listens somewhere else meanwhile must not be told two things
  await using _alone = await context.store.lock(configKey);
  const old = await context.store.get<Values>(configKey);
  const wanted = to(old?.value ?? {});
  mustKnowEmptied(wanted, validateServerConfig);
  const next = withoutEmpty(wanted);
  const changed = changedKeys(old?.value ?? {}, next);
  if (changed.length === 0) return;
  validateServerConfig(next);
  await context.applyConfig?.(next);
  const metadata = Object.fromEntries(changed.map((name) => [name, next[name] ?? ""]));
  await context.store.commit([], [
    { key: configKey, value: next },
    lifecycleWrite(context, {
      project: "default",
      action: "config-updated",
      source: "/1.0",
      context: metadata,
    }),
  ]);
}

function changedKeys(old: Values, next: Values): string[] {
  return [...new Set([...Object.keys(old), ...Object.keys(next)])].filter((name) => old[name] !== next[name]);
}

/** LXD takes numbers and booleans too, and keeps texts. */
function asTexts({ config }: ServerPut): Record<string, string> {
  const entries = Object.entries(config ?? {}).map(([name, value]): [string, string] => {
    if (value === null) return [name, ""];
    if (["string", "number", "boolean"].includes(typeof value)) return [name, String(value)];
    throw new DreyError("BAD_REQUEST", { message: `Invalid value for "${name}": expected text` });
  });
  return Object.fromEntries(entries);
}
