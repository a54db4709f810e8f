// Recovery: finding instances and volumes on disk that the database does not know, and bringing them back.

import { describeError, DreyError } from "../errors.ts";
import type { Write } from "../store/store.ts";
import type { RecoverFound, RecoverPost } from "../wire/recover.ts";
import type { Context } from "./context.ts";
import { lifecycleWrite } from "./events.ts";
import { instanceAddress, instanceKey, lockInstance } from "./instances/record.ts";
import { snapshotKey } from "./instances/snapshots/record.ts";
import { holdProject } from "./projects/effective.ts";
import { linkPool } from "./storage_pools/places.ts";
import { poolAddress, poolKey } from "./storage_pools/record.ts";
import {
  lockVolume,
  snapshotKey as volumeSnapshotKey,
  volumeAddress,
  volumeKey,
} from "./storage_volumes/record.ts";
import { mustBeUsable } from "./recover/check.ts";
import { type Lost, lostIn } from "./recover/lost.ts";
import { missingFor } from "./recover/needs.ts";
import { openSearched, type Searched } from "./recover/pools.ts";

interface Found {
  lost: Lost;
  pool: Searched;
}

/** What could be brought back, and what has to be there first. Changes nothing. */
export async function findLost(context: Context, { pools }: RecoverPost): Promise<RecoverFound> {
  await using searched = await openSearched(context, pools);
  const found = await lookInto(context, searched.pools);
  return {
    UnknownVolumes: found.map(({ lost, pool }) => ({
      name: lost.ref.name,
      type: lost.type,
      snapshotCount: lost.snapshots.length,
      project: lost.ref.project,
      pool: pool.name,
    })),
    DependencyErrors: await missingFor(context, found, searched.pools),
  };
}

async function lookInto(context: Context, pools: readonly Searched[]): Promise<Found[]> {
  const found: Found[] = [];
  for (const pool of pools) {
    for (const lost of await lostIn(context, pool)) found.push({ lost, pool });
  }
  return found;
}

/**
 * Brings back everything that was lost.
 *
 * @throws {DreyError} `BAD_REQUEST` while something is missing that it needs; for what may not come back, once all else has
 */
export async function bringBack(context: Context, { pools }: RecoverPost): Promise<void> {
  await using searched = await openSearched(context, pools);
  const found = await lookInto(context, searched.pools);
  const missing = await missingFor(context, found, searched.pools);
  if (missing.length > 0) {
    throw new DreyError("BAD_REQUEST", {
      message: `Cannot recover: what is needed is missing: ${missing.join(", ")}`,
      hint: "Create it, and recover again",
    });
  }
  for (const pool of searched.pools) {
    const isWanted = found.some((one) => one.pool === pool);
    if (!pool.isKnown && isWanted) await enterPool(context, pool);
  }
  const refused: unknown[] = [];
  // volumes first, which instances may have among their devices
  const rank = ({ lost }: Found) => lost.type === "custom" ? 0 : 1;
  for (const { lost, pool } of found.toSorted((a, b) => rank(a) - rank(b))) {
    await enter(context, pool, lost).catch((error) => refused.push(error));
  }
  if (refused.length > 1) throw severalRefused(refused);
  if (refused.length === 1) throw refused[0];
}

/** What could not come back, after all that could has. */
function severalRefused(refused: readonly unknown[]): unknown {
  const bug = refused.find((error) => !(error instanceof DreyError));
  if (bug !== undefined) return bug;
  return new DreyError("BAD_REQUEST", { message: refused.map(describeError).join("; ") });
}

async function enterPool(context: Context, { name, record }: Searched): Promise<void> {
  const key = poolKey(name);
  await using _lock = await context.store.lock(key);
  await context.store.commit([{ key, revision: 0 }], [
    { key, value: record },
    lifecycleWrite(context, {
      project: "",
      action: "storage-pool-created",
      source: poolAddress(name),
    }),
  ]);
  linkPool(context, name, record);
}

/** Enters one thing, unless somebody who was faster has done so, or has begun something with its files. */
async function enter(context: Context, pool: Searched, { type, ref }: Lost): Promise<void> {
  await using _lock = type === "custom"
    ? await lockVolume(context, { ...ref, pool: pool.name })
    : await lockInstance(context, ref);
  const still = (await lostIn(context, pool)).find((lost) =>
    lost.type === type && lost.ref.name === ref.name && lost.ref.project === ref.project
  );
  if (still === undefined) return;
  await using held = await holdProject(context, ref.project);
  await mustBeUsable(context, pool, { lost: still, rules: held.config });
  const key = still.type === "custom" ? volumeKey(still.ref) : instanceKey(still.ref);
  const snapshots = still.type === "custom"
    ? still.snapshots.map(({ name, record }): Write => ({
      key: volumeSnapshotKey(still.ref, name),
      value: record,
    }))
    : still.snapshots.map(({ name, record }): Write => ({
      key: snapshotKey(still.ref, name),
      value: record,
    }));
  await context.store.commit([{ key, revision: 0 }], [
    { key, value: still.record },
    ...snapshots,
    lifecycleWrite(context, {
      project: ref.project,
      action: still.type === "custom" ? "storage-volume-created" : "instance-created",
      source: still.type === "custom" ? volumeAddress(still.ref) : instanceAddress(ref.name),
    }),
  ]);
}
