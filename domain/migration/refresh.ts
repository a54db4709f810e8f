// Bringing an instance up to date with the one on another server that it is a copy of: what has come stands beside it
// until all of it has.

import { DreyError } from "../../errors.ts";
import { formatMap, parseMap } from "../../idmap/map.ts";
import { readLayout } from "../../idmap/ranges.ts";
import type { Context, Ref } from "../context.ts";
import { announcedAll, type Intent } from "../intents.ts";
import { editRecord, instanceEvent } from "../instances/changes.ts";
import { lazyFileRoot } from "../instances/file_root.ts";
import { instanceKey, type InstanceRecord, loadRecord } from "../instances/record.ts";
import { applyRootSize } from "../instances/root_size.ts";
import { atRest } from "../instances/snapshots/at_rest.ts";
import { deleteLocked } from "../instances/snapshots/change.ts";
import { listRecords, nameOf, snapshotKey } from "../instances/snapshots/record.ts";
import { currentState } from "../instances/status.ts";
import { volumeOf } from "../instances/volume_of.ts";
import { openPool } from "../storage_pools/open.ts";
import { withTemporaryVolume } from "../storage_pools/temporary.ts";
import { progressOf } from "./carry.ts";
import { together } from "./channels.ts";
import type { Header, OfferedSnapshot } from "./messages.ts";
import { acceptOffer, type Coming, readIndex, receiveStates, snapshotWrites } from "./sink.ts";
import { isSame } from "./snapshots.ts";

/**
 * Receives what is new of an instance whose lock the caller holds. Its settings stay: whoever copies changes them.
 *
 * @throws {DreyError} `INSTANCE_STATE` while it runs
 */
export async function refreshInstance(
  context: Context,
  ref: Ref,
  { body, channels, task }: Coming,
): Promise<void> {
  await using progress = progressOf(task);
  const isAlone = body.source.instance_only ?? body.source.container_only ?? false;
  await together(channels, task.signal, {
    isTold: false,
    agree: () => {
      if (currentState(context, ref).status !== "Stopped") {
        throw new DreyError("INSTANCE_STATE", { message: "Cannot refresh a running instance" });
      }
      return acceptOffer(channels, { choose: (offer) => missingHere(context, ref, { offer, isAlone }) });
    },
    carry: async (offer, signal) => {
      await readIndex(channels, { ...offer, refresh: true });
      const { value: record } = await loadRecord(context, ref);
      const map = await mapOf(context, record);
      await atRest(context, ref);
      await using hands = lazyFileRoot(context);
      await using pool = await openPool(context, record.pool, hands);
      const volume = volumeOf(ref);
      const intents = offer.snapshots.map(({ name }): Intent => ({
        do: "remove",
        pool: record.pool,
        volume: { ...volume, snapshot: name },
        unless: snapshotKey(ref, name),
      }));
      await announcedAll(context, { intents, locks: [instanceKey(ref)] }, async (done) => {
        const states = { pool, hands, map, offer, channels, signal, progress, name: ref.name };
        await withTemporaryVolume(context, { pool, kind: volume.kind }, async (beside) => {
          await pool.driver.clone(volume, beside);
          await receiveStates(context, states, async (receive) => {
            for (const { name } of offer.snapshots) {
              await receive(beside, name);
              await pool.driver.clone(beside, { ...volume, snapshot: name });
            }
            await receive(beside);
          });
          await pool.driver.clone(beside, volume);
        });
        await editRecord(context, ref, (record) => record, [
          ...snapshotWrites(ref, { snapshots: offer.snapshots, record }),
          ...done,
          instanceEvent(context, ref, "instance-updated"),
        ]);
      });
      await applyRootSize(context, ref);
    },
  });
}

/** Snapshots that are to come; those that the other server has not, or not any more as they were, go. */
async function missingHere(
  context: Context,
  ref: Ref,
  { offer, isAlone }: { offer: Header; isAlone: boolean },
): Promise<{ snapshots: OfferedSnapshot[]; refresh: boolean }> {
  if (isAlone) return { snapshots: [], refresh: true };
  const kept: string[] = [];
  for (const entry of await listRecords(context, ref)) {
    const here = { name: nameOf(entry), created_at: entry.value.created_at };
    if (offer.snapshots.some((offered) => isSame(offered, here))) kept.push(here.name);
    else await deleteLocked(context, ref, here.name);
  }
  return { snapshots: offer.snapshots.filter(({ name }) => !kept.includes(name)), refresh: true };
}

async function mapOf(context: Context, { config }: InstanceRecord) {
  const last = config["volatile.last_state.idmap"];
  return parseMap(last ?? formatMap((await readLayout(context.user)).container));
}
