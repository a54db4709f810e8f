// A volume that is there for as long as some work on a pool takes: who is killed meanwhile leaves it to the next command.

import type { Volume, VolumeKind } from "../../storage/driver.ts";
import type { Context } from "../context.ts";
import { announced } from "../intents.ts";
import type { OpenPool } from "./open.ts";

/** Does work that makes a volume of this name; the volume is removed at the end. */
export async function withTemporaryVolume(
  context: Context,
  { pool, kind }: { pool: OpenPool; kind: VolumeKind },
  work: (volume: Volume) => Promise<void>,
): Promise<void> {
  const volume: Volume = { kind, name: `.copy-${crypto.randomUUID()}` };
  const intent = { do: "remove", pool: pool.name, volume } as const;
  await announced(context, { intent, locks: [["temporary-volume", volume.name]] }, async (done) => {
    await work(volume);
    await pool.driver.remove(volume);
    await context.store.commit([], [done]);
  });
}
