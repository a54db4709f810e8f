// Records of instances as a backup or another server describes them: what there is here too is kept, and told what is
// not.

import { findRootDisk, validateDevices } from "../../config/device_keys.ts";
import { instanceKeysToCome, validateInstanceConfig } from "../../config/instance_keys.ts";
import type { Config, Devices } from "../../wire/instance.ts";
import type { Context, Ref } from "../context.ts";
import { checkDevices } from "../devices.ts";
import { userConfig } from "../instances/create.ts";
import { expand } from "../instances/expand.ts";
import { type InstanceRecord, newInstanceId } from "../instances/record.ts";
import { poolFor } from "../instances/root_volume.ts";
import type { SnapshotRecord } from "../instances/snapshots/record.ts";
import { profileFor } from "../profile_settings.ts";
import { listPools, loadPool } from "../storage_pools/record.ts";
import type { IndexInstance } from "./index_file.ts";

/** What a client says beside the description. */
export interface ImportWish {
  /** another name */
  name?: string;
  /** another pool */
  pool?: string;
  /** devices that replace those of the description */
  devices?: Devices;
}

/** The record a described instance becomes; keys that drey does not have are left out, and that is said. */
export async function recordOf(
  context: Context,
  ref: Ref,
  { container, wish }: { container: IndexInstance; wish: ImportWish },
): Promise<{ record: InstanceRecord; warnings: string[] }> {
  const { config, warnings } = usable(container.config ?? {});
  if (wish.pool !== undefined) await loadPool(context, wish.pool);
  const given = { ...container.devices, ...wish.devices };
  const wanted = wish.pool ?? await poolInstead(context, ref, { container, wish });
  const devices = wanted === undefined ? given : withRootIn(given, wanted);
  validateInstanceConfig(userConfig(config), container.type ?? "container");
  validateDevices(devices);
  const settings = { config, devices, profiles: container.profiles ?? [] };
  const expanded = await expand(context, ref.project, settings);
  await checkDevices(context, ref, devices, {
    expanded: expanded.devices,
    type: container.type ?? "container",
    isCopy: true,
  });
  const pool = poolFor(expanded.devices);
  await loadPool(context, pool);
  const record: InstanceRecord = {
    ...settings,
    config: { ...config, ...newInstanceId(), "volatile.last_state.power": "STOPPED" },
    description: container.description ?? "",
    type: container.type ?? "container",
    architecture: container.architecture || Deno.build.arch,
    created_at: container.created_at ?? context.now().toISOString(),
    last_used_at: container.last_used_at ?? "1970-01-01T00:00:00Z",
    ephemeral: container.ephemeral ?? false,
    stateful: false,
    pool,
  };
  return { record, warnings };
}

/** The pool of the default profile, where that of a backup is gone and nobody named another one, as in LXD. */
async function poolInstead(
  context: Context,
  { project }: Ref,
  { container, wish }: { container: IndexInstance; wish: ImportWish },
): Promise<string | undefined> {
  if (findRootDisk(wish.devices ?? {})?.device["pool"]) return undefined;
  const old = findRootDisk({ ...container.devices, ...wish.devices })?.device["pool"];
  if (!old || (await listPools(context)).some(({ name }) => name === old)) return undefined;
  const { devices } = await profileFor(context, { project, name: "default" });
  return findRootDisk(devices)?.device["pool"];
}

function withRootIn(devices: Devices, pool: string): Devices {
  const { name, device } = findRootDisk(devices) ?? { name: "root", device: {} };
  return { ...devices, [name]: { ...device, type: "disk", path: "/", pool } };
}

/** What is remembered that means something here too, each in its form: it is not looked at again before it is used. */
const remembered: readonly [key: RegExp, value: RegExp][] = [
  [/^volatile\.base_image$/, /^[0-9a-f]{64}$/],
  [/^volatile\.uuid$/, /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/],
  [/^volatile\.[^.]+\.hwaddr$/, /^[0-9a-f][02468ace](:[0-9a-f]{2}){5}$/i],
  [/^volatile\.[^.]+\.name$/, /^\w[\w.-]{0,14}$/],
];

/** Whether a value has not the form that what is remembered under this name has. */
export const isMisremembered = (key: string, text: string): boolean =>
  text !== "" && remembered.some(([name, value]) => name.test(key) && !value.test(text));

/** Configuration without what belongs to the server it came from, and without what drey does not have. */
function usable(config: Config): { config: Config; warnings: string[] } {
  const isToCome = (key: string) =>
    instanceKeysToCome.some((known) =>
      known.endsWith("*") ? key.startsWith(known.slice(0, -1)) : key === known
    );
  const isForeign = (key: string, text: string) =>
    key.startsWith("volatile.") && !remembered.some(([name, value]) => name.test(key) && value.test(text));
  const dropped = Object.keys(config).filter(isToCome);
  const kept = Object.entries(config).filter(([key, value]) =>
    value !== "" && !isForeign(key, value) && !isToCome(key)
  );
  return {
    config: Object.fromEntries(kept),
    warnings: dropped.map((key) => `left out the configuration key "${key}", which is not supported yet`),
  };
}

/** The record a described snapshot of an instance becomes. */
export function snapshotRecord(snapshot: IndexInstance, instance: InstanceRecord): SnapshotRecord {
  const { config } = usable(snapshot.config ?? {});
  const devices = snapshot.devices ?? instance.devices;
  validateInstanceConfig(userConfig(config), instance.type);
  validateDevices(devices);
  return {
    ...instance,
    config,
    // it is in the pool its instance is in
    devices: findRootDisk(devices) === undefined ? devices : withRootIn(devices, instance.pool),
    profiles: snapshot.profiles ?? instance.profiles,
    ephemeral: snapshot.ephemeral ?? false,
    created_at: snapshot.created_at ?? instance.created_at,
    last_used_at: snapshot.last_used_at ?? instance.last_used_at,
    expires_at: snapshot.expires_at ?? "",
  };
}
