// Going back to a snapshot: the files, then the settings. Noted before it begins, so that one that is cut short is
// finished by the next command.

import { validateDevices } from "../../../config/device_keys.ts";
import { validateInstanceConfig } from "../../../config/instance_keys.ts";
import { DreyError } from "../../../errors.ts";
import type { Write } from "../../../store/store.ts";
import type { Config } from "../../../wire/instance.ts";
import type { Operation } from "../../../wire/operation.ts";
import type { Context, Ref } from "../../context.ts";
import { lifecycleWrite } from "../../events.ts";
import { announced, orAsBefore } from "../../intents.ts";
import { startOperation } from "../../operations.ts";
import { openPool } from "../../storage_pools/open.ts";
import { instanceAddress, instanceKey, type InstanceRecord, loadRecord, lockInstance } from "../record.ts";
import { applyRootSize } from "../root_size.ts";
import { userConfig } from "../create.ts";
import { volumeOf } from "../volume_of.ts";
import { startLocked } from "../start.ts";
import { currentState } from "../status.ts";
import { stopLocked } from "../stop.ts";
import { atRest } from "./at_rest.ts";
import { loadSnapshot } from "./record.ts";
import { editRecord } from "../changes.ts";

/**
 * Puts an instance back to a snapshot, as an operation. One that runs is stopped for it and started again.
 *
 * @throws {DreyError} `NOT_FOUND`; `NOT_SUPPORTED` for a stateful restore
 */
export async function restoreInstance(
  context: Context,
  ref: Ref,
  { snapshot, stateful }: { snapshot: string; stateful: boolean },
): Promise<Operation> {
  // LXD's clients may name the instance too
  const name = snapshot.includes("/") ? snapshot.slice(snapshot.lastIndexOf("/") + 1) : snapshot;
  await loadRecord(context, ref);
  const { value: kept } = await loadSnapshot(context, ref, name);
  if (stateful && !kept.stateful) {
    throw new DreyError("NOT_SUPPORTED", {
      message: `Snapshot "${name}" of instance "${ref.name}" holds no memory to restore`,
    });
  }
  return await startOperation(context, {
    project: ref.project,
    description: "Restoring snapshot",
    resources: { instances: [instanceAddress(ref.name)] },
    run: async (task) => {
      await using _lock = await lockInstance(context, ref, task.signal);
      await restoreLocked(context, ref, { snapshot: name, stateful });
    },
  });
}

interface Aim {
  snapshot: string;
  /** whether to go on from the memory that it holds */
  stateful?: boolean;
}

async function restoreLocked(context: Context, ref: Ref, aim: Aim): Promise<void> {
  await (await mayGoBack(context, ref, aim.snapshot))[Symbol.asyncDispose]();
  const isRunning = currentState(context, ref).status !== "Stopped";
  // an ephemeral instance would go with its stop: it only pauses
  if (isRunning) await stopLocked(context, ref, { force: true, timeout: 0, restarting: true });
  const intent = { do: "restore", instance: ref, ...aim } as const;
  try {
    // again: another instance of the project may have gone back first
    await using _project = await mayGoBack(context, ref, aim.snapshot);
    await announced(context, { intent, locks: [instanceKey(ref)] }, async (done) => {
      await putBack(context, ref, { ...aim, done });
    });
  } catch (error) {
    // as it was before too; why it cannot go back is what counts
    if (isRunning) await startLocked(context, ref).catch(() => {});
    throw error;
  }
  if (isRunning || aim.stateful) await startLocked(context, ref);
}

/**
 * The project may have got other rules since, and the snapshot may have come with a backup. A project with rules is held
 * until the answer is disposed.
 *
 * @throws {DreyError}
 */
async function mayGoBack(context: Context, ref: Ref, snapshot: string): Promise<AsyncDisposable> {
  const { value: { expires_at: _, ...record } } = await loadSnapshot(context, ref, snapshot);
  validateInstanceConfig(userConfig(record.config), record.type);
  validateDevices(record.devices);
  const { holdAllowed } = await import("../../projects/allow.ts");
  return await holdAllowed(context, ref.project, { instance: { name: ref.name, record } });
}

/** Finishes a restore that was cut short, unless one of the two is gone. */
export async function finishRestore(context: Context, ref: Ref, aim: Aim): Promise<void> {
  try {
    await loadRecord(context, ref);
    await loadSnapshot(context, ref, aim.snapshot);
  } catch (error) {
    if (error instanceof DreyError && error.code === "NOT_FOUND") return;
    throw error;
  }
  if (currentState(context, ref).status === "Stopped") await putBack(context, ref, aim);
}

async function putBack(
  context: Context,
  ref: Ref,
  { snapshot, stateful = false, done }: Aim & { done?: Write },
): Promise<void> {
  const { value: { pool: poolName } } = await loadRecord(context, ref);
  const { value: then } = await loadSnapshot(context, ref, snapshot);
  await atRest(context, ref);
  await using pool = await openPool(context, poolName);
  await orAsBefore(context, done, () => pool.driver.restore({ ...volumeOf(ref), snapshot }));
  // with what was noted on the root volume, as in LXD
  const { expires_at: _, created_at: _taken, ...settings } = then;
  const restored = (now: InstanceRecord): InstanceRecord => {
    const config: Config = { ...settings.config, "volatile.last_state.power": "STOPPED" };
    delete config["volatile.idmap.current"];
    const uuid = now.config["volatile.uuid"];
    if (uuid !== undefined) config["volatile.uuid"] = uuid;
    return {
      ...settings,
      stateful,
      config,
      created_at: now.created_at,
      pool: now.pool,
    };
  };
  await editRecord(context, ref, restored, [
    ...(done === undefined ? [] : [done]),
    lifecycleWrite(context, {
      project: ref.project,
      action: "instance-restored",
      source: instanceAddress(ref.name),
      context: { snapshot: `${ref.name}/${snapshot}` },
    }),
  ]);
  await applyRootSize(context, ref);
}
