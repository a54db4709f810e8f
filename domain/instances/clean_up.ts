// After an instance has ended, however: its devices, run directory, cgroup and log keeper go. Safe to repeat, and to run on
// what a killed process left half done. Mounts and namespaces need no hand: the kernel drops them with the last process.

import { DreyError } from "../../errors.ts";
import {
  type InstanceCgroup,
  instanceCgroup,
  killAll,
  removeCgroup,
  removeHome,
  waitEmpty,
} from "../../runtime/cgroups.ts";
import { stopConsole } from "../../runtime/console_keeper.ts";
import { initPid, isAlive, takeOver, waitForEnd, waitUnlocked } from "../../runtime/run_state.ts";
import { sendSignal, signals } from "../../sys/processes.ts";
import type { Context, Ref } from "../context.ts";
import { devicesStopped } from "../devices.ts";
import { hasHub } from "../networks/nic_files.ts";
import { type FileRoot, openFileRoot } from "./file_root.ts";
import { directoryNames } from "./parent.ts";
import { directoryName, instanceKey, instancePaths, type InstanceRecord, runDirectories } from "./record.ts";
import { readRunRecord } from "./run_record.ts";
import { exists } from "../../sys/present.ts";

/**
 * Removes what the run of an instance has left. The caller holds the instance's lock, and nobody the run directory's.
 *
 * @param options `kill` also ends what still runs; `files` is a root to use, where the caller has one
 */
export async function cleanUp(
  context: Context,
  ref: Ref,
  { kill = false, files }: { kill?: boolean; files?: FileRoot } = {},
): Promise<void> {
  const { run: directory } = instancePaths(context, ref);
  if (!exists(directory)) return;
  if (kill) await killRest(context, ref);
  if (!await isLeft(directory)) {
    throw new DreyError("CONFLICT", {
      message: `Instance "${ref.name}" is busy: another drey looks after its end`,
    });
  }
  await stopConsole(directory);
  const record = await context.store.get<InstanceRecord>(instanceKey(ref));
  await devicesStopped(context, ref, { run: directory, config: record?.value.config ?? {} });
  const home = readRunRecord(directory)?.cgroupHome;
  if (home !== undefined) await removeGroup(context, instanceCgroup(home, directoryName(ref)), files);
  if (record?.value.type === "virtual-machine") {
    const { mendDisk } = await import("../machines/mend_disk.ts");
    await mendDisk(context, ref);
  }
  Deno.removeSync(directory, { recursive: true });
  // a hub that stays stands in there
  const isLast = directoryNames(runDirectories(context)).length === 0 && !hasHub(context);
  if (home !== undefined && isLast) await removeHome(home);
}

/** `milliseconds` a process that starts to answer the instance has to let go of the lock it was born with, on a busy machine */
const letGo = 20_000;

/** Whether nobody holds the lock of a run directory, now or in a moment. */
async function isLeft(directory: string): Promise<boolean> {
  for (const end = Date.now() + letGo; isAlive(directory);) {
    if (Date.now() > end) return false;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  return true;
}

async function killRest(context: Context, ref: Ref): Promise<void> {
  const { run: directory } = instancePaths(context, ref);
  takeOver(directory);
  const home = readRunRecord(directory)?.cgroupHome;
  if (home !== undefined) killAll(instanceCgroup(home, directoryName(ref)));
  const pid = initPid(directory);
  if (pid !== undefined) {
    sendSignal(pid, signals.KILL);
    await waitForEnd(pid, 5000);
  }
  await waitUnlocked(directory);
}

async function removeGroup(
  context: Context,
  group: InstanceCgroup,
  files: FileRoot | undefined,
): Promise<void> {
  // what entered from outside is not in the pid namespace and does not end with it
  killAll(group);
  if (!await waitEmpty(group)) {
    throw new DreyError("TIMEOUT", { message: `Cannot end the last processes in cgroup "${group.path}"` });
  }
  await removeTree(context, group.path, files);
}

/** Removes a cgroup tree; the parts that the container's root has made need a root that stands above it. */
async function removeTree(context: Context, path: string, given: FileRoot | undefined): Promise<void> {
  try {
    removeCgroup(path);
    return;
  } catch (error) {
    // its paths may have become longer than the kernel takes: find(1) walks from directory to directory
    const isTooLong = error instanceof Error && "code" in error && error.code === "ENAMETOOLONG";
    if (!isTooLong && !(error instanceof Deno.errors.PermissionDenied)) throw error;
  }
  const argv = ["find", path, "-depth", "-type", "d", "-delete"];
  if (given !== undefined) return await given.run(argv);
  await using files = openFileRoot(context);
  await files.run(argv);
}
