// Moving the root volume of a stopped instance, and its snapshots, into another storage pool of this server.

import { findRootDisk } from "../../config/device_keys.ts";
import { DreyError } from "../../errors.ts";
import type { Context, Ref } from "../context.ts";
import { announced, finishLater, noteIntent } from "../intents.ts";
import { openPool } from "../storage_pools/open.ts";
import { copyVolume } from "./copy_volume.ts";
import { expand } from "./expand.ts";
import { instanceKey, type InstanceRecord, loadRecord, lockInstance } from "./record.ts";
import { applyRootSize } from "./root_size.ts";
import { volumeOf } from "./volume_of.ts";
import { atRest } from "./snapshots/at_rest.ts";
import { listRecords, nameOf } from "./snapshots/record.ts";
import { currentState } from "./status.ts";
import { editRecord, instanceEvent } from "./changes.ts";

/** @throws {DreyError} `NOT_FOUND` for the pool, `INSTANCE_STATE` while the instance runs */
export async function moveToPool(context: Context, ref: Ref, name: string): Promise<void> {
  await using _lock = await lockInstance(context, ref);
  const { value } = await loadRecord(context, ref);
  if (value.pool === name) {
    throw new DreyError("BAD_REQUEST", {
      message: `Instance "${ref.name}" is in storage pool "${name}" already`,
    });
  }
  if (currentState(context, ref).status !== "Stopped") {
    throw new DreyError("INSTANCE_STATE", {
      message: "Instance must be stopped to be moved to another pool",
    });
  }
  await atRest(context, ref);
  await using from = await openPool(context, value.pool);
  await using to = await openPool(context, name);
  const volume = volumeOf(ref);
  const snapshots = await listRecords(context, ref);
  const { devices } = await expand(context, ref.project, value);
  const root = findRootDisk(devices);
  const disk = { type: "disk", path: "/", ...root?.device, pool: name };
  const key = instanceKey(ref);
  const rest = noteIntent({ do: "remove", pool: value.pool, volume }, [key]);
  const intent = { do: "remove", pool: name, volume } as const;
  await announced(context, { intent, locks: [key] }, async (done) => {
    await copyVolume(context, {
      from: { pool: from, volume },
      to: { pool: to, volume },
      map: from.driver.facts(volume)?.map ?? "",
      snapshots: snapshots.map(nameOf),
    });
    const moved = ({ devices, ...record }: InstanceRecord) => ({
      ...record,
      pool: name,
      devices: { ...devices, [root?.name ?? "root"]: disk },
    });
    await editRecord(context, ref, moved, [
      ...snapshots.map((entry) => ({ key: entry.key, value: { ...entry.value, pool: name } })),
      done,
      rest.write,
      instanceEvent(context, ref, "instance-updated"),
    ]);
  });
  await applyRootSize(context, ref);
  await finishLater(context, rest, () => from.driver.remove(volume));
}
