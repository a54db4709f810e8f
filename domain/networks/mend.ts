// After a part of the hub was killed: what is left goes on under a new holder; where nothing is left, the hub is made
// anew and every card of a running instance plugged in again.

import { readLayout } from "../../idmap/ranges.ts";
import { initPid, isAlive } from "../../runtime/run_state.ts";
import { plugAgain } from "../devices/nic_plug.ts";
import type { Context } from "../context.ts";
import { instancePaths } from "../instances/record.ts";
import { endHub } from "../../network/hub.ts";
import { leaveHub, mendHub, openHub } from "./hub.ts";
import { hubDirectory, isHubWhole, lockHub, type ParentWay } from "./hub_state.ts";
import { pluggedNics } from "./nic_files.ts";

/** Mends the hub, if something is plugged in and it is not whole; ends it if nothing is. */
export async function mendNetworks(context: Context): Promise<void> {
  if (pluggedNics(context).length === 0) return await leaveHub(context);
  if (isHubWhole(context)) return;
  await using _lock = await lockHub(context);
  const running = pluggedNics(context).flatMap((nic) => {
    const { run } = instancePaths(context, nic.ref);
    const pid = initPid(run);
    return pid !== undefined && isAlive(run) ? [{ nic, pid }] : [];
  });
  const [first] = running;
  // what is only about to start opens the hub itself
  if (first === undefined || isHubWhole(context) || !await mendHub(context)) return;
  const { parent: map } = await readLayout(context.user);
  const parent: ParentWay = map === undefined ? undefined : { map, pid: first.pid, level: "parent" };
  const networks = new Set(running.flatMap(({ nic }) => nic.network ?? []));
  await openHub(context, [...networks], parent);
  try {
    for (const { nic, pid } of running) await plugAgain(context, nic, pid);
  } catch (error) {
    await endHub(hubDirectory(context)); // so that the next command tries again
    throw error;
  }
}
