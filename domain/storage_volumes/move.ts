// Another name, storage pool or project for a custom volume, with its snapshots; whoever uses it follows.

import { validateVolumeName } from "../../config/names.ts";
import { DreyError } from "../../errors.ts";
import type { Write } from "../../store/store.ts";
import type { Operation } from "../../wire/operation.ts";
import type { StorageVolumePost } from "../../wire/storage_volume.ts";
import type { Context } from "../context.ts";
import { lifecycleWrite } from "../events.ts";
import { announced, finishLater } from "../intents.ts";
import { backupsFollow, followedByBackups, forgetBackups } from "../backups.ts";
import { volumeSubject } from "../backups/record.ts";
import { effectiveProject } from "../projects/effective.ts";
import { openPool } from "../storage_pools/open.ts";
import { loadPool } from "../storage_pools/record.ts";
import { copyLocked } from "./copy.ts";
import { volumeOperation } from "./create.ts";
import {
  listSnapshotRecords,
  loadVolume,
  lockBoth,
  snapshotKey,
  taken,
  volumeAddress,
  volumeChanged,
  volumeKey,
  volumeOf,
  type VolumeRef,
} from "./record.ts";
import { forgetSize, noteNewSize } from "./size.ts";
import { mustRest, usersFollow, volumeUsers } from "./users.ts";
import { deleted, forgetVolume, noteRemoval } from "./change.ts";

/**
 * Gives a volume another name, or another pool or project; whoever uses it follows. A move between pools takes a while:
 * it is answered with its operation.
 *
 * @throws {DreyError} `NOT_FOUND`, `ALREADY_EXISTS`, `BAD_REQUEST` while instances run with it
 */
export async function moveVolume(
  context: Context,
  from: VolumeRef,
  post: StorageVolumePost,
): Promise<Operation | undefined> {
  if (post.migration) {
    const { sendVolume } = await import("../migration/volume_source.ts");
    return await sendVolume(context, from, { target: post.target, volumeOnly: post.volume_only ?? false });
  }
  validateVolumeName(post.name);
  const to = {
    project: post.project ? await effectiveProject(context, post.project, "storage.volumes") : from.project,
    pool: post.pool || from.pool,
    name: post.name,
  };
  await loadPool(context, to.pool);
  await loadVolume(context, from);
  if (await context.store.get(volumeKey(to)) !== undefined) throw taken(to);
  if (to.pool === from.pool && !post.pool && !post.project) {
    await renameVolume(context, from, to);
    return undefined;
  }
  return await volumeOperation(context, to, {
    description: "Moving storage volume",
    run: () => to.pool === from.pool ? renameVolume(context, from, to) : moveBetween(context, from, to),
  });
}

async function renameVolume(context: Context, from: VolumeRef, to: VolumeRef): Promise<void> {
  await using _locks = await lockBoth(context, from, to);
  const { value, revision } = await loadVolume(context, from);
  await mustMove(context, from, to);
  const snapshots = await listSnapshotRecords(context, from);
  const users = await usersFollow(context, from, to);
  const key = volumeKey(to);
  const intent = {
    do: "rename",
    pool: from.pool,
    from: volumeOf(from),
    to: volumeOf(to),
    record: key,
  } as const;
  await using pool = await openPool(context, from.pool);
  const locks = [volumeKey(from), key].sort((a, b) => a.join("/") < b.join("/") ? -1 : 1);
  const subjects = { from: volumeSubject(from), to: volumeSubject(to) };
  await followedByBackups(context, subjects, () =>
    announced(context, { intent, locks }, async (done) => {
      await pool.driver.rename(volumeOf(from), volumeOf(to));
      const isFree = await context.store.commit(
        [{ key, revision: 0 }, { key: volumeKey(from), revision }, ...users.checks],
        [
          { key: volumeKey(from), delete: true },
          { key, value },
          ...snapshots.flatMap(({ name, record }): Write[] => [
            { key: snapshotKey(from, name), delete: true },
            { key: snapshotKey(to, name), value: record },
          ]),
          ...users.writes,
          ...await backupsFollow(context, volumeSubject(from), volumeSubject(to)),
          ...await forgetSize(context, from),
          done,
          lifecycleWrite(context, {
            project: to.project,
            action: "storage-volume-renamed",
            source: volumeAddress(to),
            context: { old_name: from.name },
          }),
        ],
      );
      if (!isFree) throw volumeChanged(from);
    }));
  await noteNewSize(context, to);
}

/** Between pools there is a copy first; the commit that makes it count forgets the old one, whose files go then. */
async function moveBetween(context: Context, from: VolumeRef, to: VolumeRef): Promise<void> {
  await using _locks = await lockBoth(context, from, to);
  await mustMove(context, from, to);
  await using pool = await openPool(context, from.pool);
  const removal = noteRemoval(from);
  const backups = await forgetBackups(context, volumeSubject(from));
  await copyLocked(context, { from, to, volumeOnly: false, refresh: false }, async () => {
    const { revision } = await loadVolume(context, from);
    const users = await usersFollow(context, from, to);
    return {
      checks: [{ key: volumeKey(from), revision }, ...users.checks],
      writes: [
        ...users.writes,
        ...await forgetVolume(context, from),
        ...backups.writes,
        deleted(context, from),
        removal.write,
      ],
    };
  });
  await backups.removeFiles();
  await finishLater(context, removal, () => pool.driver.remove(volumeOf(from)));
  await noteNewSize(context, to);
}

/** Users cannot follow into another project. */
async function mustMove(context: Context, from: VolumeRef, to: VolumeRef): Promise<void> {
  await mustRest(context, from, "move");
  if (from.project === to.project) return;
  const users = await volumeUsers(context, from);
  if (users.length === 0) return;
  throw new DreyError("BAD_REQUEST", {
    message: `Cannot move storage volume "${from.name}" to another project: it is in use`,
    hint: `It is used by: ${users.slice(0, 5).join(", ")}`,
  });
}
