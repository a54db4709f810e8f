// Receiving a custom volume from another server: its snapshots in the order of their making, then itself, all of them
// into one volume that counts once everything has come. LXD's lxd/migrate_storage_volumes.go.

import { validateVolumeConfig } from "../../config/volume_keys.ts";
import { DreyError } from "../../errors.ts";
import type { Snapshot } from "../../storage/driver.ts";
import type { Config } from "../../wire/instance.ts";
import type { Operation } from "../../wire/operation.ts";
import type { StorageVolumesPost, VolumeContent } from "../../wire/storage_volume.ts";
import { inProject } from "../../wire/address.ts";
import { withoutEmpty } from "../../config/key.ts";
import type { Context } from "../context.ts";
import { lazyFileRoot } from "../instances/file_root.ts";
import { openPool } from "../storage_pools/open.ts";
import { emptyContent } from "../storage_volumes/content.ts";
import { enterVolume, newRecord, userConfig } from "../storage_volumes/create.ts";
import {
  lockVolume,
  taken,
  volumeAddress,
  volumeKey,
  volumeOf,
  type VolumeRecord,
  type VolumeRef,
} from "../storage_volumes/record.ts";
import { makeVolume, noteNewSize, sizedDisk } from "../storage_volumes/size.ts";
import { progressOf } from "./carry.ts";
import { together } from "./channels.ts";
import { wayOf } from "./messages.ts";
import { startMigration } from "./operation.ts";
import { acceptOffer, meetingOf, readIndex } from "./sink.ts";
import { announcedBytes, type Coming, describedIn, receiveState, snapshotWrites } from "./volume_states.ts";
import { refreshVolume } from "./volume_refresh.ts";

/**
 * Starts to receive a volume: from the operation of another server, or from whoever comes with the secrets of this one.
 *
 * @throws {DreyError} `BAD_REQUEST`, `ALREADY_EXISTS`
 */
export async function receiveVolume(
  context: Context,
  ref: VolumeRef,
  post: StorageVolumesPost,
): Promise<Operation> {
  const { source = {} } = post;
  const isThere = await context.store.get(volumeKey(ref)) !== undefined;
  const refreshing = source.refresh === true && isThere;
  if (isThere && !refreshing) throw taken(ref);
  const { record, warnings } = wantedRecord(context, post);
  return await startMigration(context, {
    project: ref.project,
    description: "Creating storage volume",
    resources: { storage_volumes: [inProject(volumeAddress(ref), ref.project)] },
    meeting: meetingOf(source),
    work: async (channels, task) => {
      await using _lock = await lockVolume(context, ref, task.signal);
      const coming = { post, channels, task };
      if (refreshing) await refreshVolume(context, ref, coming);
      else await receive(context, ref, { ...coming, record });
      warnings.push(...await noteNewSize(context, ref));
      if (warnings.length > 0) await task.update({ warnings });
    },
  });
}

/** The record of the new volume, and what of its settings there is not here, for people. */
function wantedRecord(context: Context, post: StorageVolumesPost) {
  const content_type = post.content_type || "filesystem";
  const given = Object.entries(userConfig(withoutEmpty(post.config ?? {})));
  const isKnown = ([key, value]: [string, string]) => isUsable(content_type, { [key]: value });
  const dropped = given.filter((entry) => !isKnown(entry)).map(([key]) => key);
  return {
    record: newRecord(context, { ...post, config: Object.fromEntries(given.filter(isKnown)) }),
    warnings: dropped.map((key) => `left out the configuration key "${key}", which is not supported yet`),
  };
}

function isUsable(content: string, config: Config): boolean {
  try {
    validateVolumeConfig(content as VolumeContent, config);
    return true;
  } catch (error) {
    if (error instanceof DreyError) return false;
    throw error;
  }
}

async function receive(
  context: Context,
  ref: VolumeRef,
  { post, record, channels, task }: Coming & { record: VolumeRecord },
): Promise<void> {
  if (await context.store.get(volumeKey(ref)) !== undefined) throw taken(ref);
  await using progress = progressOf(task);
  await together(channels, task.signal, {
    isTold: false,
    agree: () => acceptOffer(channels, { way: wayOf(record.content_type) }),
    carry: async (offer, signal) => {
      const described = describedIn(await readIndex(channels, offer), {
        offer,
        post,
        now: context.now().getTime(),
      });
      await using hands = lazyFileRoot(context);
      const limit = await announcedBytes(context, ref, { record, offer, described });
      await enterVolume(context, ref, {
        record,
        make: async () => {
          await using pool = await openPool(context, ref.pool, hands);
          const { driver } = pool;
          const states = { pool, record, offer, channels, signal, progress, limit, name: ref.name };
          await makeVolume(driver, volumeOf(ref), await emptyContent(context, record));
          for (const snapshot of described.snapshots) {
            await receiveState(context, { ...states, volume: volumeOf(ref), described: snapshot });
            await driver.snapshot(volumeOf(ref, snapshot.name) as Snapshot);
          }
          await receiveState(context, { ...states, volume: volumeOf(ref), described: described.volume });
          return await sizedDisk(driver, volumeOf(ref), record);
        },
        more: snapshotWrites(ref, { snapshots: described.snapshots, record }),
      });
    },
  });
}
