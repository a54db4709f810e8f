// After a part of the hub was killed, or the host was started: what is left goes on under a new holder; where nothing
// is left, the hub is made anew and every NIC of a running instance plugged in again. Networks that are to be up are.

import { readLayout } from "../../idmap/ranges.ts";
import { initPid, isAlive } from "../../runtime/run_state.ts";
import { plugAgain } from "../devices/nic_plug.ts";
import type { Context } from "../context.ts";
import { instancePaths } from "../instances/record.ts";
import { endHub } from "../../network/hub.ts";
import { ensureNetwork, forgetLost, leaveHub, mendHub, openHub, takeNetworkDown } from "./hub.ts";
import { hubDirectory, isHubWhole, keptNetworks, lockHub, networksUp, type ParentWay } from "./hub_state.ts";
import { pluggedNics } from "./nic_files.ts";
import { networkRecords } from "./record.ts";

/** Mends the hub, if something is plugged in or up for good and it is not whole; ends it if nothing is. */
export async function mendNetworks(context: Context): Promise<void> {
  const kept = await keptNetworks(context);
  if (pluggedNics(context).length > 0) await mendNics(context);
  else if (kept.length === 0) return await leaveHub(context);
  await agreeWithRecords(context, kept);
}

/** Takes down what no record knows any more, and brings up what is to be there. */
async function agreeWithRecords(context: Context, kept: readonly string[]): Promise<void> {
  const up = networksUp(context);
  const known = (await networkRecords(context)).map(({ ref }) => ref.name);
  for (const name of up) if (!known.includes(name)) await takeNetworkDown(context, name);
  const failed: unknown[] = [];
  for (const name of kept.filter((name) => !up.includes(name))) {
    // one that cannot be had keeps no other from it
    await ensureNetwork(context, name, undefined).catch((error) => failed.push(error));
  }
  if (failed.length > 0) throw failed[0];
}

/** Makes a bridge of the host anew that somebody else has removed, with the NICs of running instances in it. */
export async function remakeLost(context: Context, name: string): Promise<void> {
  if (!await forgetLost(context, name)) return;
  await ensureNetwork(context, name, undefined);
  for (const { nic, pid } of runningNics(context)) {
    if (nic.network === name) await plugAgain(context, nic, pid);
  }
}

function runningNics(context: Context) {
  return pluggedNics(context).flatMap((nic) => {
    const { run } = instancePaths(context, nic.ref);
    const pid = initPid(run);
    return pid !== undefined && isAlive(run) ? [{ nic, pid }] : [];
  });
}

async function mendNics(context: Context): Promise<void> {
  if (isHubWhole(context)) return;
  await using _lock = await lockHub(context);
  const running = runningNics(context);
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
