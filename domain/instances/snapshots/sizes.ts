// What snapshots take, as far as their pool knows without looking through their files.

import { DreyError } from "../../../errors.ts";
import { mayKnowSnapshotSizes } from "../../../storage/drivers.ts";
import type { Entry } from "../../../store/store.ts";
import type { Context, Ref } from "../../context.ts";
import { loadPool } from "../../storage_pools/record.ts";
import { nameOf, type SnapshotRecord } from "./record.ts";

/** `bytes` that snapshots of an instance hold alone, by their names; one that is not known is not there. */
export async function snapshotSizes(
  context: Context,
  ref: Ref,
  entries: readonly Entry<SnapshotRecord>[],
): Promise<ReadonlyMap<string, number>> {
  const pool = entries[0]?.value.pool;
  if (pool === undefined) return new Map();
  try {
    if (!mayKnowSnapshotSizes((await loadPool(context, pool)).value.driver)) return new Map();
    const { openPool } = await import("../../storage_pools/open.ts");
    const { volumeOf } = await import("../volume_of.ts");
    await using opened = await openPool(context, pool);
    return await opened.driver.snapshotSizes?.(volumeOf(ref), entries.map(nameOf)) ?? new Map();
  } catch (error) {
    // a pool that is out of reach hides nobody's snapshots
    if (error instanceof DreyError) return new Map();
    throw error;
  }
}
