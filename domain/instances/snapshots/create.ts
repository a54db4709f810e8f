// Taking a snapshot of an instance, running or not.

import { validateSnapshotName } from "../../../config/names.ts";
import { DreyError } from "../../../errors.ts";
import type { Operation } from "../../../wire/operation.ts";
import type { InstanceSnapshotsPost } from "../../../wire/instance_snapshot.ts";
import type { Context, Ref } from "../../context.ts";
import { lifecycleWrite } from "../../events.ts";
import { announced } from "../../intents.ts";
import { startOperation } from "../../operations.ts";
import { openPool } from "../../storage_pools/open.ts";
import { expand } from "../expand.ts";
import { instanceAddress, instanceKey, loadRecord, lockInstance } from "../record.ts";
import { volumeOf } from "../volume_of.ts";
import { atRest } from "./at_rest.ts";
import { manualExpiryOf, nextName } from "./naming.ts";
import { listRecords, nameOf, snapshotAddress, snapshotKey, type SnapshotRecord } from "./record.ts";

/**
 * Takes a snapshot, as an operation.
 *
 * @throws {DreyError} `NOT_FOUND`, `ALREADY_EXISTS`, `BAD_REQUEST` for a name or time, `NOT_SUPPORTED` for stateful ones
 */
export async function createSnapshot(
  context: Context,
  ref: Ref,
  post: InstanceSnapshotsPost,
): Promise<Operation> {
  const { mustAllowSaving } = await import("../../projects/allow.ts");
  await mustAllowSaving(context, ref.project, "snapshots");
  const { value: record } = await loadRecord(context, ref);
  const stateful = post.stateful ?? false;
  if (stateful && record.type !== "virtual-machine") throw noState();
  const name = post.name || await newName(context, ref);
  validateSnapshotName(name);
  await refuseTaken(context, ref, name);
  const { config } = await expand(context, ref.project, record);
  const expires = manualExpiryOf(context.now(), post.expires_at, config);
  return await startOperation(context, {
    project: ref.project,
    description: "Snapshotting instance",
    resources: {
      instances: [instanceAddress(ref.name)],
      instances_snapshots: [snapshotAddress(ref.name, name)],
    },
    run: async (task) => {
      await using _lock = await lockInstance(context, ref, task.signal);
      await snapshotLocked(context, ref, { name, expires, stateful });
    },
  });
}

/** A name by the instance's pattern. */
export async function newName(context: Context, ref: Ref): Promise<string> {
  const { value: record } = await loadRecord(context, ref);
  const { config } = await expand(context, ref.project, record);
  const names = (await listRecords(context, ref)).map(nameOf);
  return nextName({ now: context.now(), pattern: config["snapshots.pattern"], taken: names });
}

/** Takes a snapshot of an instance whose lock the caller holds. */
export async function snapshotLocked(
  context: Context,
  ref: Ref,
  { name, expires, stateful = false }: { name: string; expires: string; stateful?: boolean },
): Promise<void> {
  await refuseTaken(context, ref, name);
  const { value: instance } = await loadRecord(context, ref);
  const volume = { ...volumeOf(ref), snapshot: name };
  const key = snapshotKey(ref, name);
  const intent = { do: "remove", pool: instance.pool, volume, unless: key } as const;
  await using pool = await openPool(context, instance.pool);
  await announced(context, { intent, locks: [instanceKey(ref)] }, async (done) => {
    if (stateful) {
      const { withMemory } = await import("../stateful.ts");
      await withMemory(context, ref, () => pool.driver.snapshot(volume, { still: (work) => work() }));
    } else await pool.driver.snapshot(volume, await atRest(context, ref));
    const record: SnapshotRecord = {
      ...instance,
      stateful,
      created_at: context.now().toISOString(),
      expires_at: expires,
    };
    const isFree = await context.store.commit([{ key, revision: 0 }], [
      { key, value: record },
      done,
      lifecycleWrite(context, {
        project: ref.project,
        action: "instance-snapshot-created",
        source: snapshotAddress(ref.name, name),
      }),
    ]);
    if (!isFree) throw taken(ref, name);
  });
}

async function refuseTaken(context: Context, ref: Ref, name: string): Promise<void> {
  if (await context.store.get(snapshotKey(ref, name)) !== undefined) throw taken(ref, name);
}

const taken = (ref: Ref, name: string) =>
  new DreyError("ALREADY_EXISTS", { message: `Snapshot "${name}" of instance "${ref.name}" already exists` });

const noState = () =>
  new DreyError("NOT_SUPPORTED", {
    message: "Stateful snapshots are not supported: the memory of a container cannot be kept",
    hint: "Leave out --stateful to keep its files",
  });
