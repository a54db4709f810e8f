// The files of an instance, or of a snapshot, as those of another: a clone where pool and ids are the same, else
// through a tar stream, which gives every file the same owner inside.

import { parseMap, toHost } from "../../idmap/map.ts";
import type { Content, Live, Volume } from "../../storage/driver.ts";
import { copyHome } from "../../storage/home.ts";
import type { Context } from "../context.ts";
import type { OpenPool } from "../storage_pools/open.ts";
import { withTemporaryVolume } from "../storage_pools/temporary.ts";
import { packVolume, unpackVolume } from "./root_tar.ts";

export interface VolumeCopy {
  from: { pool: OpenPool; volume: Volume };
  to: { pool: OpenPool; volume: Volume };
  /** the ids the copy is for */
  map: string;
  /** how the source is kept still, if it runs */
  live?: Live | undefined;
  /** snapshots of the source to copy as well, the oldest first */
  snapshots: readonly string[];
}

/** Copies a volume, in the place of what may be there. */
export async function copyVolume(context: Context, copy: VolumeCopy): Promise<void> {
  const { from, to, snapshots } = copy;
  if (canClone(copy)) {
    for (const snapshot of snapshots) {
      await to.pool.driver.clone({ ...from.volume, snapshot }, { ...to.volume, snapshot });
    }
    return await to.pool.driver.clone(from.volume, to.volume, copy.live);
  }
  // each state of the source in its turn becomes the content of the copy, and a snapshot of it
  for (const snapshot of snapshots) {
    await transfer(context, copy, { ...from.volume, snapshot });
    await to.pool.driver.snapshot({ ...to.volume, snapshot });
  }
  if (copy.live === undefined) return await transfer(context, copy, from.volume);
  await transferLive(context, copy);
}

function canClone({ from, to, map }: VolumeCopy): boolean {
  return from.pool.name === to.pool.name && from.pool.driver.facts(from.volume)?.map === map;
}

/**
 * Copies a volume in the place of one that counts until the new one is whole: what no clone can make is made beside it
 * first.
 */
export async function replaceVolume(context: Context, copy: VolumeCopy): Promise<void> {
  if (canClone(copy)) return await copyVolume(context, copy);
  const { from, to: { pool, volume }, snapshots } = copy;
  await withTemporaryVolume(context, { pool, kind: volume.kind }, async (beside) => {
    const making = { ...copy, to: { pool, volume: beside }, snapshots: [] };
    for (const snapshot of snapshots) {
      await transfer(context, making, { ...from.volume, snapshot });
      await pool.driver.clone(beside, { ...volume, snapshot });
    }
    await copyVolume(context, making);
    await pool.driver.clone(beside, volume);
  });
}

/** What is being written to is cloned first, and the clone transferred. */
async function transferLive(context: Context, copy: VolumeCopy): Promise<void> {
  const { pool, volume } = copy.from;
  await withTemporaryVolume(context, { pool, kind: volume.kind }, async (clone) => {
    await pool.driver.clone(volume, clone, copy.live);
    await transfer(context, copy, clone);
  });
}

async function transfer(context: Context, { from, to, map }: VolumeCopy, volume: Volume): Promise<void> {
  const expected = await from.pool.driver.extent(volume);
  await to.pool.driver.mustHold(expected);
  await to.pool.driver.create(to.volume, { ...emptyContent(map), expected });
  const source = await packVolume(context, from.pool.driver, { volume });
  try {
    await unpackVolume(context, to.pool.driver, { volume: to.volume, stream: source.stream });
  } catch (error) {
    source.kill();
    throw error;
  }
  await source.finish();
  copyHome(from.pool.driver.home(volume), to.pool.driver.home(to.volume));
}

function emptyContent(map: string): Content {
  const { uids, gids } = parseMap(map);
  return { map, owner: { uid: toHost(uids, 0) ?? 0, gid: toHost(gids, 0) ?? 0, mode: 0o755 } };
}
