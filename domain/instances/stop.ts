// Stopping an instance: its init is asked, and after the time-out the kernel ends everything in it.

import * as keys from "../../config/instance_keys.ts";
import { readKey } from "../../config/key.ts";
import { DreyError } from "../../errors.ts";
import { instanceCgroup, killAll, setFrozen } from "../../runtime/cgroups.ts";
import { handBack, takeOver, waitForEnd, waitUnlocked } from "../../runtime/run_state.ts";
import { sendSignal, signals } from "../../sys/processes.ts";
import type { Config } from "../../wire/instance.ts";
import type { Context, Ref } from "../context.ts";
import { cleanUp } from "./clean_up.ts";
import { type FileRoot, openFileRoot } from "./file_root.ts";
import { deleteFiles } from "./files_of.ts";
import { directoryName, instancePaths, type InstanceRecord, loadRecord } from "./record.ts";
import { readRunRecord } from "./run_record.ts";
import { currentState } from "./status.ts";
import { editRecord, instanceEvent } from "./changes.ts";

export interface StopOptions {
  /** no question asked */
  force: boolean;
  /** `seconds` until a clean end is given up; -1 takes the instance's own */
  timeout: number;
  /** the instance starts again at once, so an ephemeral one stays */
  restarting?: boolean;
  /** its memory has been saved for its next start */
  isSaved?: boolean;
  /** a root to use for what belongs to sub-ids, where the caller has one */
  files?: FileRoot;
}

/** `seconds`; longer than systemd waits for its slowest service */
const defaultTimeout = 120;

/**
 * Stops an instance whose lock the caller holds.
 *
 * @throws {DreyError} `INSTANCE_STATE` if it is stopped already
 */
export async function stopLocked(context: Context, ref: Ref, options: StopOptions): Promise<void> {
  const state = currentState(context, ref);
  if (state.status === "Stopped") {
    throw new DreyError("INSTANCE_STATE", { message: "The instance is already stopped" });
  }
  // wanted once the end has come, so it opens meanwhile
  await using own = options.files === undefined ? openFileRoot(context) : undefined;
  const files = options.files ?? own;
  const { value: record } = await loadRecord(context, ref);
  const { run } = instancePaths(context, ref);
  takeOver(run);
  try {
    const seconds = secondsOf(options, record.config);
    if ("pid" in state) await endInit(context, ref, { pid: state.pid, seconds });
  } catch (error) {
    handBack(run);
    throw error;
  }
  await waitUnlocked(run);
  await cleanUp(context, ref, { files });
  // a restart is told of once it is done
  const action = options.force ? "instance-stopped" : "instance-shutdown";
  await rememberStopped(context, ref, {
    ...!options.restarting && { action },
    restarting: options.restarting,
    files,
    isSaved: options.isSaved,
  });
}

function secondsOf({ force, timeout }: StopOptions, config: Config): number {
  if (force) return 0;
  return timeout >= 0 ? timeout : readKey(config, keys.hostShutdownTimeout) ?? defaultTimeout;
}

async function endInit(
  context: Context,
  ref: Ref,
  { pid, seconds }: { pid: number; seconds: number },
): Promise<void> {
  const record = readRunRecord(instancePaths(context, ref).run);
  const group = record?.cgroupHome === undefined
    ? undefined
    : instanceCgroup(record.cgroupHome, directoryName(ref));
  if (seconds > 0 && sendSignal(pid, record?.haltSignal ?? signals.PWR)) {
    if (group !== undefined) await setFrozen(group, false);
    if (await waitForEnd(pid, seconds * 1000)) return;
  }
  // the pid namespace ends with its init; the cgroup also holds what entered from outside
  if (group !== undefined) killAll(group);
  sendSignal(pid, signals.KILL);
  const ended = waitForEnd(pid, 10_000);
  await context.store.settle();
  if (!await ended) {
    throw new DreyError("TIMEOUT", {
      message: `Cannot end process ${pid} of instance "${ref.name}" by SIGKILL`,
    });
  }
}

/** what counts while an instance runs, and no longer */
const isOfRun = /^volatile\.(last_state\.ready|idmap\.current|.+\.host_name)$/;

/** Records that an instance has stopped; an ephemeral one is gone with that. */
export async function rememberStopped(
  context: Context,
  ref: Ref,
  { action, restarting = false, files, remember = {}, isSaved = false }: {
    /** what those who listen are told */
    action?: string;
    isSaved?: boolean;
    restarting?: boolean;
    files?: FileRoot;
    /** further settings of drey's own to keep */
    remember?: Config;
  },
): Promise<void> {
  let isEphemeral = false;
  const edit = (record: InstanceRecord): InstanceRecord => {
    isEphemeral = record.ephemeral;
    const kept = Object.entries(record.config).filter(([key]) => !isOfRun.test(key));
    const config: Config = {
      ...Object.fromEntries(kept),
      "volatile.last_state.power": "STOPPED",
      ...remember,
    };
    return { ...record, config, stateful: isSaved };
  };
  await editRecord(context, ref, edit, action === undefined ? [] : [instanceEvent(context, ref, action)]);
  if (isEphemeral && !restarting) await deleteFiles(context, ref, files);
}
