// Making a custom volume what another server's is by now: the snapshots that are missing here, then itself.

import { validateSnapshotName } from "../../config/names.ts";
import { DreyError } from "../../errors.ts";
import type { Entry } from "../../store/store.ts";
import type { Context } from "../context.ts";
import { lifecycleWrite } from "../events.ts";
import { lazyFileRoot } from "../instances/file_root.ts";
import { announcedAll, type Intent } from "../intents.ts";
import { mustAllowIn } from "../projects/allow.ts";
import { openPool } from "../storage_pools/open.ts";
import { withTemporaryVolume } from "../storage_pools/temporary.ts";
import {
  listSnapshotRecords,
  loadVolume,
  snapshotKey,
  volumeAddress,
  volumeChanged,
  volumeKey,
  volumeOf,
  type VolumeRecord,
  type VolumeRef,
} from "../storage_volumes/record.ts";
import { holdToSize, sizedDisk } from "../storage_volumes/size.ts";
import { deleteLocked } from "../storage_volumes/snapshots.ts";
import { mustRest } from "../storage_volumes/users.ts";
import { progressOf } from "./carry.ts";
import { together } from "./channels.ts";
import { type Header, type OfferedSnapshot, wayOf } from "./messages.ts";
import { acceptOffer, readIndex } from "./sink.ts";
import { isSame } from "./snapshots.ts";
import {
  announcedBytes,
  type Coming,
  type Described,
  describedIn,
  receiveState,
  snapshotWrites,
  type State,
} from "./volume_states.ts";

/** Makes a volume what the other server's is now. */
export async function refreshVolume(
  context: Context,
  ref: VolumeRef,
  { post, channels, task }: Coming,
): Promise<void> {
  await using progress = progressOf(task);
  const present = await loadVolume(context, ref);
  const { content_type } = present.value;
  await together(channels, task.signal, {
    isTold: false,
    agree: async () => {
      if ((post.content_type || "filesystem") !== content_type) {
        throw new DreyError("BAD_REQUEST", {
          message: "Cannot refresh a volume from one of another content type",
        });
      }
      await mustRest(context, ref, "refresh");
      const isAlone = post.source?.volume_only ?? false;
      return await acceptOffer(channels, {
        way: wayOf(content_type),
        choose: (offer) => missingHere(context, ref, { offer, isAlone }),
      });
    },
    carry: async (offer, signal) => {
      const index = await readIndex(channels, { ...offer, refresh: true });
      const described = describedIn(index, { offer, post, now: context.now().getTime() });
      const limit = await announcedBytes(context, ref, { record: present.value, offer, described });
      await replace(context, ref, { present, described, offer, channels, signal, progress, limit });
    },
  });
}

type Replacing = Pick<State, "offer" | "channels" | "signal" | "progress" | "limit"> & {
  present: Entry<VolumeRecord>;
  described: Described;
};

/** Puts what comes in the place of a volume: it stands beside it until all of it has come. */
async function replace(
  context: Context,
  ref: VolumeRef,
  { present: { value: record, revision }, described: { volume: last, snapshots }, ...coming }: Replacing,
): Promise<void> {
  await using hands = lazyFileRoot(context);
  await using pool = await openPool(context, ref.pool, hands);
  const { driver } = pool;
  const volume = volumeOf(ref);
  const intents = snapshots.map(({ name }): Intent => ({
    do: "remove",
    pool: ref.pool,
    volume: volumeOf(ref, name),
    unless: snapshotKey(ref, name),
  }));
  const key = volumeKey(ref);
  let value = record;
  await announcedAll(context, { intents, locks: [key] }, async (done) => {
    await withTemporaryVolume(context, { pool, kind: volume.kind }, async (beside) => {
      const states = { ...coming, pool, record, name: ref.name, volume: beside };
      await driver.clone(volume, beside);
      for (const described of snapshots) {
        await receiveState(context, { ...states, described });
        await driver.clone(beside, volumeOf(ref, described.name));
      }
      await receiveState(context, { ...states, described: last });
      value = await sizedDisk(driver, beside, record);
      await mustAllowIn(context, ref.project, { volume: { ...ref, config: value.config } });
      await mustRest(context, ref, "refresh");
      await driver.clone(beside, volume);
      await holdToSize(driver, volume, record);
    });
    const source = volumeAddress(ref);
    const isKept = await context.store.commit([{ key, revision }], [
      { key, value },
      ...snapshotWrites(ref, { snapshots, record }),
      ...done,
      lifecycleWrite(context, { project: ref.project, action: "storage-volume-updated", source }),
    ]);
    if (!isKept) throw volumeChanged(ref);
  });
}

/** Snapshots that are to come; those that the other server has not, or not any more as they were, go. */
async function missingHere(
  context: Context,
  ref: VolumeRef,
  { offer, isAlone }: { offer: Header; isAlone: boolean },
): Promise<{ snapshots: OfferedSnapshot[]; refresh: boolean }> {
  if (isAlone) return { snapshots: [], refresh: true };
  for (const { name } of offer.snapshots) validateSnapshotName(name);
  const kept: string[] = [];
  for (const { name, record: { created_at } } of await listSnapshotRecords(context, ref)) {
    // LXD does not say when a volume's snapshots were made
    const isHere = (offered: OfferedSnapshot) =>
      offered.createdAt === 0 ? offered.name === name : isSame(offered, { name, created_at });
    if (offer.snapshots.some(isHere)) kept.push(name);
    else await deleteLocked(context, ref, name);
  }
  return { snapshots: offer.snapshots.filter(({ name }) => !kept.includes(name)), refresh: true };
}
