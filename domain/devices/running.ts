// The container that a device comes to while it runs; of a virtual machine, its box.

import { parseMap } from "../../idmap/map.ts";
import type { RunningContainer } from "../../runtime/disks.ts";
import { instancePaths } from "../instances/record.ts";
import { readRunRecord } from "../instances/run_record.ts";
import type { LiveSite } from "./device.ts";

/** What is to be known of it, as it was started. */
export const runningContainer = ({ context, ref, pid }: LiveSite): RunningContainer => ({
  pid,
  map: parseMap(readRunRecord(instancePaths(context, ref).run)?.idmap ?? "[]"),
  hasParent: context.user.uid !== 0,
});
