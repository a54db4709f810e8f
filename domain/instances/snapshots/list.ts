// Snapshots as the API shows them.

import { DreyError } from "../../../errors.ts";
import type { Entry } from "../../../store/store.ts";
import type { InstanceSnapshot } from "../../../wire/instance_snapshot.ts";
import type { Context, Ref } from "../../context.ts";
import { expand } from "../expand.ts";
import { shownExpiry } from "../../../wire/expiry.ts";
import { loadRecord } from "../record.ts";
import { shownConfig } from "../shown_config.ts";
import { listRecords, loadSnapshot, nameOf, type SnapshotRecord } from "./record.ts";

/**
 * All snapshots of an instance, the oldest first.
 *
 * @throws {DreyError} `NOT_FOUND` for the instance
 */
export async function listSnapshots(context: Context, ref: Ref): Promise<InstanceSnapshot[]> {
  await loadRecord(context, ref);
  const entries = await listRecords(context, ref);
  const sizes = await snapshotSizes(context, ref, entries);
  return await Promise.all(entries.map((entry) => toWire(context, ref, { entry, sizes })));
}

/** @throws {DreyError} `NOT_FOUND` */
export async function getSnapshot(context: Context, ref: Ref, snapshot: string): Promise<InstanceSnapshot> {
  await loadRecord(context, ref);
  const entry = await loadSnapshot(context, ref, snapshot);
  return await toWire(context, ref, { entry, sizes: await snapshotSizes(context, ref, [entry]) });
}

/** Most instances have none, and their listing loads nothing for it. */
async function snapshotSizes(context: Context, ref: Ref, entries: readonly Entry<SnapshotRecord>[]) {
  if (entries.length === 0) return new Map<string, number>();
  return await (await import("./sizes.ts")).snapshotSizes(context, ref, entries);
}

async function toWire(
  context: Context,
  { project }: Ref,
  { entry, sizes }: { entry: Entry<SnapshotRecord>; sizes: ReadonlyMap<string, number> },
): Promise<InstanceSnapshot> {
  const record = { ...entry.value, config: shownConfig(entry.value) };
  const { config, devices } = await expandedThen(context, project, record);
  return {
    name: nameOf(entry),
    architecture: record.architecture,
    config: record.config,
    created_at: record.created_at,
    devices: record.devices,
    ephemeral: record.ephemeral,
    expanded_config: config,
    expanded_devices: devices,
    expires_at: shownExpiry(record.expires_at),
    last_used_at: shownExpiry(""), // it never was
    profiles: record.profiles,
    size: sizes.get(nameOf(entry)) ?? -1,
    stateful: record.stateful,
  };
}

/** With the profiles as they are now; one that is gone adds nothing. */
async function expandedThen(context: Context, project: string, record: SnapshotRecord) {
  try {
    return await expand(context, project, record);
  } catch (error) {
    if (error instanceof DreyError && error.code === "NOT_FOUND") return record;
    throw error;
  }
}
