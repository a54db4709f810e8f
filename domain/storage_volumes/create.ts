// Making custom volumes: empty ones, and copies of others with their snapshots.

import { withoutEmpty } from "../../config/key.ts";
import { validateVolumeName } from "../../config/names.ts";
import { inheritedConfig, validateVolumeConfig } from "../../config/volume_keys.ts";
import { DreyError } from "../../errors.ts";
import type { Check, Write } from "../../store/store.ts";
import { inProject } from "../../wire/address.ts";
import type { Config } from "../../wire/instance.ts";
import type { Operation } from "../../wire/operation.ts";
import type { StorageVolumesPost, VolumeContent } from "../../wire/storage_volume.ts";
import { retryCommit } from "../changed.ts";
import type { Context } from "../context.ts";
import { lifecycleWrite } from "../events.ts";
import { announced } from "../intents.ts";
import { startOperation } from "../operations.ts";
import { mustAllow } from "../projects/allow.ts";
import { effectiveProject, holdProject } from "../projects/effective.ts";
import { type OpenPool, openPool } from "../storage_pools/open.ts";
import { loadPool } from "../storage_pools/record.ts";
import { diskOf, emptyContent, resizeDisk, sizeOf } from "./content.ts";
import { copyVolume } from "./copy.ts";
import {
  lockVolume,
  taken,
  volumeAddress,
  volumeKey,
  volumeOf,
  type VolumeRecord,
  type VolumeRef,
} from "./record.ts";
import { makeVolume, noteNewSize } from "./size.ts";

/**
 * Makes a volume. A copy takes a while: it is answered with its operation; else with what there is to say, for people.
 *
 * @throws {DreyError} `BAD_REQUEST`, `NOT_FOUND` for the pool or the source, `ALREADY_EXISTS`, `NOT_SUPPORTED`
 */
export async function createVolume(
  context: Context,
  project: string,
  { pool, post }: { pool: string; post: StorageVolumesPost },
): Promise<Operation | string[]> {
  validateVolumeName(post.name);
  if ((post.type || "custom") !== "custom") {
    throw new DreyError("BAD_REQUEST", {
      message: "Currently not allowed to create storage volumes of this type",
    });
  }
  const { value: { config: ofPool } } = await loadPool(context, pool);
  const home = await effectiveProject(context, project, "storage.volumes");
  const to: VolumeRef = { project: home, pool, name: post.name };
  const { source } = post;
  if (source?.type === "migration") {
    const { receiveVolume } = await import("../migration/volume_sink.ts");
    return await receiveVolume(context, to, post);
  }
  if (source?.type === "copy") {
    const [name = "", snapshot] = (source.name ?? "").split("/");
    const from = {
      project: source.project ? await effectiveProject(context, source.project, "storage.volumes") : home,
      pool: source.pool || pool,
      name,
    };
    return await copyVolume(context, {
      from,
      to,
      ...(snapshot === undefined ? {} : { snapshot }),
      volumeOnly: source.volume_only ?? false,
      refresh: source.refresh ?? false,
      ...(post.config ? { config: post.config } : {}),
      ...(post.description ? { description: post.description } : {}),
    });
  }
  const record = newRecord(context, post);
  const inherited = inheritedConfig(record.content_type, { pool: ofPool, own: record.config });
  await createEmpty(context, to, { ...record, config: { ...inherited, ...record.config } });
  return await noteNewSize(context, to);
}

/** The record of a new volume. */
export function newRecord(
  context: Context,
  { content_type, description = "", config = {} }: Pick<
    StorageVolumesPost,
    "content_type" | "description" | "config"
  >,
): VolumeRecord {
  const content = contentType(content_type);
  const given = withoutEmpty(config);
  validateVolumeConfig(content, given);
  return {
    description,
    content_type: content,
    created_at: context.now().toISOString(),
    config: { ...userConfig(given), "volatile.uuid": crypto.randomUUID() },
  };
}

function contentType(text: string | undefined): VolumeContent {
  const found = (["filesystem", "block", "iso"] as const).find((known) => known === (text || "filesystem"));
  if (found !== undefined) return found;
  throw new DreyError("BAD_REQUEST", { message: `Unknown content type "${text}"` });
}

async function createEmpty(context: Context, ref: VolumeRef, record: VolumeRecord): Promise<void> {
  if (record.content_type === "iso") {
    throw new DreyError("BAD_REQUEST", {
      message: "A volume of content type iso cannot be empty",
      hint: "Import one: drey storage volume import POOL FILE NAME --type=iso",
    });
  }
  await using _lock = await lockVolume(context, ref);
  await enterVolume(context, ref, { record, make: (pool) => makeEmpty(context, pool, { ref, record }) });
}

async function makeEmpty(
  context: Context,
  { driver }: OpenPool,
  { ref, record }: { ref: VolumeRef; record: VolumeRecord },
): Promise<void> {
  await makeVolume(driver, volumeOf(ref), await emptyContent(context, record));
  const { content_type } = record;
  if (content_type === "block") {
    await resizeDisk(diskOf(driver, volumeOf(ref), content_type), sizeOf(record) ?? 0);
  }
}

export interface Entering {
  record: VolumeRecord;
  /** what it answers is the record, if that has come out differently */
  make(pool: OpenPool): Promise<VolumeRecord | void>;
  /** further writes of the commit that makes the volume count */
  more?: readonly Write[];
  /** what is done by that commit too; asked for again if what it rests on has changed */
  join?: (() => Promise<Joining>) | undefined;
}

/** What is to happen in the commit of something else, or nothing of both. */
export interface Joining {
  checks: readonly Check[];
  writes: readonly Write[];
}

/** Makes a volume's files, and then its record; what fails leaves neither. The caller holds the volume's lock. */
export async function enterVolume(
  context: Context,
  ref: VolumeRef,
  { record, make, more = [], join }: Entering,
): Promise<void> {
  const key = volumeKey(ref);
  if (await context.store.get(key) !== undefined) throw taken(ref);
  const intent = { do: "remove", pool: ref.pool, volume: volumeOf(ref), unless: key } as const;
  await using pool = await openPool(context, ref.pool);
  await announced(context, { intent, locks: [key] }, async (done) => {
    const value = await make(pool) ?? record;
    await using held = await holdProject(context, ref.project);
    await mustAllow(context, ref.project, {
      config: held.config,
      change: { volume: { ...ref, config: value.config } },
    });
    await retryCommit(`What goes with storage volume "${ref.name}"`, async () => {
      if (await context.store.get(key) !== undefined) throw taken(ref);
      const { checks, writes } = await join?.() ?? { checks: [], writes: [] };
      return await context.store.commit([{ key, revision: 0 }, ...checks], [
        { key, value },
        done,
        ...more,
        ...writes,
        lifecycleWrite(context, {
          project: ref.project,
          action: "storage-volume-created",
          source: volumeAddress(ref),
          context: { type: "custom" },
        }),
      ]);
    });
  });
}

/** An operation about a volume. */
export async function volumeOperation(
  context: Context,
  ref: VolumeRef,
  { description, run }: { description: string; run: Parameters<typeof startOperation>[1]["run"] },
): Promise<Operation> {
  return await startOperation(context, {
    project: ref.project,
    description,
    resources: { storage_volumes: [inProject(volumeAddress(ref), ref.project)] },
    run,
  });
}

/** Settings without drey's own keys, which a client may send back but not make. */
export const userConfig = (config: Config): Config =>
  Object.fromEntries(Object.entries(config).filter(([key]) => !key.startsWith("volatile.")));
