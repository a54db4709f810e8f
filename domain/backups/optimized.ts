// Backups in the format of the storage driver: streams of btrfs-send(8) as LXD's driver `btrfs` packs them, with a
// header that names them.

import { DreyError } from "../../errors.ts";
import type { Driver, StreamSource } from "../../storage/driver.ts";
import type { Context, Ref } from "../context.ts";
import { loadRecord } from "../instances/record.ts";
import { volumeOf } from "../instances/root_volume.ts";
import { openPool } from "../storage_pools/open.ts";
import type { BackupParts } from "./create.ts";
import { describeInstance, indexOf } from "./describe.ts";
import { invalid } from "./index_file.ts";
import { stillVolume, yaml } from "./parts.ts";
import type { ScannedBackup } from "./scan.ts";

/** @throws {DreyError} `NOT_SUPPORTED` if the pool of an instance has no format of its own, or not for this user */
export async function mustHaveStreams(context: Context, ref: Ref): Promise<void> {
  const { value: { pool: name, type } } = await loadRecord(context, ref);
  if (type !== "container") {
    throw new DreyError("NOT_SUPPORTED", {
      message: "Virtual machines have no backups in the format of a storage driver",
      hint: "Leave out --optimized-storage",
    });
  }
  await using pool = await openPool(context, name);
  if (pool.driver.streams !== undefined) return;
  const isForRoot = pool.driver.name === "btrfs";
  throw new DreyError("NOT_SUPPORTED", {
    message: isForRoot
      ? "Only root may read streams of btrfs"
      : `Storage pools of driver ${pool.driver.name} have no format of their own for backups`,
    hint: "Leave out --optimized-storage: such a backup fits every pool",
  });
}

/** Parts of an instance, whose lock the caller holds. */
export async function optimizedParts(
  context: Context,
  ref: Ref,
  { alone }: { alone: boolean },
): Promise<BackupParts> {
  const { value: { pool: name } } = await loadRecord(context, ref);
  await using held = new AsyncDisposableStack();
  const pool = held.use(await openPool(context, name));
  const volume = held.use(await stillVolume(context, pool, ref)).volume;
  // streams hold the ids of the host
  const map = pool.driver.facts(volume)?.map ?? "";
  const config = await describeInstance(context, ref, { alone, map });
  const plain = await indexOf(context, { name: ref.name, pool: name, type: "container", config });
  const index = { ...plain, optimized: true, optimized_header: true };
  const subvolumes = [
    ...index.snapshots.map((snapshot) => ({ path: "/", snapshot, readonly: true })),
    { path: "/", snapshot: "", readonly: false },
  ];
  const snapshots = index.snapshots.map((snapshot) => volumeOf(ref, snapshot));
  const since = (index: number) => snapshots[index] === undefined ? {} : { since: snapshots[index] };
  const kept = held.move();
  return {
    config,
    pool,
    files: [
      { name: "backup/index.yaml", text: await yaml(index) },
      { name: "backup/optimized_header.yaml", text: await yaml({ subvolumes }) },
    ],
    trees: [
      ...index.snapshots.map((snapshot, n) => ({
        name: `backup/snapshots/${snapshot}.bin`,
        volume: volumeOf(ref, snapshot),
        stream: since(n - 1),
      })),
      {
        name: "backup/container.bin",
        volume,
        stream: { ...since(snapshots.length - 1), described: await yaml(config) },
      },
    ],
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  };
}

/**
 * The streams of a backup, as a pool is to receive them.
 *
 * @throws {DreyError} `NOT_SUPPORTED` for a pool that cannot; `IMAGE_INVALID`
 */
export async function streamsOf(
  backup: ScannedBackup,
  driver: Driver,
): Promise<{ sources: StreamSource[]; receive: NonNullable<Driver["streams"]>["receive"] }> {
  const { index, files, sizes, tarball } = backup;
  if (index.type !== "container") throw invalid("streams of virtual machines are not supported yet");
  if (driver.streams === undefined || index.backend !== driver.name) {
    throw new DreyError("NOT_SUPPORTED", {
      message: `Cannot import a backup in the format of the storage driver "${index.backend}" here`,
      hint:
        `It wants a storage pool of that driver, and root; or export it again without --optimized-storage`,
    });
  }
  await mustBePlain(files.get("optimized_header.yaml"));
  const source = (name: string, config: Record<string, string> | undefined): StreamSource => {
    if (!sizes.has(name)) throw invalid(`it holds no "${name}"`);
    const unpack = 'tarball=$1 name=$2; shift 2; "$@" <"$tarball" | tar -xOf - -- "$name"';
    return {
      argv: ["sh", "-c", unpack, "sh", tarball.path, name, ...tarball.decompress],
      map: config?.["volatile.last_state.idmap"] ?? "[]",
    };
  };
  const snapshots = index.snapshots.map((snapshot) => {
    const said = index.config.snapshots?.find(({ name }) => name === snapshot);
    return { ...source(`backup/snapshots/${snapshot}.bin`, said?.config), snapshot };
  });
  const sources = [...snapshots, source("backup/container.bin", index.config.container?.config)];
  return { sources, receive: driver.streams.receive };
}

/** Subvolumes that an instance has made within itself are streams more, which nobody here can place. */
async function mustBePlain(header: Uint8Array | undefined): Promise<void> {
  if (header === undefined) return;
  const { parse } = await import("@std/yaml");
  const { subvolumes = [] } = parse(new TextDecoder().decode(header)) as { subvolumes?: { path?: string }[] };
  if (subvolumes.every(({ path }) => path === "/")) return;
  throw new DreyError("NOT_SUPPORTED", {
    message: "Cannot import the backup: the instance has subvolumes of its own",
    hint: "Export it again without --optimized-storage",
  });
}
