// What a profile says of root disks, held against an instance that has one.

import { validateTogether } from "../../config/device_keys.ts";
import { DreyError } from "../../errors.ts";
import type { Context, Ref } from "../context.ts";
import { type Change, expandedWith } from "../projects/members.ts";
import { loadRecord } from "./record.ts";
import { mustKeepRootDevice, mustStayInPool } from "./root_volume.ts";

/** @throws {DreyError} `BAD_REQUEST` if the instance would have its root disk elsewhere, or none, or two of them */
export async function mustKeepRoot(
  context: Context,
  ref: Ref,
  profile: NonNullable<Change["profile"]>,
): Promise<void> {
  const { value: record } = await loadRecord(context, ref);
  const before = await expandedWith(context, ref.project, { record, change: {} });
  const after = await expandedWith(context, ref.project, { record, change: { profile } });
  try {
    validateTogether(after.devices);
    mustKeepRootDevice({ before: before.devices, after: after.devices });
    mustStayInPool({ before: before.devices, after: after.devices }, record.pool);
  } catch (error) {
    if (!(error instanceof DreyError)) throw error;
    throw new DreyError("BAD_REQUEST", {
      message:
        `Cannot change profile "${profile.name}": instance "${ref.name}" relies on it. ${error.message}`,
    });
  }
}
