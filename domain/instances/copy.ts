// Copying an instance or a snapshot within this server, and bringing an earlier copy up to date.

import { validateDevices } from "../../config/device_keys.ts";
import { withoutEmpty } from "../../config/key.ts";
import { validateInstanceConfig } from "../../config/instance_keys.ts";
import { DreyError } from "../../errors.ts";
import { formatMap } from "../../idmap/map.ts";
import type { Config, InstancesPost } from "../../wire/instance.ts";
import type { Operation } from "../../wire/operation.ts";
import type { Context, Ref } from "../context.ts";
import { checkDevices } from "../devices.ts";
import { startOperation } from "../operations.ts";
import { missingHwaddrs } from "../networks/hwaddr.ts";
import { openPool } from "../storage_pools/open.ts";
import { enterWithVolume, firstMap, refuseTaken, userConfig } from "./create.ts";
import { copyVolume } from "./copy_volume.ts";
import { expand } from "./expand.ts";
import {
  instanceAddress,
  instanceKey,
  type InstanceRecord,
  loadRecord,
  lockBoth,
  newInstanceId,
} from "./record.ts";
import { applyRootSize } from "./root_size.ts";
import { poolFor } from "./root_volume.ts";
import { volumeOf } from "./volume_of.ts";
import { atRest } from "./snapshots/at_rest.ts";
import { copiedSnapshot, listRecords, loadSnapshot, nameOf, snapshotKey } from "./snapshots/record.ts";
import { startLocked } from "./start.ts";

/** What a copy is made of. */
export interface CopySource {
  ref: Ref;
  /** one snapshot of it instead of its present state */
  snapshot?: string;
}

/**
 * Starts copying an instance of this server.
 *
 * @throws {DreyError} `NOT_FOUND` for the source, `ALREADY_EXISTS`, `BAD_REQUEST`
 */
export async function copyInstance(context: Context, ref: Ref, body: InstancesPost): Promise<Operation> {
  const source = sourceOf(ref, body);
  const { value: from } = await loadSource(context, source);
  validateInstanceConfig(userConfig(body.config ?? {}), from.type);
  validateDevices(body.devices ?? {});
  const record = await copiedRecord(context, ref, { body, from });
  const expanded = (await expand(context, ref.project, record)).devices;
  await checkDevices(context, ref, record.devices, { expanded, isCopy: true });
  const isThere = await context.store.get(instanceKey(ref)) !== undefined;
  const refreshing = body.source.refresh === true && isThere;
  if (!refreshing) await refuseTaken(context, ref);
  return await startOperation(context, {
    project: ref.project,
    description: "Creating instance",
    resources: { instances: [instanceAddress(ref.name)] },
    run: async () => {
      if (refreshing) {
        const { refreshCopy } = await import("./refresh.ts");
        return await refreshCopy(context, ref, { source, body });
      }
      await copy(context, ref, { source, body, record });
    },
  });
}

function sourceOf(ref: Ref, { source }: InstancesPost): CopySource {
  const [name = "", snapshot] = (source.source ?? "").split("/");
  if (name === "") throw new DreyError("BAD_REQUEST", { message: "Must specify a source instance" });
  const project = source.project || ref.project;
  return { ref: { project, name }, ...(snapshot === undefined ? {} : { snapshot }) };
}

function loadSource(context: Context, { ref, snapshot }: CopySource) {
  return snapshot === undefined ? loadRecord(context, ref) : loadSnapshot(context, ref, snapshot);
}

/** The settings of the source with those of the request on top; what drey remembers of the source it remembers alone. */
async function copiedRecord(
  context: Context,
  ref: Ref,
  { body, from }: { body: InstancesPost; from: InstanceRecord },
): Promise<InstanceRecord> {
  const merged = { ...userConfig(from.config), ...userConfig(body.config ?? {}) };
  const own = withoutEmpty(merged);
  const settings = {
    config: { ...own, ...kept(from.config) },
    devices: { ...from.devices, ...body.devices },
    profiles: body.profiles ?? from.profiles,
  };
  const { devices } = await expand(context, ref.project, settings);
  return {
    ...settings,
    config: { ...settings.config, ...missingHwaddrs(devices, {}) },
    description: body.description ?? from.description,
    type: from.type,
    architecture: from.architecture,
    created_at: context.now().toISOString(),
    last_used_at: "1970-01-01T00:00:00Z",
    ephemeral: body.ephemeral ?? false,
    stateful: false,
    pool: poolFor(devices),
    ...from.volume && { volume: from.volume },
  };
}

/** What a copy takes over of LXD's `volatile.*`; the rest is made anew. */
function kept(config: Config): Config {
  const image = config["volatile.base_image"];
  return {
    ...(image === undefined ? {} : { "volatile.base_image": image }),
    "volatile.apply_template": "copy",
    "volatile.uuid": crypto.randomUUID(),
    ...newInstanceId(),
    "volatile.last_state.power": "STOPPED",
  };
}

interface Copying {
  source: CopySource;
  body: InstancesPost;
  record: InstanceRecord;
}

async function copy(context: Context, ref: Ref, { source, body, record }: Copying): Promise<void> {
  await using _locks = await lockBoth(context, source.ref, ref);
  const { value: from } = await loadSource(context, source);
  const { map, ids } = await firstMap(context, ref, record);
  await using _ids = ids;
  const text = formatMap(map);
  if (from.config["volatile.last_state.idmap"] !== undefined) {
    record.config["volatile.last_state.idmap"] = text;
  }
  const snapshots = await snapshotsToCopy(context, source, body);
  await using fromPool = await openPool(context, from.pool);
  await enterWithVolume(context, ref, {
    record,
    make: async (pool) => {
      await copyVolume(context, {
        from: { pool: fromPool, volume: volumeOf(source.ref, source.snapshot) },
        to: { pool, volume: volumeOf(ref) },
        map: text,
        live: source.snapshot === undefined ? await atRest(context, source.ref) : undefined,
        snapshots: snapshots.map(nameOf),
      });
    },
    more: snapshots.map((entry) => ({
      key: snapshotKey(ref, nameOf(entry)),
      value: copiedSnapshot(entry.value, { pool: record.pool, map: text }),
    })),
  });
  await applyRootSize(context, ref);
  if (body.start) await startLocked(context, ref);
}

async function snapshotsToCopy(context: Context, { ref, snapshot }: CopySource, { source }: InstancesPost) {
  const isAlone = snapshot !== undefined || source.instance_only || source.container_only;
  return isAlone ? [] : await listRecords(context, ref);
}
