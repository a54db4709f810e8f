// Deleting an instance.

import { DreyError } from "../../errors.ts";
import type { Operation } from "../../wire/operation.ts";
import { exists } from "../../sys/present.ts";
import type { Context, Ref } from "../context.ts";
import { startOperation } from "../operations.ts";
import { openFileRoot } from "./file_root.ts";
import { deleteFiles } from "./files_of.ts";
import { instanceAddress, instancePaths, loadRecord, lockInstance } from "./record.ts";
import { mustBeUnprotected } from "./protection.ts";
import { currentState } from "./status.ts";

/**
 * Deletes an instance and everything it has on disk.
 *
 * @param force stops it first, without asking
 * @throws {DreyError} `NOT_FOUND`; `INSTANCE_STATE` if it runs and `force` is not set
 */
export async function deleteInstance(context: Context, ref: Ref, { force = false } = {}): Promise<Operation> {
  const files = openFileRoot(context);
  try {
    await loadRecord(context, ref);
    // said at once, as LXD does: some clients never look at the operation
    if (!force) mustBeStopped(context, ref);
  } catch (error) {
    await files[Symbol.asyncDispose]();
    throw error;
  }
  return await startOperation(context, {
    project: ref.project,
    description: "Deleting instance",
    resources: { instances: [instanceAddress(ref.name)] },
    async run(task) {
      await using _files = files;
      await using _lock = await lockInstance(context, ref, task.signal);
      const { value } = await loadRecord(context, ref);
      await mustBeUnprotected(context, ref, "delete");
      if (currentState(context, ref).status !== "Stopped") {
        if (!force) throw isRunning(ref);
        const { stopLocked } = await import("./stop.ts");
        await stopLocked(context, ref, { force: true, timeout: 0, files });
        if (value.ephemeral) return; // gone with its stop
      }
      if (exists(instancePaths(context, ref).run)) {
        const { cleanUp } = await import("./clean_up.ts");
        await cleanUp(context, ref, { files });
      }
      await deleteFiles(context, ref, files);
    },
  });
}

/** What is on its way to its end is waited for instead. @throws {DreyError} `INSTANCE_STATE` */
function mustBeStopped(context: Context, ref: Ref): void {
  if ("pid" in currentState(context, ref)) throw isRunning(ref);
}

const isRunning = ({ name }: Ref) =>
  new DreyError("INSTANCE_STATE", {
    message: `Cannot delete instance "${name}": Instance is running`,
    hint: "Stop it first, or delete it with --force",
  });
