// What a stopped instance, or a snapshot, consists of: its files as a tar stream, and what its image said of it.

import { DreyError } from "../../errors.ts";
import type { Context, Ref } from "../context.ts";
import { readMetadata, templateSource } from "./metadata.ts";
import type { Volume } from "../../storage/driver.ts";
import type { InstanceType } from "../../wire/instance.ts";
import { hasOwnDisk } from "../machines/own_disk.ts";
import type { OpenPool } from "../storage_pools/open.ts";
import { instanceKey, loadRecord, lockInstance } from "./record.ts";
import { packVolume, type RootTar } from "./root_tar.ts";
import { openRootPool, prepareRoot } from "./root_volume.ts";
import { volumeOf } from "./volume_of.ts";
import { currentState } from "./status.ts";

export interface InstanceTree extends AsyncDisposable {
  /** what an image made of it is for */
  type: InstanceType;
  /**
   * begins to read; names are below `rootfs`, or the one name is `rootfs.img` for a disk. The stream fails if it is not
   * the whole of it
   */
  read(): ReadableStream<Uint8Array>;
}

/**
 * Holds the files of a stopped instance, or of one of its snapshots, still to be read.
 *
 * @throws {DreyError} `NOT_FOUND`, `INSTANCE_STATE` if it runs
 */
export async function openTree(context: Context, ref: Ref, snapshot?: string): Promise<InstanceTree> {
  const { value: { type } } = await loadRecord(context, ref);
  await using held = new AsyncDisposableStack();
  held.use(await lockInstance(context, ref));
  if (snapshot === undefined && currentState(context, ref).status !== "Stopped") {
    throw new DreyError("INSTANCE_STATE", {
      message: `Cannot read the files of instance "${ref.name}": it is running`,
      hint: `Stop it first, or use a snapshot: drey snapshot ${ref.name}`,
    });
  }
  if (snapshot === undefined) await prepareRoot(context, ref);
  const pool = held.use(await openRootPool(context, ref));
  const volume = volumeOf(ref, snapshot);
  if (pool.driver.facts(volume) === undefined) {
    throw new DreyError("NOT_FOUND", { message: `Instance "${ref.name}" has no snapshot "${snapshot}"` });
  }
  if (type === "virtual-machine" && hasOwnDisk(pool.driver.root(volume))) {
    return await openDisk(context, ref, { pool, volume, held: held.move() });
  }
  const kept = held.move();
  return {
    type: "container",
    read: () => readingOf(() => packVolume(context, pool.driver, { volume, name: "rootfs" })),
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  };
}

/** A tar stream that begins once somebody reads it. */
function readingOf(open: () => Promise<RootTar>): ReadableStream<Uint8Array> {
  const content = async function* () {
    const tar = await open();
    let isWhole = false;
    try {
      yield* tar.stream;
      isWhole = true;
    } finally {
      if (!isWhole) tar.kill();
    }
    await tar.finish();
  };
  return ReadableStream.from(content());
}

/** The disk of a machine, read from a clone of its volume. */
async function openDisk(
  context: Context,
  ref: Ref,
  { pool, volume, held }: { pool: OpenPool; volume: Volume; held: AsyncDisposableStack },
): Promise<InstanceTree> {
  await using opened = held;
  const { cloned } = await import("../backups/parts.ts");
  const { packRootDisk } = await import("../machines/root_disk_tar.ts");
  const clone = opened.use(await cloned(context, pool, { volume, lock: instanceKey(ref) })).volume;
  const kept = opened.move();
  return {
    type: "virtual-machine",
    read: () =>
      readingOf(() =>
        packRootDisk(context, pool.driver, { volume: clone, name: "rootfs.img", format: "qcow2" })
      ),
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  };
}

/** What an image made of the instance says of it: metadata and templates, as far as there are any. */
export async function describeTree(context: Context, ref: Ref) {
  const source = await templateSource(context, ref);
  const metadata = await readMetadata(context, ref).catch((error) => {
    if (error instanceof DreyError && error.code === "NOT_FOUND") return undefined;
    throw error;
  });
  const names = new Set(Object.values(metadata?.templates ?? {}).map(({ template }) => template));
  const templates = [...names].flatMap((name) => {
    const text = source?.read(name);
    return text === undefined ? [] : [{ name, text }];
  });
  return { metadata, templates };
}
