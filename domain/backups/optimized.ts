// Backups in the format of the storage driver: streams of btrfs-send(8) as LXD's driver `btrfs` packs them, with a
// header that names them.

import { DreyError } from "../../errors.ts";
import type { Driver, OpenStreams, StreamSource, Volume } from "../../storage/driver.ts";
import type { Context, Ref } from "../context.ts";
import { loadRecord } from "../instances/record.ts";
import { volumeOf } from "../instances/volume_of.ts";
import { hasOwnDisk } from "../machines/own_disk.ts";
import { openPool } from "../storage_pools/open.ts";
import { volumeOf as customVolumeOf, type VolumeRef } from "../storage_volumes/record.ts";
import type { BackupParts } from "./create.ts";
import { describeInstance, describeVolume, indexOf } from "./describe.ts";
import { type BackupIndex, invalid, parseSubvolumes } from "./index_file.ts";
import { instanceParts, stillVolume, volumeParts, yaml } from "./parts.ts";
import type { ScannedBackup } from "./scan.ts";

/** Parts of an instance, whose lock the caller holds; plain ones, as LXD has it, where its pool has no streams. */
export async function optimizedParts(
  context: Context,
  ref: Ref,
  { alone }: { alone: boolean },
): Promise<BackupParts> {
  const { value: { pool: name, type } } = await loadRecord(context, ref);
  await using held = new AsyncDisposableStack();
  const pool = held.use(await openPool(context, name));
  const { streams } = pool.driver;
  const hasDisk = type === "virtual-machine" && hasOwnDisk(pool.driver.root(volumeOf(ref)));
  if (streams === undefined || hasDisk) {
    const why = hasDisk ? "virtual machines with a disk of their own have no other" : whyPlain(pool.driver);
    return {
      ...await instanceParts(context, ref, { alone }),
      warnings: [`the backup is a plain one: ${why}`],
    };
  }
  const volume = held.use(await stillVolume(context, pool, ref)).volume;
  // streams hold the ids of the host
  const map = pool.driver.facts(volume)?.map ?? "";
  const config = await describeInstance(context, ref, { alone, map });
  const index = await indexOf(context, { name: ref.name, pool: name, type: "container", config });
  const open = held.use(
    await streams.open([
      ...index.snapshots.map((snapshot) => ({ volume: volumeOf(ref, snapshot) })),
      { volume, described: await yaml(config) },
    ]),
  );
  const names = [...index.snapshots.map((name) => `backup/snapshots/${name}.bin`), "backup/container.bin"];
  return await streamParts({ config, pool, index, volume, open, names, held: held.move() });
}

/** The same of a custom volume. */
export async function optimizedVolumeParts(
  context: Context,
  ref: VolumeRef,
  { alone }: { alone: boolean },
): Promise<BackupParts> {
  await using held = new AsyncDisposableStack();
  const pool = held.use(await openPool(context, ref.pool));
  const { streams } = pool.driver;
  if (streams === undefined) {
    const warnings = [`the backup is a plain one: ${whyPlain(pool.driver)}`];
    return { ...await volumeParts(context, ref, { alone }), warnings };
  }
  const volume = customVolumeOf(ref);
  const config = await describeVolume(context, ref, { alone, hasHostIds: true });
  const index = await indexOf(context, { name: ref.name, pool: ref.pool, type: "custom", config });
  const states = [...index.snapshots.map((snapshot) => customVolumeOf(ref, snapshot)), volume];
  const open = held.use(await streams.open(states.map((volume) => ({ volume }))));
  const names = [
    ...index.snapshots.map((name) => `backup/volume-snapshots/${name}.bin`),
    "backup/volume.bin",
  ];
  return await streamParts({ config, pool, index, volume, open, names, held: held.move() });
}

const whyPlain = ({ name }: Driver): string =>
  name === "btrfs"
    ? "only root may read streams of btrfs"
    : `storage pools of driver ${name} have no format of their own`;

interface Streaming extends Pick<BackupParts, "config" | "pool"> {
  index: BackupIndex;
  volume: Volume;
  open: OpenStreams;
  /** of the streams in the tarball, in their order */
  names: readonly string[];
  held: AsyncDisposableStack;
}

async function streamParts(
  { config, pool, index, volume, open, names, held }: Streaming,
): Promise<BackupParts> {
  const subvolumes = [
    ...index.snapshots.map((snapshot) => ({ path: "/", snapshot, readonly: true })),
    { path: "/", snapshot: "", readonly: false },
  ];
  return {
    config,
    pool,
    files: [
      { name: "backup/index.yaml", text: await yaml({ ...index, optimized: true, optimized_header: true }) },
      { name: "backup/optimized_header.yaml", text: await yaml({ subvolumes }) },
    ],
    trees: names.map((name, n) => ({ name, volume, stream: (to) => open.write(n, to) })),
    [Symbol.asyncDispose]: () => held.disposeAsync(),
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
  const { index: { backend, config, snapshots, type }, files, sizes, tarball } = backup;
  if (type !== "container" && type !== "custom") {
    throw invalid("streams of virtual machines are not supported yet");
  }
  if (driver.streams === undefined || backend !== driver.name) {
    throw new DreyError("NOT_SUPPORTED", {
      message: `Cannot import a backup in the format of the storage driver "${backend}" here`,
      hint:
        `It wants a storage pool of that driver, and root; or export it again without --optimized-storage`,
    });
  }
  await mustBePlain(files.get("optimized_header.yaml"));
  const isVolume = type === "custom";
  const key = isVolume ? "volatile.idmap.last" : "volatile.last_state.idmap";
  const source = (name: string, config: Record<string, string> | undefined): StreamSource => {
    if (!sizes.has(name)) throw invalid(`it holds no "${name}"`);
    const unpack = 'tarball=$1 name=$2; shift 2; "$@" <"$tarball" | tar -xOf - -- "$name"';
    return {
      argv: ["sh", "-c", unpack, "sh", tarball.path, name, ...tarball.decompress],
      map: config?.[key] ?? "[]",
    };
  };
  const described = isVolume ? config.volume_snapshots : config.snapshots;
  const directory = isVolume ? "volume-snapshots" : "snapshots";
  const kept = snapshots.map((snapshot) => {
    const said = described?.find(({ name }) => name === snapshot);
    return { ...source(`backup/${directory}/${snapshot}.bin`, said?.config), snapshot };
  });
  const last = isVolume
    ? source("backup/volume.bin", config.volume?.config)
    : source("backup/container.bin", config.container?.config);
  return { sources: [...kept, last], receive: driver.streams.receive };
}

/** Subvolumes that an instance has made within itself are streams more, which nobody here can place. */
async function mustBePlain(header: Uint8Array | undefined): Promise<void> {
  if (header === undefined) return;
  const paths = await parseSubvolumes(new TextDecoder().decode(header));
  if (paths.every((path) => path === "/")) return;
  throw new DreyError("NOT_SUPPORTED", {
    message: "Cannot import the backup: the instance has subvolumes of its own",
    hint: "Export it again without --optimized-storage",
  });
}
