// What is due at a certain time: looked at once a minute, by whichever process comes first.

import type { Context } from "./context.ts";

const key = ["schedule"];
const minute = 60_000;

interface Looked {
  /** until when everything that was due has been seen to */
  until: string;
}

/** Does what became due since somebody last looked. Costs one read of the store within the same minute. */
export async function doWhatIsDue(context: Context): Promise<void> {
  const entry = await context.store.get<Looked>(key);
  const until = context.now();
  const after = entry === undefined ? until : new Date(entry.value.until);
  if (entry !== undefined && Math.floor(until.getTime() / minute) <= Math.floor(after.getTime() / minute)) {
    return;
  }
  const value: Looked = { until: until.toISOString() };
  const isOurs = await context.store.commit([{ key, revision: entry?.revision ?? 0 }], [{ key, value }]);
  if (!isOurs || entry === undefined) return; // somebody else looks after this minute, or nothing was due before
  const { keepSnapshots } = await import("./instances/snapshots/upkeep.ts");
  await keepSnapshots(context, { after, until });
  const { keepVolumeSnapshots } = await import("./storage_volumes/upkeep.ts");
  await keepVolumeSnapshots(context, { after, until });
}
