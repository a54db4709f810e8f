// What lies in a pool without a record: the records it is to have, made of what lies beside its files and of the files
// themselves.

import { join } from "@std/path";
import { validateInstanceName, validateProjectName, validateVolumeName } from "../../config/names.ts";
import { DreyError } from "../../errors.ts";
import type { Driver, Volume } from "../../storage/driver.ts";
import { exists } from "../../sys/present.ts";
import type { Devices, InstanceType } from "../../wire/instance.ts";
import { type BackupConfig, type IndexInstance, type IndexVolume, notedOn } from "../backups/index_file.ts";
import type { Context, Ref } from "../context.ts";
import type { IntentRecord } from "../intents.ts";
import { instanceKey, type InstanceRecord, refOf } from "../instances/record.ts";
import { volumeOf as rootVolumeOf } from "../instances/volume_of.ts";
import { currentState } from "../instances/status.ts";
import type { SnapshotRecord } from "../instances/snapshots/record.ts";
import {
  imageFile,
  volumeKey,
  volumeOf,
  type VolumeRecord,
  type VolumeRef,
  type VolumeSnapshotRecord,
} from "../storage_volumes/record.ts";
import type { Searched } from "./pools.ts";
import { readBackupFile } from "./read.ts";

export interface LostInstance {
  type: InstanceType;
  ref: Ref;
  record: InstanceRecord;
  snapshots: { name: string; record: SnapshotRecord }[];
  /** unpacked images its root and its snapshots stand on */
  images: string[];
}

export interface LostVolume {
  type: "custom";
  ref: VolumeRef;
  record: VolumeRecord;
  snapshots: { name: string; record: VolumeSnapshotRecord }[];
}

export type Lost = LostInstance | LostVolume;

/** Everything in a pool that has no record and that nobody is making or removing. */
export async function lostIn(context: Context, pool: Searched): Promise<Lost[]> {
  const busy = await busyVolumes(context, pool.name);
  const isFree = (volume: Volume) =>
    !busy.some((other) => other.kind === volume.kind && other.name === volume.name);
  const lost: Lost[] = [];
  for (const name of pool.driver.list("containers")) {
    const ref = refOf(name);
    if (!isInstanceName(ref) || !isFree(rootVolumeOf(ref))) continue;
    if (await context.store.get(instanceKey(ref)) !== undefined) continue;
    const found = await lostInstance(context, pool, ref);
    if (found !== undefined) lost.push(found);
  }
  for (const name of pool.driver.list("custom")) {
    const config = await readBackupFile(pool.driver.home({ kind: "custom", name }));
    const ref = customRefOf(name, { pool: pool.name, project: config?.volume?.project });
    if (ref === undefined || !isFree(volumeOf(ref))) continue;
    if (await context.store.get(volumeKey(ref)) !== undefined) continue;
    if (pool.driver.exists(volumeOf(ref))) lost.push(lostVolume(context, pool, { ref, config }));
  }
  return lost;
}

/** Volumes that somebody has begun to make, move or remove. */
async function busyVolumes(context: Context, pool: string): Promise<Volume[]> {
  const entries = await context.store.list<IntentRecord>(["intents"]);
  return entries.flatMap(({ value: { intent } }) => {
    if (intent.do === "remove" && intent.pool === pool) return [intent.volume];
    return intent.do === "rename" && intent.pool === pool ? [intent.from, intent.to] : [];
  });
}

const isInstanceName = ({ project, name }: Ref): boolean =>
  isValid(() => validateInstanceName(name)) && isValid(() => validateProjectName(project));

function isValid(check: () => void): boolean {
  try {
    check();
    return true;
  } catch (error) {
    if (error instanceof DreyError) return false;
    throw error;
  }
}

/** The volume a directory is; names of projects and of volumes may both hold underscores. */
function customRefOf(
  directory: string,
  { pool, project }: { pool: string; project: string | undefined },
): VolumeRef | undefined {
  const home = project !== undefined && directory.startsWith(`${project}_`)
    ? project
    : directory.slice(0, Math.max(0, directory.indexOf("_")));
  const name = directory.slice(home.length + 1);
  const isNamed = isValid(() => validateProjectName(home)) && isValid(() => validateVolumeName(name));
  return isNamed ? { project: home, pool, name } : undefined;
}

async function lostInstance(
  context: Context,
  { name: pool, driver }: Searched,
  ref: Ref,
): Promise<LostInstance | undefined> {
  const volume = rootVolumeOf(ref);
  const facts = driver.facts(volume);
  if (facts === undefined) return undefined;
  const said = await readBackupFile(driver.home(volume));
  const madeAt = Deno.statSync(driver.home(volume)).mtime ?? context.now();
  const type = said?.container?.type ?? "container";
  const record = instanceRecord(said?.container ?? { name: ref.name, profiles: ["default"] }, {
    pool,
    createdAt: madeAt,
    facts,
    type,
  });
  record.volume = notedOn(said ?? {});
  const isRunning = currentState(context, ref).status !== "Stopped";
  record.config = { ...record.config, "volatile.last_state.power": isRunning ? "RUNNING" : "STOPPED" };
  const names = driver.list("containers", volume.name).filter((snapshot) =>
    driver.exists({ ...volume, snapshot })
  );
  const snapshots = names.map((snapshot) => {
    const place = { ...volume, snapshot };
    const kept = said?.snapshots?.find(({ name }) => name === snapshot);
    const createdAt = Deno.statSync(driver.home(place)).mtime ?? madeAt;
    const own = driver.facts(place) ?? facts;
    const known = kept === undefined ? { ...record, created_at: createdAt.toISOString() } : undefined;
    const noted = said?.volume_snapshots?.find(({ name }) => name === snapshot);
    return {
      name: snapshot,
      record: {
        ...known ?? instanceRecord(kept!, { pool, createdAt, facts: own, type }),
        ...(noted === undefined ? {} : { volume: notedOn({ volume: noted }) }),
        expires_at: kept?.expires_at ?? "",
      },
    };
  });
  const images = [volume, ...names.map((snapshot): Volume => ({ ...volume, snapshot }))]
    .flatMap((one) => driver.facts(one)?.image ?? []);
  return { type, ref, record, snapshots, images: [...new Set(images)] };
}

interface Known {
  pool: string;
  createdAt: Date;
  facts: NonNullable<ReturnType<Driver["facts"]>>;
  type: InstanceType;
}

function instanceRecord(said: IndexInstance, { pool, createdAt, facts, type }: Known): InstanceRecord {
  const image = facts.image?.slice(0, 64);
  return {
    description: said.description ?? "",
    type,
    architecture: said.architecture || Deno.build.arch,
    created_at: said.created_at ?? createdAt.toISOString(),
    last_used_at: said.last_used_at ?? "1970-01-01T00:00:00Z",
    ephemeral: said.ephemeral ?? false,
    stateful: false,
    profiles: said.profiles ?? [],
    config: said.config ?? {
      "volatile.uuid": crypto.randomUUID(),
      ...(image === undefined ? {} : { "volatile.base_image": image }),
      // files that were written belong to these ids, whichever would be chosen now
      ...(facts.isUntouched ? {} : { "volatile.last_state.idmap": facts.map }),
    },
    devices: rootIn(said.devices ?? {}, pool),
    pool,
  };
}

/** Devices whose root disk, if they have one, is in this pool. */
function rootIn(devices: Devices, pool: string): Devices {
  return Object.fromEntries(
    Object.entries(devices).map(([name, device]) => {
      const isRoot = device["type"] === "disk" && device["path"] === "/" && device["pool"] !== undefined;
      return [name, isRoot ? { ...device, pool } : device];
    }),
  );
}

function lostVolume(
  context: Context,
  { driver }: Searched,
  { ref, config }: { ref: VolumeRef; config: BackupConfig | undefined },
): LostVolume {
  const volume = volumeOf(ref);
  const madeAt = Deno.statSync(driver.home(volume)).mtime ?? context.now();
  const record = volumeRecord(config?.volume ?? { name: ref.name }, {
    createdAt: madeAt,
    content: contentOf(driver, volume),
  });
  const names = driver.list("custom", volume.name).filter((snapshot) =>
    driver.exists({ ...volume, snapshot })
  );
  const snapshots = names.map((name) => {
    const said = config?.volume_snapshots?.find((one) => one.name === name);
    const createdAt = Deno.statSync(driver.home({ ...volume, snapshot: name })).mtime ?? madeAt;
    const own = volumeRecord(said ?? { ...config?.volume, name, created_at: createdAt.toISOString() }, {
      createdAt,
      content: record.content_type,
    });
    return { name, record: { ...own, expires_at: said?.expires_at ?? "" } };
  });
  return { type: "custom", ref, record, snapshots };
}

/** What a volume holds, by its files. */
function contentOf(driver: Driver, volume: Volume): VolumeRecord["content_type"] {
  const root = driver.root(volume);
  if (root.kind !== "directory") return "filesystem";
  const found = (["block", "iso"] as const).find((content) => exists(join(root.path, imageFile(content))));
  return found ?? "filesystem";
}

function volumeRecord(
  said: IndexVolume,
  { createdAt, content }: { createdAt: Date; content: VolumeRecord["content_type"] },
): VolumeRecord {
  const known = (["filesystem", "block", "iso"] as const).find((type) => type === said.content_type);
  return {
    description: said.description ?? "",
    content_type: known ?? content,
    created_at: said.created_at ?? createdAt.toISOString(),
    config: { "volatile.uuid": crypto.randomUUID(), ...said.config },
  };
}
