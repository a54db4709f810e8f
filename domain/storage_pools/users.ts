// Who uses which storage pool: instances whose root volume is in it, custom volumes, snapshots of both, and profiles
// that put a disk there.

import { inProject } from "../../wire/address.ts";
import type { InstanceRecord } from "../instances/record.ts";
import { instanceAddress } from "../instances/record.ts";
import { listProfiles } from "../profiles.ts";
import type { Context } from "../context.ts";
import type { SnapshotRecord } from "../instances/snapshots/record.ts";
import { refOfKey, snapshotAddress, volumeAddress } from "../storage_volumes/record.ts";

/** Addresses of the users of each pool. */
export async function poolUsers(context: Context): Promise<Map<string, string[]>> {
  const users = new Map<string, Set<string>>();
  const note = (pool: string, address: string) => {
    const known = users.get(pool) ?? new Set();
    users.set(pool, known.add(address));
  };
  for (const { key, value } of await context.store.list<InstanceRecord>(["instances"])) {
    note(value.pool, inProject(instanceAddress(encodeURIComponent(key[2] ?? "")), key[1] ?? ""));
  }
  for (const { key, value } of await context.store.list<SnapshotRecord>(["instance_snapshots"])) {
    const [, project = "", name = "", snapshot = ""] = key;
    const address = `${instanceAddress(encodeURIComponent(name))}/snapshots/${encodeURIComponent(snapshot)}`;
    note(value.pool, inProject(address, project));
  }
  for (const { key } of await context.store.list(["volumes"])) {
    const volume = refOfKey(key);
    note(volume.pool, inProject(volumeAddress(volume), volume.project));
  }
  for (const { key } of await context.store.list(["volume_snapshots"])) {
    const volume = refOfKey(key);
    note(volume.pool, inProject(snapshotAddress(volume, key[4] ?? ""), volume.project));
  }
  for (const { name, project, devices } of await listProfiles(context)) {
    const address = inProject(`/1.0/profiles/${encodeURIComponent(name)}`, project ?? "default");
    for (const { type, pool } of Object.values(devices)) if (type === "disk" && pool) note(pool, address);
  }
  return new Map([...users].map(([pool, addresses]) => [pool, [...addresses].sort()]));
}
