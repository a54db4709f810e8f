// Instances made of backups: drey's own, and those of LXD.

import { join } from "@std/path";
import { validateInstanceName, validateSnapshotName } from "../../config/names.ts";
import { DreyError } from "../../errors.ts";
import { formatMap, type IdMap, toHost } from "../../idmap/map.ts";
import type { Driver, Volume } from "../../storage/driver.ts";
import type { Config } from "../../wire/instance.ts";
import type { Operation } from "../../wire/operation.ts";
import type { Context, Ref } from "../context.ts";
import { enterWithVolume, firstMap, refuseTaken } from "../instances/create.ts";
import { instanceAddress, lockInstance } from "../instances/record.ts";
import { volumeOf } from "../instances/volume_of.ts";
import { unpackRootDisk } from "../machines/root_disk_tar.ts";
import { unpackVolume } from "../instances/root_tar.ts";
import { snapshotKey, type SnapshotRecord } from "../instances/snapshots/record.ts";
import { startOperation, type Task } from "../operations.ts";
import { profileFor } from "../profile_settings.ts";
import { isKeptBeside, unpackBeside } from "./beside_disk.ts";
import { type ImportWish, recordOf, snapshotRecord } from "./described.ts";
import { type IndexInstance, invalid, notedOn } from "./index_file.ts";
import { scanBackup, type ScannedBackup } from "./scan.ts";
import { streamsOf } from "./optimized.ts";
import { foreignOwners, withOwners } from "./owners.ts";
import { receiveFile } from "./receive.ts";

/**
 * Makes an instance of a backup, as an operation. The file is taken in before that is answered: it ends with the
 * request.
 *
 * @throws {DreyError} `IMAGE_INVALID`, `ALREADY_EXISTS`, `NOT_FOUND`, `NOT_SUPPORTED`
 */
export async function importInstance(
  context: Context,
  project: string,
  { content, wish }: { content: ReadableStream<Uint8Array>; wish: ImportWish },
): Promise<Operation> {
  await using undo = new AsyncDisposableStack();
  const file = undo.use(await receiveFile(context, "backup", content));
  const backup = await scanBackup(file.path);
  const { index: { type, config: { container } } } = backup;
  if (type !== "container" && type !== "virtual-machine") {
    throw new DreyError("NOT_SUPPORTED", { message: `A backup of type "${type}" cannot become an instance` });
  }
  if (container === undefined) throw invalid("its description names no instance");
  if (type === "virtual-machine" && !backup.sizes.has("backup/virtual-machine.img")) {
    throw invalid("it holds no disk of a virtual machine");
  }
  const ref = { project, name: wish.name || backup.index.name };
  validateInstanceName(ref.name);
  await refuseTaken(context, ref);
  for (const profile of container.profiles ?? []) await refuseWithoutProfile(context, ref, profile);
  const operation = await startOperation(context, {
    project,
    description: "Restoring backup",
    resources: { instances: [instanceAddress(ref.name)] },
    mayCancel: true,
    async run(task) {
      await using _file = file;
      await restore(context, ref, { backup, container, wish, task });
    },
  });
  undo.move();
  return operation;
}

async function refuseWithoutProfile(
  context: Context,
  { project, name }: Ref,
  profile: string,
): Promise<void> {
  try {
    await profileFor(context, { project, name: profile });
  } catch (error) {
    if (!(error instanceof DreyError) || error.code !== "NOT_FOUND") throw error;
    throw new DreyError("NOT_FOUND", {
      message: `Cannot import "${name}": it was made with the profile "${profile}", which is not here`,
      hint: `Create it first: drey profile create ${profile}. Where the backup comes from, ` +
        `drey profile show ${profile} says what is in it`,
      cause: error,
    });
  }
}

interface Restoring {
  backup: ScannedBackup;
  container: IndexInstance;
  wish: ImportWish;
  task: Task;
}

async function restore(
  context: Context,
  ref: Ref,
  { backup, container, wish, task }: Restoring,
): Promise<void> {
  await using _lock = await lockInstance(context, ref, task.signal);
  await refuseTaken(context, ref);
  const { record: described, warnings } = await recordOf(context, ref, { container, wish });
  const record = { ...described, volume: notedOn(backup.index.config) };
  const { map, ids } = await firstMap(context, ref, record);
  await using _ids = ids;
  const kept = snapshotsOf(backup);
  const snapshots = kept.map((snapshot): { name: string; record: SnapshotRecord } => ({
    name: snapshot.name,
    record: {
      ...snapshotRecord(snapshot, record),
      volume: notedOn({
        volume: backup.index.config.volume_snapshots?.find(({ name }) => name === snapshot.name),
      }),
    },
  }));
  // whichever of them is gone back to: the files have one map
  const ownMap = record.config["volatile.last_state.idmap"];
  if (ownMap !== undefined) {
    for (const { record } of snapshots) record.config["volatile.last_state.idmap"] = ownMap;
  }
  await enterWithVolume(context, ref, {
    record,
    make: async ({ driver }) => {
      if (backup.index.optimized) {
        const { sources, receive } = await streamsOf(backup, driver);
        return await receive({ volume: volumeOf(ref), sources, map: formatMap(map) });
      }
      const isDisk = backup.index.type === "virtual-machine";
      const tree = isDisk ? "backup/virtual-machine.img" : "backup/container/rootfs";
      for (const { name, config = {} } of kept) {
        const tree = isDisk
          ? `backup/virtual-machine-snapshots/${name}.img`
          : `backup/snapshots/${name}/rootfs`;
        const from = { tree, files: `snapshots/${name}/`, config };
        warnings.push(...await fill(context, driver, { backup, map, volume: volumeOf(ref), from }));
        await driver.snapshot({ ...volumeOf(ref), snapshot: name });
        task.signal.throwIfAborted();
      }
      const from = { tree, files: "", config: container.config ?? {} };
      warnings.push(...await fill(context, driver, { backup, map, volume: volumeOf(ref), from }));
    },
    more: snapshots.map(({ name, record }) => ({ key: snapshotKey(ref, name), value: record })),
  });
  if (warnings.length > 0) await task.update({ warnings });
}

/** Snapshots a backup holds and describes, the oldest first. */
function snapshotsOf({ index }: ScannedBackup): IndexInstance[] {
  const described = index.config.snapshots ?? [];
  const found = index.snapshots.map((name) => {
    validateSnapshotName(name);
    const snapshot = described.find((one) => one.name === name);
    if (snapshot === undefined) throw invalid(`its snapshot "${name}" is not described`);
    return snapshot;
  });
  return found.toSorted((a, b) => (a.created_at ?? "") < (b.created_at ?? "") ? -1 : 1);
}

interface Filling {
  backup: ScannedBackup;
  map: IdMap;
  volume: Volume;
  /** directory of the tarball or disk in it, prefix of the small files, what the description says of it */
  from: { tree: string; files: string; config: Config };
}

/** Puts one tree of a backup into a volume that begins anew. Gives what was left out, for people. */
async function fill(
  context: Context,
  driver: Driver,
  { backup, map, volume, from }: Filling,
): Promise<string[]> {
  const owner = { uid: toHost(map.uids, 0) ?? 0, gid: toHost(map.gids, 0) ?? 0, mode: 0o755 };
  const isDisk = from.tree.endsWith(".img");
  // holes of a disk take no room
  const expected = backup.sizes.get(from.tree) ?? 0;
  if (!isDisk) await driver.mustHold(expected);
  await driver.create(volume, { map: formatMap(map), owner, expected });
  const { stream, finish } = backup.open();
  if (isDisk) await unpackRootDisk(context, driver, { volume, stream, name: from.tree });
  else {
    const owners = foreignOwners(from.config["volatile.last_state.idmap"]);
    await unpackVolume(context, driver, { volume, stream: withOwners(stream, owners), below: from.tree });
  }
  await finish();
  const home = driver.home(volume);
  const beside = new Map<string, Uint8Array>();
  for (const [name, content] of backup.files) {
    if (!name.startsWith(from.files)) continue;
    const rest = name.slice(from.files.length);
    if (isKeptBeside(rest)) beside.set(rest, content);
    if (!/^(metadata\.yaml|templates\/[^/]+)$/.test(rest)) continue;
    if (rest.startsWith("templates/")) {
      Deno.mkdirSync(join(home, "templates"), { recursive: true, mode: 0o755 });
    }
    Deno.writeFileSync(join(home, rest), content, { mode: 0o644 });
  }
  if (!isDisk) return [];
  return await unpackBeside(context, { driver, volume }, { files: beside, config: from.config });
}
