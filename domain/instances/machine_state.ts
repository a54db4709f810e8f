// What a virtual machine uses, as the API shows it: asked of its guest where there is an agent, else of its box.

import { instanceCgroup, readStats } from "../../runtime/cgroups.ts";
import { askGuest, busyTime, memoryOf } from "../../runtime/vm/guest_facts.ts";
import type { InstanceState } from "../../wire/instance.ts";
import { type InstanceStatus, statusCodes } from "../../wire/status.ts";
import type { Context, Ref } from "../context.ts";
import { type KnownInterface, networkState } from "./network_state.ts";
import { directoryName, instancePaths } from "./record.ts";
import { readRunRecord } from "./run_record.ts";
import type { Running } from "./status.ts";

/** Loopback is the guest's own affair and still shown, as LXD's agent does. */
export async function machineState(
  context: Context,
  ref: Ref,
  { state, shown, known }: { state: Running; shown: InstanceStatus; known: readonly KnownInterface[] },
): Promise<InstanceState> {
  const { run, door } = instancePaths(context, ref);
  // a machine that is frozen answers nobody
  const guest = state.status === "Running" ? await askGuest(door) : undefined;
  const home = readRunRecord(run)?.cgroupHome;
  const stats = home === undefined ? undefined : readStats(instanceCgroup(home, directoryName(ref)));
  const memory = guest === undefined ? undefined : memoryOf(guest.files["meminfo"] ?? "");
  return {
    status: shown,
    status_code: statusCodes[shown],
    disk: {},
    memory: {
      usage: memory?.used ?? stats?.memory ?? 0,
      usage_peak: 0,
      total: memory?.total ?? 0,
      swap_usage: memory?.swapUsed ?? 0,
      swap_usage_peak: 0,
    },
    network: guest === undefined ? null : networkState((path) => guest.files[path], known),
    pid: state.pid,
    // LXD's way to say that nobody knows
    processes: guest?.processes ?? -1,
    cpu: { usage: guest === undefined ? stats?.cpu ?? 0 : busyTime(guest.files["stat"] ?? "") },
  };
}
