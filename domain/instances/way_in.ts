// The way into an instance that runs, for a command: where it leads, and one that is begun before a command is known.

import { parseMap } from "../../idmap/map.ts";
import { hastenAttach, type Place } from "../../runtime/attach.ts";
import { instanceCgroup } from "../../runtime/cgroups.ts";
import { exists } from "../../sys/present.ts";
import { enterHome, standsIn } from "../cgroup_home.ts";
import type { Context, Ref } from "../context.ts";
import { directoryName, instancePaths } from "./record.ts";
import { readRunRecord, type RunRecord } from "./run_record.ts";
import { currentState, requireRunning } from "./status.ts";

export { beginAttach as beginWayIn, endEarlyAttach as endEarlyWayIn } from "../../runtime/attach.ts";

type Places = Pick<Context, "paths" | "user">;

/** Where a command of an instance is to run. */
export interface WayIn {
  place: Place;
  /** what the instance's start has left */
  running: RunRecord | undefined;
  /** whether a command started here gets into the instance's cgroup */
  isInside: boolean;
}

/** One that was hastened, and for whom. */
let early: { name: string; wayIn: WayIn } | undefined;

/**
 * Where commands of an instance run, from what its start has left and from the kernel.
 *
 * @throws {DreyError} `INSTANCE_STATE` if it is not running
 */
export async function findWayIn(places: Places, ref: Ref): Promise<WayIn> {
  const taken = early;
  early = undefined;
  if (taken?.name === directoryName(ref)) return taken.wayIn;
  const running = readRunRecord(instancePaths(places, ref).run);
  const home = running?.cgroupHome;
  const isInside = home !== undefined && await enterHome(places, home, running?.cgroupTree);
  const init = requireRunning(places, ref, running);
  return { place: placeOf(places, ref, { init, running, isInside }), running, isInside };
}

/**
 * Sends what {@link beginWayIn} has begun into a container, while nothing else is known yet. Where that does not work at
 * once, nothing is done: whoever asks for the way finds out why.
 */
export function hastenWayIn(places: Places, ref: Ref): void {
  const { run, door } = instancePaths(places, ref);
  const running = readRunRecord(run);
  // a virtual machine has a door
  if (running === undefined || exists(door)) return;
  const { cgroupHome, cgroupTree } = running;
  const isInside = cgroupTree !== undefined && standsIn(cgroupTree);
  if (cgroupHome !== undefined && !isInside) return;
  const state = currentState(places, ref, running);
  if (!("pid" in state) || state.status !== "Running") return;
  const wayIn = { place: placeOf(places, ref, { init: state.pid, running, isInside }), running, isInside };
  hastenAttach(wayIn.place);
  early = { name: directoryName(ref), wayIn };
}

function placeOf(
  places: Places,
  ref: Ref,
  { init, running, isInside }: Omit<WayIn, "place"> & Pick<Place, "init">,
): Place {
  const home = running?.cgroupHome;
  return {
    init,
    map: parseMap(running?.idmap ?? "[]"),
    hasParent: places.user.uid !== 0,
    cgroup: isInside && home !== undefined ? instanceCgroup(home, directoryName(ref)).exec : undefined,
  };
}
