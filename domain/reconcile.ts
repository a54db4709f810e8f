// Making records agree with the kernel: what a killed process or a crashed host has left is cleaned up by the next
// command, whichever it is.

import { join } from "@std/path";
import { runFiles } from "../runtime/run_files.ts";
import { describeError } from "../errors.ts";
import { isLocked } from "../sys/locks.ts";
import type { Context } from "./context.ts";
import { emitLogging } from "./events.ts";
import { sweepBackups } from "./backups/sweep.ts";
import { sweepImages } from "./images/sweep.ts";
import { abandonedIntents } from "./intents.ts";
import { lockInstance, refOf, runDirectories } from "./instances/record.ts";
import { doWhatIsDue } from "./schedule.ts";
import { hasHub, hasNics, hubDirectory, relayDirectory } from "./networks/nic_files.ts";
import { forgottenPools, poolsDirectory } from "./storage_pools/places.ts";
import { defaultNetwork, networkRecords } from "./networks/record.ts";
import { readUp } from "./networks/up_file.ts";
import { findAbandoned } from "../sys/partial.ts";
import { exists, namesIn } from "../sys/present.ts";

/**
 * Finishes instances that ended with nobody to look after them: a run directory is left and nobody holds its lock.
 * Then finishes or undoes what was begun on disk, does what is due, and removes half-made images and volumes.
 * Costs a few directory listings when all is well.
 */
export async function reconcile(context: Context): Promise<void> {
  for (const name of namesIn(runDirectories(context))) {
    const lock = join(runDirectories(context), name, runFiles.lock);
    if (isLocked(lock)) continue;
    const ref = refOf(name);
    await using _lock = await lockInstance(context, ref);
    // whoever held the lock may have done it, or started the instance again
    if (isLocked(lock)) continue;
    const { finish } = await import("./instances/reap.ts");
    await orLater(context, { ...ref, what: `instance "${ref.name}"` }, finish(context, ref));
  }
  if (await mayBeBroken(context)) {
    const { mendNetworks } = await import("./networks/mend.ts");
    await orLater(context, { project: "", what: "the network" }, mendNetworks(context));
  }
  if (exists(relayDirectory(context))) {
    const { mendRelays } = await import("./networks/relays.ts");
    await orLater(context, { project: "", what: "a relay" }, mendRelays(context));
  }
  for (const entry of await abandonedIntents(context)) {
    const { settleAbandoned } = await import("./intents_settle.ts");
    await orLater(
      context,
      { project: "", what: "a change that was cut short" },
      settleAbandoned(context, entry),
    );
  }
  await orLater(context, { project: "", what: "a storage pool" }, sweepPools(context));
  await orLater(context, { project: "", what: "what is due" }, doWhatIsDue(context));
  await orLater(context, { project: "", what: "a backup" }, sweepBackups(context));
  // a program that a killed drey started may still be unpacking what is to be removed
  await orLater(context, { project: "", what: "an image" }, sweepImages(context));
}

/** Whether there is a network to be mended, to be brought up or taken down, or one that nobody uses any more. */
async function mayBeBroken(context: Context): Promise<boolean> {
  const known = context.user.uid === 0 ? await networkNames(context) : [];
  const kept = known.filter((name) => name !== defaultNetwork);
  if (kept.length === 0 && !hasNics(context)) return hasHub(context);
  const { isHubSound } = await import("../network/hub.ts");
  if (!isHubSound(hubDirectory(context))) return true;
  if (context.user.uid !== 0) return false;
  const up = readUp(context)?.networks ?? [];
  return !up.every((name) => known.includes(name)) || !kept.every((name) => up.includes(name));
}

/** Names of the networks on record. Those of root are up all the time, but for the default one. */
const networkNames = async (context: Context): Promise<string[]> =>
  (await networkRecords(context)).filter(({ record }) => record.type === "bridge").map(({ ref }) => ref.name);

/** Half-made volumes and those on their way out. */
async function sweepPools(context: Context): Promise<void> {
  const pools = poolsDirectory(context);
  for (const name of namesIn(pools)) {
    if (findAbandoned(join(pools, name, "temporary")).length === 0) continue;
    if ((await forgottenPools(context)).includes(name)) continue;
    const { openPool } = await import("./storage_pools/open.ts");
    await using pool = await openPool(context, name);
    await pool.driver.repair();
  }
}

/** What cannot be cleaned up now stays for the next command: this one may be about something else. */
async function orLater(
  context: Context,
  { project, what }: { project: string; what: string },
  work: Promise<void>,
): Promise<void> {
  try {
    await work;
  } catch (error) {
    const message = `Cannot clean up after ${what}: ${describeError(error)}`;
    await emitLogging(context, { level: "warning", message, project });
  }
}
