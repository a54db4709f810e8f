// Disks that are volumes of a storage pool: where their files lie, and how these come to belong to the users of the
// instance.

import { DreyError } from "../../errors.ts";
import { formatMap, type IdMap, relativeTo } from "../../idmap/map.ts";
import { readLayout } from "../../idmap/ranges.ts";
import { isIdle, shiftArgv, shiftBetween } from "../../idmap/shift.ts";
import * as volumeKeys from "../../config/volume_keys.ts";
import { readKey } from "../../config/key.ts";
import { instanceKey } from "../instances/record.ts";
import type { InstanceType } from "../../wire/instance.ts";
import type { Device } from "../../wire/instance.ts";
import type { Context, Ref } from "../context.ts";
import { lazyFileRoot } from "../instances/file_root.ts";
import { effectiveProject } from "../projects/effective.ts";
import { openPool } from "../storage_pools/open.ts";
import { mapOf, sizeOf, treeOf } from "../storage_volumes/content.ts";
import {
  loadVolume,
  lockVolume,
  volumeChanged,
  volumeKey,
  volumeOf,
  type VolumeRecord,
  type VolumeRef,
} from "../storage_volumes/record.ts";
import { runningUsers, volumeNamed } from "../storage_volumes/users.ts";

/** A volume as an instance is to be shown it. */
export interface FoundVolume {
  ref: VolumeRef;
  source: string;
  id: string;
  /** ids to shift owners by in the mount */
  shift?: IdMap;
  /** makes the files belong to the instance's ids, where they do not */
  settle?(): Promise<void>;
}

/** The volume a device of an instance names, which need not be there. */
export async function volumeRef(context: Context, { project }: Ref, device: Device): Promise<VolumeRef> {
  const named = volumeNamed(device) ?? { pool: "", name: "" };
  return { project: await effectiveProject(context, project, "storage.volumes"), ...named };
}

/**
 * Holds a device against its volume.
 *
 * @throws {DreyError} `NOT_FOUND`, `BAD_REQUEST`, `NOT_SUPPORTED` for a disk of a virtual machine
 */
export async function checkVolume(context: Context, ref: Ref, device: Device): Promise<VolumeRecord> {
  const volume = await volumeRef(context, ref, device);
  const { value } = await loadVolume(context, volume);
  if (value.content_type !== "filesystem") {
    if (!device["path"] && (await typeOf(context, ref)) !== "container") return value;
    throw new DreyError("BAD_REQUEST", {
      message: `Volume "${volume.name}" of content type ${value.content_type} is a disk for virtual machines`,
    });
  }
  if (device["path"]) return value;
  throw new DreyError("BAD_REQUEST", {
    message: `The device of volume "${volume.name}" lacks the key "path"`,
  });
}

/** What an instance is; undefined for one that does not exist yet. */
export async function typeOf(context: Context, ref: Ref): Promise<InstanceType | undefined> {
  return (await context.store.get<{ type: InstanceType }>(instanceKey(ref)))?.value.type;
}

/**
 * Finds the files of a volume, without touching them.
 *
 * @throws {DreyError} as {@link checkVolume}; `BAD_REQUEST` if instances with other ids run with it
 */
export async function findVolume(
  context: Context,
  ref: Ref,
  { device, map }: { device: Device; map: IdMap },
): Promise<FoundVolume> {
  const record = await checkVolume(context, ref, device);
  const volume = await volumeRef(context, ref, device);
  await using pool = await openPool(context, volume.pool);
  const source = await Deno.realPath(treeOf(pool.driver, volumeOf(volume)));
  const { dev, ino } = await Deno.stat(source);
  const found = { ref: volume, source, id: `${dev}:${ino}` };
  const shift = shiftBetween(await mapOf(context, record), map);
  if (isIdle(shift)) return found;
  if (readKey(record.config, volumeKeys.shifted)) {
    if (context.user.uid === 0) return { ...found, shift };
    throw cannotShift(volume);
  }
  await mustBeAlone(context, ref, volume);
  return { ...found, settle: () => settle(context, ref, { volume, map }) };
}

async function mustBeAlone(context: Context, ref: Ref, volume: VolumeRef): Promise<void> {
  const others = (await runningUsers(context, volume)).filter(({ project, name }) =>
    project !== ref.project || name !== ref.name
  );
  if (others.length === 0) return;
  throw new DreyError("BAD_REQUEST", {
    message: `Cannot use storage volume "${volume.name}": instance "${
      others[0]?.name
    }" runs with it and has other ids`,
    hint:
      "Instances that share a volume need the same ids, or security.shifted on the volume, which only root can do",
  });
}

/** What there is to say of the volume's size when an instance starts with it. */
export async function watchVolume(context: Context, ref: Ref, device: Device): Promise<string[]> {
  const volume = await volumeRef(context, ref, device);
  const { value: record } = await loadVolume(context, volume);
  if (sizeOf(record) === undefined) return [];
  const { watchSize } = await import("../storage_volumes/size.ts");
  await using pool = await openPool(context, volume.pool);
  return await watchSize(pool.driver, { ref: volume, record });
}

/** Gives the files of a volume to the ids of an instance. */
async function settle(
  context: Context,
  ref: Ref,
  { volume, map }: { volume: VolumeRef; map: IdMap },
): Promise<void> {
  await using _lock = await lockVolume(context, volume);
  await mustBeAlone(context, ref, volume);
  const { value: record } = await loadVolume(context, volume);
  const shift = shiftBetween(await mapOf(context, record), map);
  if (isIdle(shift)) return;
  // noted before it begins: a shift that is cut short goes on from the same ids
  await note(context, volume, { "volatile.idmap.next": formatMap(map) });
  const { parent } = await readLayout(context.user);
  await using hands = lazyFileRoot(context);
  await using pool = await openPool(context, volume.pool, hands);
  const inside = (ranges: IdMap["uids"], kind: "uids" | "gids") => {
    if (parent === undefined) return ranges;
    const to = (id: number, count: number) => relativeTo([{ nsId: 0, hostId: id, count }], parent[kind]);
    // host ids on both sides, each as the parent namespace counts them
    return ranges.flatMap(({ nsId, hostId, count }) =>
      to(nsId, count).flatMap((from) =>
        to(hostId + from.nsId, from.count).map((target) => ({
          nsId: from.hostId + target.nsId,
          hostId: target.hostId,
          count: target.count,
        }))
      )
    );
  };
  const local = { uids: inside(shift.uids, "uids"), gids: inside(shift.gids, "gids") };
  await hands.run(shiftArgv(treeOf(pool.driver, volumeOf(volume)), local));
  const text = formatMap(map);
  await note(context, volume, { "volatile.idmap.last": text, "volatile.idmap.next": text });
}

async function note(context: Context, volume: VolumeRef, config: Record<string, string>): Promise<void> {
  const { value, revision } = await loadVolume(context, volume);
  const key = volumeKey(volume);
  const changed = { ...value, config: { ...value.config, ...config } };
  if (await context.store.commit([{ key, revision }], [{ key, value: changed }])) return;
  throw volumeChanged(volume);
}

const cannotShift = ({ name }: VolumeRef) =>
  new DreyError("NOT_SUPPORTED", {
    message:
      `Storage volume "${name}" has security.shifted, which needs root: the kernel lets no user shift owners`,
    hint: "Unset it: instances with the same ids share a volume without it",
  });
