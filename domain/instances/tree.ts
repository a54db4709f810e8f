// What a stopped instance, or a snapshot, consists of: its files as a tar stream, and what its image said of it.

import { DreyError } from "../../errors.ts";
import { readLayout } from "../../idmap/ranges.ts";
import { parseMap } from "../../idmap/map.ts";
import { readTree, type TreeStream } from "../../runtime/file_tree.ts";
import type { Context, Ref } from "../context.ts";
import { getMetadata, templateSource } from "./metadata.ts";
import { openParent } from "./parent.ts";
import type { Volume } from "../../storage/driver.ts";
import type { InstanceType } from "../../wire/instance.ts";
import { hasOwnDisk } from "../machines/own_disk.ts";
import type { OpenPool } from "../storage_pools/open.ts";
import { instanceKey, loadRecord, lockInstance } from "./record.ts";
import { openRootPool, prepareRoot, volumeOf } from "./root_volume.ts";
import { showPlan } from "./start.ts";
import { currentState } from "./status.ts";

export interface InstanceTree extends AsyncDisposable {
  /** what an image made of it is for */
  type: InstanceType;
  /** begins to read; names are below `rootfs`, or the one name is `rootfs.img` for a disk */
  read(): TreeStream;
}

/**
 * Holds the files of a stopped instance, or of one of its snapshots, still to be read.
 *
 * @throws {DreyError} `NOT_FOUND`, `INSTANCE_STATE` if it runs
 */
export async function openTree(context: Context, ref: Ref, snapshot?: string): Promise<InstanceTree> {
  await loadRecord(context, ref);
  await using held = new AsyncDisposableStack();
  held.use(await lockInstance(context, ref));
  if (snapshot === undefined && currentState(context, ref).status !== "Stopped") {
    throw new DreyError("INSTANCE_STATE", {
      message: `Cannot read the files of instance "${ref.name}": it is running`,
      hint: `Stop it first, or use a snapshot: drey snapshot ${ref.name}`,
    });
  }
  const { plan } = await showPlan(context, ref);
  if (snapshot === undefined) await prepareRoot(context, ref);
  const pool = held.use(await openRootPool(context, ref));
  const volume = volumeOf(ref, snapshot);
  const facts = pool.driver.facts(volume);
  if (facts === undefined) {
    throw new DreyError("NOT_FOUND", { message: `Instance "${ref.name}" has no snapshot "${snapshot}"` });
  }
  if (hasOwnDisk(pool.driver.root(volume))) {
    return await openDisk(context, ref, { pool, volume, held: held.move() });
  }
  const { parent } = held.use(await openParent(context, await readLayout(context.user)));
  const kept = held.move();
  return {
    type: "container",
    read() {
      const root = snapshot === undefined ? plan.root : pool.driver.root(volume);
      return readTree({ ...plan, root, ids: { map: parseMap(facts.map), parent } }, "rootfs");
    },
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  };
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
    read() {
      const { promise: done, resolve, reject } = Promise.withResolvers<void>();
      const content = async function* () {
        const form = { volume: clone, name: "rootfs.img", format: "qcow2" } as const;
        const tar = await packRootDisk(context, pool.driver, form);
        yield* tar.stream;
        await tar.finish().then(resolve, reject);
      };
      return { content: ReadableStream.from(content()), done };
    },
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  };
}

/** What an image made of the instance says of it: metadata and templates, as far as there are any. */
export async function describeTree(context: Context, ref: Ref) {
  const source = await templateSource(context, ref);
  const metadata = await getMetadata(context, ref).catch((error) => {
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
