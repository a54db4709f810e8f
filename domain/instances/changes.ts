// What is said when an instance changes: to those who listen, and to whoever was too slow.

import type { DreyError } from "../../errors.ts";
import type { Write } from "../../store/store.ts";
import { changedMeanwhile } from "../changed.ts";
import type { Context, Ref } from "../context.ts";
import { lifecycleWrite } from "../events.ts";
import { instanceAddress } from "./record.ts";

/** One of LXD's actions, such as `instance-updated`, as part of the commit that does it. */
export const instanceEvent = (context: Context, { project, name }: Ref, action: string): Write =>
  lifecycleWrite(context, { project, action, source: instanceAddress(name) });

/** The error of a commit that finds the record changed. */
export const instanceChanged = ({ name }: Ref): DreyError => changedMeanwhile(`Instance "${name}"`);
