// What can be changed of the root volume of an instance by itself: what people note on it. The rest is the instance's.

import { withoutEmpty } from "../../config/key.ts";
import { DreyError } from "../../errors.ts";
import type { Config } from "../../wire/instance.ts";
import type { StorageVolumePut, VolumeSnapshotPut } from "../../wire/storage_volume.ts";
import type { Context } from "../context.ts";
import { lifecycleWrite } from "../events.ts";
import { instanceKey, lockInstance } from "../instances/record.ts";
import { readTime } from "../instances/snapshots/naming.ts";
import { loadSnapshot, snapshotKey } from "../instances/snapshots/record.ts";
import { userConfig } from "./create.ts";
import { volumeAddress, volumeChanged } from "./record.ts";
import { loadRoot, type RootName } from "./roots.ts";

/** Replaces description and `user.*` keys. @throws {DreyError} `NOT_FOUND`, `BAD_REQUEST` for any other key */
export async function updateRootVolume(
  context: Context,
  { name, put }: { name: RootName; put: StorageVolumePut },
): Promise<void> {
  await change(context, { name, put, edit: () => put });
}

/** Changes the keys that are named; an empty value removes one. */
export async function patchRootVolume(
  context: Context,
  { name, put }: { name: RootName; put: StorageVolumePut },
): Promise<void> {
  const edit = (old: Noted) => ({
    description: put.description ?? old.description,
    config: { ...old.config, ...put.config },
  });
  await change(context, { name, put, edit });
}

/**
 * Changes the description of a snapshot of a root volume; when it expires is the instance's.
 *
 * @throws {DreyError} `NOT_FOUND`, `BAD_REQUEST` for another time of expiry
 */
export async function updateRootSnapshot(
  context: Context,
  { name, snapshot, put }: { name: RootName; snapshot: string; put: VolumeSnapshotPut },
): Promise<void> {
  await using _lock = await lockInstance(context, name);
  await loadRoot(context, name);
  const { value, revision } = await loadSnapshot(context, name, snapshot);
  if (put.expires_at && readTime(put.expires_at) !== value.expires_at) {
    throw new DreyError("BAD_REQUEST", {
      message:
        `Cannot change when snapshot "${snapshot}" of volume "${name.name}" expires: its instance says`,
      hint: `Run: drey config edit ${name.name}/${snapshot}`,
    });
  }
  const { config = {}, description: before = "" } = value.volume ?? {};
  const description = put.description ?? before;
  const key = snapshotKey(name, snapshot);
  const done = await context.store.commit([{ key, revision }], [
    { key, value: { ...value, volume: { description, config } } },
    lifecycleWrite(context, {
      project: name.project,
      action: "storage-volume-snapshot-updated",
      source: `${volumeAddress(name, name.type)}/snapshots/${snapshot}`,
    }),
  ]);
  if (!done) throw volumeChanged(name);
}

interface Noted {
  description: string;
  config: Config;
}

async function change(
  context: Context,
  { name, put, edit }: { name: RootName; put: StorageVolumePut; edit(old: Noted): Partial<Noted> },
): Promise<void> {
  if (put.restore) {
    throw new DreyError("BAD_REQUEST", {
      message: `Cannot restore volume "${name.name}": it is put back with its instance`,
      hint: `Run: drey restore ${name.name} ${put.restore}`,
    });
  }
  await using _lock = await lockInstance(context, name);
  const { value, revision } = await loadRoot(context, name);
  const { description = "", config = {} } = edit(value.volume ?? { description: "", config: {} });
  const kept = withoutEmpty(userConfig(config));
  refuseOthers(name, kept);
  const key = instanceKey(name);
  const said = {
    project: name.project,
    action: "storage-volume-updated",
    source: volumeAddress(name, name.type),
  };
  const done = await context.store.commit([{ key, revision }], [
    { key, value: { ...value, volume: { description, config: kept } } },
    lifecycleWrite(context, said),
  ]);
  if (!done) throw volumeChanged(name);
}

function refuseOthers({ name }: RootName, config: Config): void {
  const other = Object.keys(config).find((key) => !key.startsWith("user."));
  if (other === undefined) return;
  throw new DreyError("BAD_REQUEST", {
    message: `Cannot change "${other}" of the root volume of instance "${name}": it has keys user.* only`,
    ...(other === "size" &&
      { hint: `Set the size of its root disk: drey config device set ${name} root size=…` }),
  });
}
