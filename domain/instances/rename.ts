// Renaming a stopped instance: its record and its directories.

import { endFileSessions } from "../../runtime/file_sessions.ts";
import { validateInstanceName } from "../../config/names.ts";
import { DreyError } from "../../errors.ts";
import type { Write } from "../../store/store.ts";
import type { InstancePost } from "../../wire/instance.ts";
import type { Operation } from "../../wire/operation.ts";
import type { Context, Ref } from "../context.ts";
import { lifecycleWrite } from "../events.ts";
import { announced } from "../intents.ts";
import { startOperation } from "../operations.ts";
import { openPool } from "../storage_pools/open.ts";
import { instanceAddress, instanceKey, instancePaths, loadRecord, lockInstance } from "./record.ts";
import { volumeOf } from "./root_volume.ts";
import { templateTrigger } from "./templates.ts";
import { currentState } from "./status.ts";

/**
 * Renames an instance, as an operation.
 *
 * @throws {DreyError} `NOT_FOUND`, `BAD_REQUEST` for the new name, `NOT_SUPPORTED` for moves to elsewhere
 */
export async function renameInstance(context: Context, ref: Ref, post: InstancePost): Promise<Operation> {
  await loadRecord(context, ref);
  validateInstanceName(post.name);
  if (post.migration || post.pool || (post.project && post.project !== ref.project)) {
    throw new DreyError("NOT_SUPPORTED", {
      message: "Moving instances between servers, pools and projects is not supported yet",
    });
  }
  const to = { project: ref.project, name: post.name };
  return await startOperation(context, {
    project: ref.project,
    description: "Renaming instance",
    resources: { instances: [instanceAddress(ref.name)] },
    run: () => rename(context, ref, to),
  });
}

async function rename(context: Context, from: Ref, to: Ref): Promise<void> {
  if (from.name === to.name) {
    throw new DreyError("ALREADY_EXISTS", { message: `The instance is already called "${to.name}"` });
  }
  // in the order of names, so that two renames that cross cannot wait for each other
  const [first, second] = from.name < to.name ? [from, to] : [to, from];
  await using _one = await lockInstance(context, first);
  await using _two = await lockInstance(context, second);
  const { value, revision } = await loadRecord(context, from);
  if (currentState(context, from).status !== "Stopped") {
    throw new DreyError("INSTANCE_STATE", { message: "Renaming of running instance not allowed" });
  }
  const old = instancePaths(context, from);
  const now = instancePaths(context, to);
  const said = {
    project: to.project,
    action: "instance-renamed",
    source: instanceAddress(to.name),
    context: { old_name: from.name },
  };
  if (await context.store.get(instanceKey(to)) !== undefined) {
    throw new DreyError("ALREADY_EXISTS", { message: `Name "${to.name}" already in use` });
  }
  await endFileSessions(old.fileSessions);
  const record = instanceKey(to);
  const intent = { do: "rename", pool: value.pool, from: volumeOf(from), to: volumeOf(to), record } as const;
  await using pool = await openPool(context, value.pool);
  await announced(context, { intent, locks: [instanceKey(first), instanceKey(second)] }, async (done) => {
    await pool.driver.rename(intent.from, intent.to);
    const isDone = await context.store.commit(
      [{ key: instanceKey(from), revision }, { key: record, revision: 0 }],
      [
        { key: instanceKey(from), delete: true },
        { key: record, value: { ...value, config: { ...value.config, [templateTrigger]: "rename" } } },
        done,
        ...await renamedSnapshots(context, from, to),
        lifecycleWrite(context, said),
      ],
    );
    if (isDone) return;
    throw new DreyError("CONFLICT", { message: `Instance "${from.name}" was changed meanwhile` });
  });
  moveDirectory(old.logs, now.logs);
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
