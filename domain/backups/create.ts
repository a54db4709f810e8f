// Making backups: one tarball in LXD's format with the description, the snapshots and the files, compressed on its way
// to the disk.

import { dirname } from "@std/path";
import { compressed, compressor } from "../../images/compressors.ts";
import { tarBody, tarEnd } from "../../images/tar_join.ts";
import { writeTarHead } from "../../images/tar.ts";
import type { Volume } from "../../storage/driver.ts";
import { whileRoom } from "../../storage/room.ts";
import { partialName } from "../../sys/partial.ts";
import { removeIfThere } from "../../sys/present.ts";
import { inProject } from "../../wire/address.ts";
import type { Operation } from "../../wire/operation.ts";
import { backupsCompression } from "../../config/server_keys.ts";
import { validateSnapshotName } from "../../config/names.ts";
import type { Context, Ref } from "../context.ts";
import { packDisk } from "./disk.ts";
import { packRootDisk } from "../machines/root_disk_tar.ts";
import { packVolume, type RootTar } from "../instances/root_tar.ts";
import { readTime } from "../instances/snapshots/naming.ts";
import { startOperation } from "../operations.ts";
import { serverSetting } from "../server_config.ts";
import type { OpenPool } from "../storage_pools/open.ts";
import type { VolumeRef } from "../storage_volumes/record.ts";
import type { BackupConfig } from "./index_file.ts";
import { instanceParts, volumeParts } from "./parts.ts";
import {
  backupAddress,
  backupEvent,
  backupFile,
  backupKey,
  type BackupRecord,
  backupTaken,
  instanceSubject,
  listBackups,
  mustBeFree,
  resourcesOf,
  type Subject,
  volumeSubject,
} from "./record.ts";
import { withFiles } from "./unrecorded.ts";

/** What a client asks of a backup. */
export interface BackupWish {
  name?: string;
  expires_at?: string;
  /** without snapshots */
  alone: boolean;
  optimized: boolean;
  compression?: string;
}

/** A small file of a tarball. */
export type BackupFile = { name: string; text: string } | { name: string; content: Uint8Array<ArrayBuffer> };

/** What goes into a tarball: small files first, then trees of volumes. */
export interface BackupParts extends AsyncDisposable {
  files: BackupFile[];
  pool: OpenPool;
  /**
   * directories of the tarball and the volumes that fill them; or files of it: disks, by the path of a disk or as `root`
   * of a machine, and streams of the driver's own
   */
  trees: {
    name: string;
    volume: Volume;
    disk?: string;
    root?: true;
    /** writes it to a file */
    stream?: (to: string) => Promise<void>;
  }[];
  config: BackupConfig;
  /** what is less than was asked for, for people */
  warnings?: string[];
}

/** Makes a backup of an instance, as an operation. */
export const backUpInstance = (context: Context, ref: Ref, wish: BackupWish): Promise<Operation> =>
  begin(context, instanceSubject(ref), {
    wish,
    open: async () => {
      if (!wish.optimized) return await instanceParts(context, ref, wish);
      return await (await import("./optimized.ts")).optimizedParts(context, ref, wish);
    },
  });

/** Makes a backup of a custom volume, as an operation. */
export const backUpVolume = (context: Context, ref: VolumeRef, wish: BackupWish): Promise<Operation> =>
  begin(context, volumeSubject(ref), {
    wish,
    open: async () => {
      if (!wish.optimized) return await volumeParts(context, ref, wish);
      return await (await import("./optimized.ts")).optimizedVolumeParts(context, ref, wish);
    },
  });

async function begin(
  context: Context,
  subject: Subject,
  { wish, open }: { wish: BackupWish; open: () => Promise<BackupParts> },
): Promise<Operation> {
  const { mustAllowSaving } = await import("../projects/allow.ts");
  await mustAllowSaving(context, subject.project, "backups");
  const taken = (await listBackups(context, subject)).map(({ name }) => name);
  const name = wish.name || freeName(taken);
  validateSnapshotName(name);
  if (taken.includes(name)) throw backupTaken(subject, name);
  const expires_at = readTime(wish.expires_at ?? "");
  const compress = compressor(wish.compression || await serverSetting(context, backupsCompression) || "gzip");
  return await startOperation(context, {
    project: subject.project,
    description: subject.kind === "instance" ? "Backing up instance" : "Creating custom volume backup",
    // older clients take the name from the first, newer ones from the second
    resources: { ...resourcesOf(subject), backups: [`/1.0/backups/${encodeURIComponent(name)}`] },
    metadata: { entity_url: inProject(backupAddress(subject, name), subject.project) },
    mayCancel: true,
    run: async (task) => {
      await using _lock = await context.store.lock(subject.key, { signal: task.signal });
      // somebody may have made one of this name while we waited
      await mustBeFree(context, subject, name);
      await using parts = await open();
      const record: BackupRecord = {
        created_at: context.now().toISOString(),
        expires_at,
        alone: wish.alone,
        optimized: wish.optimized,
      };
      const path = backupFile(context, subject, name);
      await withFiles(context, [subject], async () => {
        await write(context, { path, parts, compress, signal: task.signal });
        await enter(context, subject, { name, record });
      });
      if (parts.warnings !== undefined) await task.update({ warnings: parts.warnings });
    },
  });
}

async function enter(
  context: Context,
  subject: Subject,
  { name, record }: { name: string; record: BackupRecord },
): Promise<void> {
  const key = backupKey(subject, name);
  const isFree = await context.store.commit([{ key, revision: 0 }], [
    { key, value: record },
    backupEvent(context, subject, {
      what: "created",
      name,
      ...subject.kind === "volume" && { context: { type: "custom" } },
    }),
  ]);
  if (!isFree) throw backupTaken(subject, name);
}

function freeName(taken: readonly string[]): string {
  for (let count = 0;; count++) if (!taken.includes(`backup${count}`)) return `backup${count}`;
}

interface Writing {
  path: string;
  parts: BackupParts;
  /** argv that compresses standard input, empty for none */
  compress: string[];
  signal: AbortSignal;
}

/** Writes a tarball beside its place, and puts it there whole. */
async function write(context: Context, { path, parts, compress, signal }: Writing): Promise<void> {
  await Deno.mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const partial = partialName(path);
  try {
    const bytes = compressed(compress, tarball(context, parts, path), signal);
    const content = ReadableStream.from(whileRoom(dirname(path), bytes));
    const file = await Deno.open(partial, { write: true, createNew: true, mode: 0o600 });
    await content.pipeTo(file.writable, { signal });
    await Deno.rename(partial, path);
  } catch (error) {
    await Deno.remove(partial).catch(() => {}); // it may never have been made
    throw error;
  }
}

async function* tarball(
  context: Context,
  { files, pool, trees }: BackupParts,
  path: string,
): AsyncGenerator<Uint8Array> {
  const mtime = context.now();
  const encoder = new TextEncoder();
  yield writeTarHead(files.map((file) => ({
    name: file.name,
    content: "text" in file ? encoder.encode(file.text) : file.content,
    mtime,
  })));
  for (const { name, volume, disk, root, stream } of trees) {
    if (stream !== undefined) {
      // the head of an entry says how long it is
      const to = partialName(path);
      try {
        await stream(to);
        yield* bodyOf(packDisk(to, name));
      } finally {
        removeIfThere(to);
      }
    } else if (root === true) {
      yield* bodyOf(await packRootDisk(context, pool.driver, { volume, name, format: "raw" }));
    } else if (disk !== undefined) yield* bodyOf(packDisk(disk, name));
    else yield* bodyOf(await packVolume(context, pool.driver, { volume, name }));
  }
  yield tarEnd;
}

async function* bodyOf(tar: RootTar): AsyncGenerator<Uint8Array> {
  try {
    yield* tarBody(tar.stream);
  } catch (error) {
    tar.kill();
    throw error;
  }
  await tar.finish();
}
