// Keeping an instance still while its files are copied: a stopped one has nobody in its files, a running one is frozen
// for as long as the copy takes.

import { instanceCgroup, setFrozen } from "../../../runtime/cgroups.ts";
import { endFileSessions } from "../../../runtime/file_sessions.ts";
import { goOn, whileHalted } from "../../../runtime/vm/qmp.ts";
import type { Live } from "../../../storage/driver.ts";
import { DreyError } from "../../../errors.ts";
import type { Context, Ref } from "../../context.ts";
import { announced } from "../../intents.ts";
import { exists } from "../../../sys/present.ts";
import { directoryName, instanceKey, instancePaths, loadRecord } from "../record.ts";
import { readRunRecord } from "../run_record.ts";
import { currentState } from "../status.ts";

/** How often a copy is tried of files that change meanwhile, where nothing can be frozen. */
const tries = 3;

/** Sees to it that an instance can be copied: for one that runs, how it is to be kept still. */
export async function atRest(context: Context, ref: Ref): Promise<Live | undefined> {
  const { status } = currentState(context, ref);
  if (status === "Stopped") return void await endFileSessions(instancePaths(context, ref).fileSessions);
  if (status === "Frozen") return { still: (work) => work() };
  const { value: { type } } = await loadRecord(context, ref);
  if (type === "virtual-machine") return { still: (work) => halted(context, ref, work) };
  const home = readRunRecord(instancePaths(context, ref).run)?.cgroupHome;
  if (home === undefined) return { still: again };
  const group = instanceCgroup(home, directoryName(ref));
  return {
    still: (work) =>
      announced(
        context,
        { intent: { do: "thaw", instance: ref }, locks: [instanceKey(ref)] },
        async (done) => {
          await setFrozen(group, true);
          try {
            return await work();
          } finally {
            await setFrozen(group, false);
            await context.store.commit([], [done]);
          }
        },
      ),
  };
}

/** A machine whose guest is halted has written everything to its disk; one that is frozen may not have. */
function halted<T>(context: Context, ref: Ref, work: () => Promise<T>): Promise<T> {
  const intent = { do: "thaw", instance: ref } as const;
  return announced(context, { intent, locks: [instanceKey(ref)] }, async (done) => {
    try {
      return await whileHalted(instancePaths(context, ref).door, work);
    } finally {
      await context.store.commit([], [done]);
    }
  });
}

/** Lets an instance go on that a killed process had frozen. */
export async function thaw(context: Context, ref: Ref): Promise<void> {
  const { door } = instancePaths(context, ref);
  if (exists(door) && currentState(context, ref).status === "Running") await goOn(door);
  const home = readRunRecord(instancePaths(context, ref).run)?.cgroupHome;
  if (home === undefined || currentState(context, ref).status !== "Frozen") return;
  await setFrozen(instanceCgroup(home, directoryName(ref)), false);
}

/** Files that vanish under a copy make it fail; without a cgroup there is no better way than to try again. */
async function again<T>(work: () => Promise<T>): Promise<T> {
  for (let left = tries;; left--) {
    try {
      return await work();
    } catch (error) {
      if (left === 1 || !(error instanceof DreyError) || error.code !== "COMMAND_FAILED") throw error;
    }
  }
}
