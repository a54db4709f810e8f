// Another name, project or storage pool for a stopped instance with its snapshots.

import { endFileSessions } from "../../runtime/file_sessions.ts";
import { validateInstanceName } from "../../config/names.ts";
import { DreyError } from "../../errors.ts";
import type { Write } from "../../store/store.ts";
import type { InstancePost } from "../../wire/instance.ts";
import type { Operation } from "../../wire/operation.ts";
import { retryCommit } from "../changed.ts";
import type { Context, Ref } from "../context.ts";
import { backupsFollow, followedByBackups } from "../backups.ts";
import { instanceSubject } from "../backups/record.ts";
import { announced } from "../intents.ts";
import { startOperation } from "../operations.ts";
import { openPool } from "../storage_pools/open.ts";
import { instanceEvent, snapshotEvents, snapshotsIn } from "./changes.ts";
import {
  inOrder,
  instanceAddress,
  instanceKey,
  instancePaths,
  type InstanceRecord,
  loadRecord,
  lockBoth,
  lockInstance,
  newInstanceId,
} from "./record.ts";
import { volumeOf } from "./volume_of.ts";
import { templateTrigger } from "./templates.ts";
import { currentState } from "./status.ts";

/**
 * Renames or moves an instance, or sends it to another server, as an operation.
 *
 * @throws {DreyError} `NOT_FOUND`, `BAD_REQUEST` for the new name
 */
export async function renameInstance(context: Context, ref: Ref, post: InstancePost): Promise<Operation> {
  await loadRecord(context, ref);
  const to = { project: post.project || ref.project, name: post.name || ref.name };
  validateInstanceName(to.name);
  const isElsewhere = post.pool !== undefined && post.pool !== "" || to.project !== ref.project;
  if (post.migration && !isElsewhere) {
    const { sendInstance } = await import("../migration/source.ts");
    return await sendInstance(context, ref, { post });
  }
  // a name that is taken is told at once; whether it still is free when the move comes is looked at again
  const isFree = isElsewhere || await context.store.get(instanceKey(to)) === undefined;
  if (!isFree) throw taken(to.name);
  return await startOperation(context, {
    project: ref.project,
    description: isElsewhere ? "Migrating instance" : "Renaming instance",
    resources: { instances: [instanceAddress(ref.name)] },
    async run() {
      await move(context, ref, { to, pool: post.pool || undefined });
      if (isElsewhere && post.instance_only) await dropSnapshots(context, to);
    },
  });
}

/** What was not to come along. */
async function dropSnapshots(context: Context, ref: Ref): Promise<void> {
  const [{ deleteLocked }, { listRecords, nameOf }] = await Promise.all([
    import("./snapshots/change.ts"),
    import("./snapshots/record.ts"),
  ]);
  await using _lock = await lockInstance(context, ref);
  for (const entry of await listRecords(context, ref)) await deleteLocked(context, ref, nameOf(entry));
}

async function move(
  context: Context,
  from: Ref,
  { to, pool }: { to: Ref; pool: string | undefined },
): Promise<void> {
  if (pool !== undefined) {
    const { moveToPool } = await import("./move_pool.ts");
    await moveToPool(context, from, pool);
  }
  const isSame = from.name === to.name && from.project === to.project;
  if (!isSame) return await rename(context, from, to);
  if (pool !== undefined) return;
  throw new DreyError("ALREADY_EXISTS", { message: `The instance is already called "${to.name}"` });
}

async function rename(context: Context, from: Ref, to: Ref): Promise<void> {
  await mustFit(context, from, to);
  await using _locks = await lockBoth(context, from, to);
  const { value: { pool: poolName } } = await loadRecord(context, from);
  if (currentState(context, from).status !== "Stopped") {
    throw new DreyError("INSTANCE_STATE", {
      message: "Renaming of running instance not allowed",
      hint: `Run: drey stop ${from.name}`,
    });
  }
  if (await context.store.get(instanceKey(to)) !== undefined) throw taken(to.name);
  const [old, now] = [instancePaths(context, from), instancePaths(context, to)];
  await endFileSessions(old.fileSessions);
  const record = instanceKey(to);
  const intent = { do: "rename", pool: poolName, from: volumeOf(from), to: volumeOf(to), record } as const;
  await using pool = await openPool(context, poolName);
  const subjects = { from: instanceSubject(from), to: instanceSubject(to) };
  await followedByBackups(
    context,
    subjects,
    () =>
      announced(context, { intent, locks: inOrder(from, to).map(instanceKey) }, async (done) => {
        await pool.driver.rename(intent.from, intent.to);
        await retryCommit(`Instance "${from.name}"`, async () => {
          const { value, revision } = await loadRecord(context, from);
          const config = { ...value.config, ...newInstanceId(), [templateTrigger]: "rename" };
          const snapshots = await renamedSnapshots(context, from, to);
          return await context.store.commit(
            [{ key: instanceKey(from), revision }, { key: record, revision: 0 }],
            [
              { key: instanceKey(from), delete: true },
              { key: record, value: { ...value, config } },
              done,
              ...snapshots,
              ...await backupsFollow(context, instanceSubject(from), instanceSubject(to)),
              ...renameEvents(context, from, { to, record: value, snapshots: snapshotsIn(snapshots) }),
            ],
          );
        });
      }),
  );
  moveDirectory(old.logs, now.logs);
}

const taken = (name: string) => new DreyError("ALREADY_EXISTS", { message: `Name "${name}" already in use` });

/** Another project must exist, have the instance's profiles, and room for it. */
async function mustFit(context: Context, from: Ref, to: Ref): Promise<void> {
  if (from.project === to.project) return;
  const { mustExist } = await import("../projects/effective.ts");
  await mustExist(context, to.project);
  const { value } = await loadRecord(context, from);
  const { expand } = await import("./expand.ts");
  await expand(context, to.project, value);
  const { mustAllowIn } = await import("../projects/allow.ts");
  await mustAllowIn(context, to.project, { instance: { name: to.name, record: value } });
}

/** Who listens in one project hears that the instance came, and who listens in the other one that it went. */
function renameEvents(
  context: Context,
  from: Ref,
  { to, record, snapshots }: { to: Ref; record: InstanceRecord; snapshots: readonly string[] },
): Write[] {
  if (from.project === to.project) {
    return [instanceEvent(context, to, "instance-renamed", { old_name: from.name })];
  }
  return [
    instanceEvent(context, to, "instance-created", { type: record.type, "storage-pool": record.pool }),
    ...snapshotEvents(context, to, { action: "instance-snapshot-created", snapshots }),
    ...snapshotEvents(context, from, { action: "instance-snapshot-deleted", snapshots }),
    instanceEvent(context, from, "instance-deleted"),
  ];
}

/** Snapshots go where their instance goes. */
async function renamedSnapshots(context: Context, from: Ref, to: Ref): Promise<Write[]> {
  const snapshots = await context.store.list(["instance_snapshots", from.project, from.name]);
  return snapshots.flatMap(({ key, value }): Write[] => [
    { key, delete: true },
    { key: ["instance_snapshots", to.project, to.name, key[3] ?? ""], value },
  ]);
}

function moveDirectory(from: string, to: string): void {
  try {
    Deno.renameSync(from, to);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error; // an instance that never started has none
  }
}
