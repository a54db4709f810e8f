// Snapshots of custom volumes that are due by schedule, and those whose time is over: seen to together with those of
// instances.

import { isDue } from "../../config/schedule.ts";
import { describeError } from "../../errors.ts";
import type { Context } from "../context.ts";
import { emitLogging } from "../events.ts";
import { expiryOf } from "../instances/snapshots/naming.ts";
import {
  loadSnapshot,
  lockVolume,
  refOfKey,
  volumeKey,
  type VolumeRecord,
  type VolumeRef,
  type VolumeSnapshotRecord,
} from "./record.ts";

/** Takes the snapshots that became due in a span of time, the end of it included, and deletes expired ones. */
export async function keepVolumeSnapshots(
  context: Context,
  { after, until }: { after: Date; until: Date },
): Promise<void> {
  for (const { key, value } of await context.store.list<VolumeRecord>(["volumes"])) {
    const schedule = value.config["snapshots.schedule"] ?? "";
    if (schedule === "" || !isDue(schedule, after, until)) continue;
    const ref = refOfKey(key);
    await attempt(context, ref, () => scheduled(context, ref));
  }
  const now = until.toISOString();
  for (const { key, value } of await context.store.list<VolumeSnapshotRecord>(["volume_snapshots"])) {
    if (!isOver(value, now)) continue;
    const ref = refOfKey(key);
    await attempt(context, ref, () => expire(context, ref, { snapshot: key[4] ?? "", now }));
  }
}

const isOver = ({ expires_at }: VolumeSnapshotRecord, now: string) => expires_at !== "" && expires_at <= now;

async function scheduled(context: Context, ref: VolumeRef): Promise<void> {
  await using _lock = await lockVolume(context, ref);
  const entry = await context.store.get<VolumeRecord>(volumeKey(ref));
  if (entry === undefined) return; // gone meanwhile
  const { config, description } = entry.value;
  const { newName, snapshotLocked } = await import("./snapshots.ts");
  const name = await newName(context, ref, entry.value);
  const expires_at = expiryOf(context.now(), undefined, config);
  await snapshotLocked(context, ref, { name, expires_at, description });
}

async function expire(
  context: Context,
  ref: VolumeRef,
  { snapshot, now }: { snapshot: string; now: string },
): Promise<void> {
  await using _lock = await lockVolume(context, ref);
  const { value } = await loadSnapshot(context, ref, snapshot);
  // it may have been given more time while we waited
  if (!isOver(value, now)) return;
  const { deleteLocked } = await import("./snapshots.ts");
  await deleteLocked(context, ref, snapshot);
}

/** One volume that fails does not keep the others from theirs. */
async function attempt(context: Context, ref: VolumeRef, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    const message = `Cannot look after the snapshots of storage volume "${ref.name}": ${
      describeError(error)
    }`;
    await emitLogging(context, { level: "warning", message, project: ref.project });
  }
}
