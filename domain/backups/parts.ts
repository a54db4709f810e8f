// What a backup is made of: the files of an instance or of a custom volume, kept still while they are read.

import { join } from "@std/path";
import { formatMetadata } from "../../images/metadata.ts";
import { isDirectory, namesIn, readIfThere } from "../../sys/present.ts";
import type { Volume } from "../../storage/driver.ts";
import type { Context, Ref } from "../context.ts";
import { finishLater, noteIntent } from "../intents.ts";
import { instanceKey, loadRecord } from "../instances/record.ts";
import { volumeOf } from "../instances/volume_of.ts";
import { hasOwnDisk } from "../machines/own_disk.ts";
import { atRest } from "../instances/snapshots/at_rest.ts";
import { describeTree } from "../instances/tree.ts";
import { type OpenPool, openPool } from "../storage_pools/open.ts";
import {
  loadVolume,
  volumeKey,
  volumeOf as customVolumeOf,
  type VolumeRef,
} from "../storage_volumes/record.ts";
import { diskOf } from "../storage_volumes/content.ts";
import { runningUsers } from "../storage_volumes/users.ts";
import type { BackupParts } from "./create.ts";
import { diskExtension } from "./index_file.ts";
import { describeInstance, describeVolume, indexOf } from "./describe.ts";

/** Parts of an instance, whose lock the caller holds. A running one is cloned first, and goes on. */
export async function instanceParts(
  context: Context,
  ref: Ref,
  { alone }: { alone: boolean },
): Promise<BackupParts> {
  const config = await describeInstance(context, ref, { alone });
  const { value: { pool: poolName, type } } = await loadRecord(context, ref);
  const index = await indexOf(context, { name: ref.name, pool: poolName, type: "container", config });
  await using held = new AsyncDisposableStack();
  const pool = held.use(await openPool(context, poolName));
  if (type === "virtual-machine" && hasOwnDisk(pool.driver.root(volumeOf(ref)))) {
    const { diskParts } = await import("./disk_parts.ts");
    return await diskParts(context, ref, { config, pool, held: held.move() });
  }
  const { volume } = held.use(await stillVolume(context, pool, ref));
  const home = pool.driver.home(volume);
  const kept = held.move();
  return {
    config,
    pool,
    files: [
      { name: "backup/index.yaml", text: await yaml(index) },
      { name: "backup/container/backup.yaml", text: await yaml(config) },
      ...await metadataFiles(context, { ref, home }),
    ],
    trees: [
      ...index.snapshots.map((snapshot) => ({
        name: `backup/snapshots/${snapshot}/rootfs`,
        volume: volumeOf(ref, snapshot),
      })),
      { name: "backup/container/rootfs", volume },
    ],
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  };
}

/** The volume of an instance at rest; of one that runs, a clone that goes with the end of its use. */
export async function stillVolume(
  context: Context,
  pool: OpenPool,
  ref: Ref,
): Promise<AsyncDisposable & { volume: Volume }> {
  const live = await atRest(context, ref);
  const volume = volumeOf(ref);
  if (live !== undefined) return await cloned(context, pool, { volume, lock: instanceKey(ref), live });
  return { volume, [Symbol.asyncDispose]: () => Promise.resolve() };
}

/** What the image, or somebody since, said of the instance. */
export async function metadataFiles(
  context: Context,
  { ref, home, base = "backup/container" }: { ref: Ref; home: string; base?: string },
) {
  const text = readIfThere(join(home, "metadata.yaml"));
  const own = join(home, "templates");
  if (text !== undefined && isDirectory(own)) {
    return [
      { name: `${base}/metadata.yaml`, text },
      ...namesIn(own).map((name) => ({
        name: `${base}/templates/${name}`,
        text: Deno.readTextFileSync(join(own, name)),
      })),
    ];
  }
  const { metadata, templates } = await describeTree(context, ref);
  const said = text ?? (metadata === undefined ? undefined : await formatted(metadata));
  return [
    ...(said === undefined ? [] : [{ name: `${base}/metadata.yaml`, text: said }]),
    ...templates.map(({ name, text }) => ({
      name: `${base}/templates/${name}`,
      text: textOf(text),
    })),
  ];
}

const formatted = (metadata: unknown) => formatMetadata(metadata as Parameters<typeof formatMetadata>[0]);

const textOf = (text: string | Uint8Array) =>
  typeof text === "string" ? text : new TextDecoder().decode(text);

/** Parts of a custom volume, whose lock the caller holds. */
export async function volumeParts(
  context: Context,
  ref: VolumeRef,
  { alone }: { alone: boolean },
): Promise<BackupParts> {
  const { value: { content_type } } = await loadVolume(context, ref);
  const config = await describeVolume(context, ref, { alone });
  const index = await indexOf(context, { name: ref.name, pool: ref.pool, type: "custom", config });
  await using held = new AsyncDisposableStack();
  const pool = held.use(await openPool(context, ref.pool));
  const isStill = (await runningUsers(context, ref)).length === 0;
  const volume = isStill
    ? customVolumeOf(ref)
    : held.use(await cloned(context, pool, { volume: customVolumeOf(ref), lock: volumeKey(ref) })).volume;
  const kept = held.move();
  const tree = (name: string, volume: Volume) =>
    content_type === "filesystem" ? { name, volume } : {
      name: `${name}.${diskExtension(content_type)}`,
      volume,
      disk: diskOf(pool.driver, volume, content_type),
    };
  return {
    config,
    pool,
    files: [{ name: "backup/index.yaml", text: await yaml(index) }],
    trees: [
      ...index.snapshots.map((snapshot) =>
        tree(`backup/volume-snapshots/${snapshot}`, customVolumeOf(ref, snapshot))
      ),
      tree("backup/volume", volume),
    ],
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  };
}

interface Cloning {
  volume: Volume;
  lock: readonly string[];
  live?: Awaited<ReturnType<typeof atRest>>;
}

/** A clone that goes when it is disposed, or, if this process is killed, with the next command. */
export async function cloned(
  context: Context,
  pool: OpenPool,
  { volume, lock, live }: Cloning,
): Promise<AsyncDisposable & { volume: Volume }> {
  const clone: Volume = { kind: volume.kind, name: `.backup-${crypto.randomUUID()}` };
  const noted = noteIntent({ do: "remove", pool: pool.name, volume: clone }, [lock]);
  await context.store.commit([], [noted.write]);
  await using undo = new AsyncDisposableStack();
  undo.defer(() => finishLater(context, noted, () => pool.driver.remove(clone)));
  await pool.driver.clone(volume, clone, live);
  const kept = undo.move();
  return { volume: clone, [Symbol.asyncDispose]: () => kept.disposeAsync() };
}

/** Data as YAML. */
export async function yaml(data: object): Promise<string> {
  const { stringify } = await import("@std/yaml");
  return stringify(data, { lineWidth: -1, skipInvalid: true });
}
