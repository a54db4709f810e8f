// backup.yaml beside the files of each instance and custom volume: its record and those of its snapshots, in LXD's form,
// for the day on which the database is gone. It is written when a process is done with its changes, not before they
// count, so that nobody waits for it.

import { join } from "@std/path";
import { describeError } from "../../errors.ts";
import type { Driver, Volume } from "../../storage/driver.ts";
import { describeInstance, describeVolume } from "../backups/describe.ts";
import type { BackupConfig } from "../backups/index_file.ts";
import type { Context } from "../context.ts";
import { emitLogging } from "../events.ts";
import { type InstanceRecord } from "../instances/record.ts";
import { volumeOf as rootVolumeOf } from "../instances/volume_of.ts";
import { openPool } from "../storage_pools/open.ts";
import { refOfKey, volumeOf } from "../storage_volumes/record.ts";
import type { Described } from "./noting.ts";

export const backupFileName = "backup.yaml";

/** Writes what lies beside the files of these things; what cannot be written is told to the log. */
export async function writeBackupFiles(context: Context, keys: readonly Described[]): Promise<void> {
  for (const key of keys) {
    try {
      // the last one to write has read last
      await using _lock = await context.store.lock(["backup_file", ...key]);
      await writeOne(context, key);
    } catch (error) {
      const message = `Cannot write ${backupFileName} of "${key.at(-1)}": ${describeError(error)}`;
      await emitLogging(context, { level: "warning", message, project: key[1] ?? "" });
    }
  }
}

async function writeOne(context: Context, key: Described): Promise<void> {
  const entry = await context.store.get(key);
  if (entry === undefined) return; // gone meanwhile, its files too
  const [kind, project = "", name = ""] = key;
  if (kind === "instances") {
    const { pool } = entry.value as InstanceRecord;
    const config = await describeInstance(context, { project, name }, { alone: false, isOwn: true });
    return await put(context, { pool, volume: rootVolumeOf({ project, name }), config });
  }
  const ref = refOfKey(key);
  const config = await describeVolume(context, ref, { alone: false, isOwn: true });
  await put(context, { pool: ref.pool, volume: volumeOf(ref), config });
}

interface Putting {
  pool: string;
  volume: Volume;
  config: BackupConfig;
}

async function put(context: Context, { pool: name, volume, config }: Putting): Promise<void> {
  await using pool = await openPool(context, name);
  if (pool.driver.exists(volume)) writeBackupFile(pool.driver, volume, config);
}

/** JSON is YAML too, and needs no library, which a fast command would have to load. */
function writeBackupFile(driver: Driver, volume: Volume, config: BackupConfig): void {
  const path = join(driver.home(volume), backupFileName);
  Deno.writeTextFileSync(`${path}.new`, `${JSON.stringify(config, null, 2)}\n`, { mode: 0o600 });
  Deno.renameSync(`${path}.new`, path);
}
