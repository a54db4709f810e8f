// Snapshots that are due by schedule, and those whose time is over: seen to by `drey serve` every minute, and by the
// first command after a minute in which something was due. What takes and deletes snapshots is loaded only then.

import { isDue } from "../../../config/schedule.ts";
import { describeError } from "../../../errors.ts";
import type { Entry } from "../../../store/store.ts";
import type { Context, Ref } from "../../context.ts";
import { emitLogging } from "../../events.ts";
import { expand } from "../expand.ts";
import { type InstanceRecord, lockInstance } from "../record.ts";
import { currentState } from "../status.ts";
import { expiryOf } from "./naming.ts";
import { loadSnapshot, nameOf, type SnapshotRecord } from "./record.ts";

/** Takes the snapshots that became due in a span of time, the end of it included, and deletes expired ones. */
export async function keepSnapshots(context: Context, span: { after: Date; until: Date }): Promise<void> {
  for (const { key, value } of await context.store.list<InstanceRecord>(["instances"])) {
    const ref = { project: key[1] ?? "", name: key[2] ?? "" };
    await attempt(context, ref, () => takeIfDue(context, ref, { record: value, ...span }));
  }
  const now = span.until.toISOString();
  for (const entry of await context.store.list<SnapshotRecord>(["instance_snapshots"])) {
    const { expires_at } = entry.value;
    if (expires_at === "" || expires_at > now) continue;
    const ref = { project: entry.key[1] ?? "", name: entry.key[2] ?? "" };
    await attempt(context, ref, () => expire(context, ref, { entry, now }));
  }
}

/** Takes the snapshot that `@startup` asks for, of an instance that is about to start; the caller holds its lock. */
export async function snapshotAtStartup(context: Context, ref: Ref): Promise<void> {
  await attempt(context, ref, () => scheduled(context, ref));
}

async function takeIfDue(
  context: Context,
  ref: Ref,
  { record, after, until }: { record: InstanceRecord; after: Date; until: Date },
): Promise<void> {
  const { config } = await expand(context, ref.project, record);
  const schedule = config["snapshots.schedule"] ?? "";
  if (schedule === "" || !isDue(schedule, after, until)) return;
  const isStopped = currentState(context, ref).status === "Stopped";
  if (isStopped && !/^(true|1|yes|on)$/i.test(config["snapshots.schedule.stopped"] ?? "")) return;
  await using _lock = await lockInstance(context, ref);
  await scheduled(context, ref);
}

async function scheduled(context: Context, ref: Ref): Promise<void> {
  const entry = await context.store.get<InstanceRecord>(["instances", ref.project, ref.name]);
  if (entry === undefined) return; // gone meanwhile
  const { config } = await expand(context, ref.project, entry.value);
  const { newName, snapshotLocked } = await import("./create.ts");
  const expires = expiryOf(context.now(), undefined, config);
  await snapshotLocked(context, ref, { name: await newName(context, ref), expires });
}

async function expire(
  context: Context,
  ref: Ref,
  { entry, now }: { entry: Entry<SnapshotRecord>; now: string },
): Promise<void> {
  await using _lock = await lockInstance(context, ref);
  const { value } = await loadSnapshot(context, ref, nameOf(entry));
  // it may have been given more time while we waited
  if (value.expires_at === "" || value.expires_at > now) return;
  const { deleteLocked } = await import("./change.ts");
  await deleteLocked(context, ref, nameOf(entry));
}

/** One instance that fails does not keep the others from theirs. */
async function attempt(context: Context, ref: Ref, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    const message = `Cannot look after the snapshots of instance "${ref.name}": ${describeError(error)}`;
    await emitLogging(context, { level: "warning", message, project: ref.project });
  }
}
