// What a backup of a virtual machine with a disk of its own is made of: LXD's names for it, and clones that the disks are
// read from.

import type { Context, Ref } from "../context.ts";
import { expand } from "../instances/expand.ts";
import { instanceKey, loadRecord } from "../instances/record.ts";
import { volumeOf } from "../instances/volume_of.ts";
import { atRest } from "../instances/snapshots/at_rest.ts";
import type { Volume } from "../../storage/driver.ts";
import type { OpenPool } from "../storage_pools/open.ts";
import { packBeside } from "./beside_disk.ts";
import type { BackupParts } from "./create.ts";
import { indexOf } from "./describe.ts";
import type { BackupConfig, IndexVolume } from "./index_file.ts";
import { cloned, metadataFiles, yaml } from "./parts.ts";

const base = "backup/virtual-machine";

/** @param options `held` is disposed with the parts; the pool is among it */
export async function diskParts(
  context: Context,
  ref: Ref,
  { config: described, pool, held }: { config: BackupConfig; pool: OpenPool; held: AsyncDisposableStack },
): Promise<BackupParts> {
  await using opened = held;
  const config = ofBlocks(described);
  const index = await indexOf(context, { name: ref.name, pool: pool.name, type: "virtual-machine", config });
  const lock = instanceKey(ref);
  const live = await atRest(context, ref);
  const volume = opened.use(await cloned(context, pool, { volume: volumeOf(ref), lock, live })).volume;
  const trees: BackupParts["trees"] = [];
  const { value: record } = await loadRecord(context, ref);
  const settings = await expand(context, ref.project, record);
  const beside = (volume: Volume, base: string) =>
    packBeside(context, { driver: pool.driver, volume }, { base, ...settings });
  const files = await beside(volume, base);
  for (const snapshot of index.snapshots) {
    const { volume } = opened.use(await cloned(context, pool, { volume: volumeOf(ref, snapshot), lock }));
    trees.push({ name: `${base}-snapshots/${snapshot}.img`, volume, root: true });
    files.push(...await beside(volume, `${base}-snapshots/${snapshot}`));
  }
  const home = pool.driver.home(volume);
  const kept = opened.move();
  return {
    config,
    pool,
    files: [
      { name: "backup/index.yaml", text: await yaml(index) },
      { name: `${base}/backup.yaml`, text: await yaml(config) },
      ...await metadataFiles(context, { ref, home, base }),
      ...files,
    ],
    trees: [...trees, { name: `${base}.img`, volume, root: true }],
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  };
}

function ofBlocks(config: BackupConfig): BackupConfig {
  const block = (volume: IndexVolume): IndexVolume => ({ ...volume, content_type: "block" });
  return {
    ...config,
    ...(config.volume === undefined ? {} : { volume: { ...block(config.volume), type: "virtual-machine" } }),
    ...(config.volume_snapshots === undefined
      ? {}
      : { volume_snapshots: config.volume_snapshots.map(block) }),
  };
}
