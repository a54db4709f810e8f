// Volumes of the driver `btrfs` as streams of btrfs-send(8), in which snapshots say only what changed since the one
// before. Root alone may write and read them. What comes from elsewhere is received where nothing else can be reached,
// and looked through before it becomes a volume.

import { join } from "@std/path";
import { DreyError } from "../errors.ts";
import { type IdMap, type IdRange, parseMap } from "../idmap/map.ts";
import { isIdle, shiftArgv, shiftBetween } from "../idmap/shift.ts";
import { commandFailed, run, runChecked } from "../sys/run.ts";
import { exists, namesIn, removeIfThere } from "../sys/present.ts";
import { btrfs, removeSubvolumes } from "./btrfs.ts";
import type { PoolHost, Received, Sending, StreamSource, Volume } from "./driver.ts";
import { manifestFile, writeManifest } from "./manifest.ts";
import { making, placeOf, snapshotsOf } from "./places.ts";
import { mustHaveRoom } from "./room.ts";

/** Writes what a volume holds beyond a snapshot of it, if one is named, to a file. */
export async function sendVolume(host: PoolHost, { volume, since, to, described }: Sending): Promise<void> {
  const pool = host.directory;
  const parent = since === undefined ? [] : ["-p", placeOf(pool, since)];
  const send = (path: string) => btrfs("-q", "send", ...parent, "-f", to, path);
  if (volume.snapshot !== undefined) return void await send(placeOf(pool, volume));
  // what is sent must not change
  const remove = (paths: readonly string[]) => removeSubvolumes(host, paths);
  await making(host, "sent", async (made) => {
    await btrfs("-q", "subvolume", "snapshot", placeOf(pool, volume), made);
    const description = join(made, "backup.yaml");
    removeIfThere(description);
    if (described !== undefined) Deno.writeTextFileSync(description, described, { mode: 0o400 });
    await btrfs("property", "set", "-ts", made, "ro", "true");
    await send(made);
    await remove([made]);
  }, remove);
}

/**
 * Makes a volume and its snapshots of streams, the oldest snapshot first and the volume last.
 *
 * @throws {DreyError} `IMAGE_INVALID` for what is no volume of an instance
 */
export async function receiveVolume(host: PoolHost, { volume, sources, map }: Received): Promise<void> {
  mustHaveRoom(host.directory);
  await making(host, "received", async (made) => {
    // nobody may reach what has not been looked through
    Deno.mkdirSync(made, { mode: 0o700 });
    const found: { source: StreamSource; path: string }[] = [];
    for (const source of sources) found.push({ source, path: await receiveOne(made, source) });
    // all first: each stands on the one before, as long as nothing has changed there
    for (const { source, path } of found) await settle(path, { from: source.map, to: map });
    for (const { source, path } of found) await place(host, path, { ...volume, ...nameOf(source) });
    Deno.removeSync(made);
  }, (paths) => removeReceived(host, paths));
}

const nameOf = ({ snapshot }: StreamSource) => snapshot === undefined ? {} : { snapshot };

const script = `"$@" | btrfs -q receive -C -e "$0"`;

/** Receives one stream, in a root of its own: a hostile one could lead out by a link. */
async function receiveOne(directory: string, { argv }: StreamSource): Promise<string> {
  const before = namesIn(directory);
  const { code, stderr } = await run(["sh", "-c", script, directory, ...argv]);
  if (code !== 0) throw commandFailed("btrfs", { code, stderr });
  const [name, ...others] = namesIn(directory).filter((name) => !before.includes(name));
  if (name !== undefined && others.length === 0) return join(directory, name);
  throw invalid("a stream in it holds no volume, or several");
}

/** Makes a received subvolume a volume with files of these ids; it can be written to from then on. */
async function settle(path: string, { from, to }: { from: string; to: string }): Promise<void> {
  await btrfs("property", "set", "-f", "-ts", path, "ro", "false");
  checkHome(path);
  const [old, now] = [mapOf(from, to), parseMap(to)];
  const root = join(path, "rootfs");
  const foreign = await runChecked(["find", root, ...outside("uid", old.uids), "-print", "-quit"]) +
    await runChecked(["find", root, ...outside("gid", old.gids), "-print", "-quit"]) +
    await runChecked(["find", root, "(", "-type", "b", "-o", "-type", "c", ")", "-print", "-quit"]);
  if (foreign !== "") throw invalid("a file in it belongs to nobody in the instance, or is a device");
  const shift = shiftBetween(old, now);
  if (!isIdle(shift)) await runChecked(shiftArgv(root, shift));
  Deno.chmodSync(path, 0o711);
  for (const name of [manifestFile, "backup.yaml"]) removeIfThere(join(path, name));
  writeManifest(path, { version: 1, map: to, kind: "copy", layers: [], top: "", touched: true });
}

/** An empty map is LXD's word for files with the ids that they have inside. */
function mapOf(text: string, like: string): IdMap {
  const map = parseMap(text);
  if (map.uids.length + map.gids.length > 0) return map;
  const inside = (ranges: IdRange[]) => ranges.map((range) => ({ ...range, hostId: range.nsId }));
  const { uids, gids } = parseMap(like);
  return { uids: inside(uids), gids: inside(gids) };
}

/** Words of find(1) for ids that are in none of the ranges. */
const outside = (kind: "uid" | "gid", ranges: readonly IdRange[]): string[] =>
  ranges.flatMap(({ hostId, count }) => {
    const from = hostId === 0 ? [] : [`-${kind}`, `+${hostId - 1}`];
    return ["!", "(", ...from, `-${kind}`, `-${hostId + count}`, ")"];
  });

/** Beside the root there are only files and templates that drey reads: no link may be among them. */
function checkHome(path: string): void {
  const known: Record<string, "file" | "directory"> = {
    rootfs: "directory",
    templates: "directory",
    "metadata.yaml": "file",
    "backup.yaml": "file",
    [manifestFile]: "file",
  };
  const check = (directory: string, wanted: (name: string) => "file" | "directory" | undefined) => {
    for (const name of namesIn(directory)) {
      const { isFile, isDirectory } = Deno.lstatSync(join(directory, name));
      const kind = isFile ? "file" : isDirectory ? "directory" : "other";
      if (wanted(name) !== kind) throw invalid("it holds something else beside the root file system");
    }
  };
  check(path, (name) => known[name]);
  check(join(path, "templates"), () => "file");
  if (!exists(join(path, "rootfs"))) throw invalid("it holds no root file system");
}

/** Puts a subvolume in its place; a read-only one could not be moved. */
async function place({ directory }: PoolHost, path: string, volume: Volume): Promise<void> {
  const to = placeOf(directory, volume);
  if (volume.snapshot === undefined) Deno.mkdirSync(join(to, ".."), { recursive: true, mode: 0o711 });
  else Deno.mkdirSync(snapshotsOf(directory, volume), { recursive: true, mode: 0o711 });
  Deno.renameSync(path, to);
  if (volume.snapshot !== undefined) await btrfs("property", "set", "-ts", to, "ro", "true");
}

/** Removes what was received, wherever it stopped. */
export async function removeReceived(host: PoolHost, paths: readonly string[]): Promise<void> {
  for (const path of paths) {
    await removeSubvolumes(host, namesIn(path).map((name) => join(path, name)));
    if (exists(path)) Deno.removeSync(path, { recursive: true });
  }
}

const invalid = (found: string) =>
  new DreyError("IMAGE_INVALID", { message: `Cannot use the backup: ${found}` });
