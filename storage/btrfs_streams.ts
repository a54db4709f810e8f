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
import type { OpenStreams, PoolHost, Received, SentState, StreamSource, Volume } from "./driver.ts";
import { manifestFile, writeManifest } from "./manifest.ts";
import { making, placeOf, snapshotsOf } from "./places.ts";
import { mustHaveRoom } from "./room.ts";

/** Makes states of a volume ready to be sent, the oldest first. */
export async function openStreams(host: PoolHost, states: readonly SentState[]): Promise<OpenStreams> {
  await using opened = new AsyncDisposableStack();
  const ready: string[] = [];
  for (const state of states) {
    const { kind, snapshot } = state.volume;
    if (snapshot !== undefined && kind !== "custom") ready.push(placeOf(host.directory, state.volume));
    else ready.push(await opened.use(await openState(host, state)).path);
  }
  const kept = opened.move();
  return {
    async write(index, to) {
      const [path = "", before] = [ready[index], ready[index - 1]];
      await btrfs("-q", "send", ...(before === undefined ? [] : ["-p", before]), "-f", to, path);
    },
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  };
}

/** A read-only copy of a state that is as LXD has it. */
async function openState(
  host: PoolHost,
  { volume, described }: SentState,
): Promise<AsyncDisposable & { path: string }> {
  const remove = (paths: readonly string[]) => removeSubvolumes(host, paths);
  return await making(host, "sent", async (made) => {
    await btrfs("-q", "subvolume", "snapshot", placeOf(host.directory, volume), made);
    for (const name of ["backup.yaml", ...(volume.kind === "custom" ? [manifestFile] : [])]) {
      removeIfThere(join(made, name));
    }
    if (described !== undefined) {
      Deno.writeTextFileSync(join(made, "backup.yaml"), described, { mode: 0o400 });
    }
    if (volume.kind === "custom") await moveContent(made, "up");
    await btrfs("property", "set", "-ts", made, "ro", "true");
    return { path: made, [Symbol.asyncDispose]: () => remove([made]) };
  }, remove);
}

/** Moves the content of a subvolume, $2, to its top or from there, and makes the one directory what the other was. */
const moving = `cd "$2"; way=$1; aside=$3; shift 3
if [ "$way" = up ]; then from=rootfs; else from=.; fi
attributes=$(tar "$@" --no-recursion -C "$from" -cf - . | base64)
if [ "$way" = up ]; then mv rootfs "$aside"; from=$aside to=.; else mkdir "$aside"; from=. to=$aside; fi
find "$from" -mindepth 1 -maxdepth 1 ! -name "$aside" -exec mv -t "$to" -- {} +
if [ "$way" = up ]; then rmdir "$aside"; else mv "$aside" rootfs; to=rootfs; fi
echo "$attributes" | base64 -d | tar "$@" -C "$to" -xpf -`;

/** LXD has the files of custom volumes at the top of their subvolume, drey below `rootfs`. */
async function moveContent(path: string, way: "up" | "down"): Promise<void> {
  const aside = `aside-${crypto.randomUUID()}`; // no file in there is called so
  const attributes = ["--xattrs", "--xattrs-include=*", "--acls", "--numeric-owner"];
  await runChecked(["sh", "-ec", moving, "sh", way, path, aside, ...attributes]);
}

/**
 * Makes a volume and its snapshots of streams, the oldest snapshot first and the volume last.
 *
 * @throws {DreyError} `IMAGE_INVALID` for what is no volume of an instance
 */
export async function receiveVolume(host: PoolHost, received: Received): Promise<void> {
  const { volume, sources, map, disk } = received;
  mustHaveRoom(host.directory);
  await making(host, "received", async (made) => {
    // nobody may reach what has not been looked through
    Deno.mkdirSync(made, { mode: 0o700 });
    const found: { source: StreamSource; path: string }[] = [];
    for (const source of sources) found.push({ source, path: await receiveOne(made, source) });
    // all first: each stands on the one before, as long as nothing has changed there
    for (const { source, path } of found) {
      await btrfs("property", "set", "-f", "-ts", path, "ro", "false");
      if (volume.kind === "custom") await moveContent(path, "down");
      else checkHome(path);
      await (disk === undefined ? settle(path, { from: source.map, to: map }) : settleDisk(path, disk));
      finish(path, map);
    }
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

/** Gives the files of a received subvolume to other ids. */
async function settle(path: string, { from, to }: { from: string; to: string }): Promise<void> {
  const [old, now] = [mapOf(from, to), parseMap(to)];
  const root = join(path, "rootfs");
  const foreign = await runChecked(["find", root, ...outside("uid", old.uids), "-print", "-quit"]) +
    await runChecked(["find", root, ...outside("gid", old.gids), "-print", "-quit"]) +
    await runChecked(["find", root, "(", "-type", "b", "-o", "-type", "c", ")", "-print", "-quit"]);
  if (foreign !== "") throw invalid("a file in it belongs to nobody in the instance, or is a device");
  const shift = shiftBetween(old, now);
  if (!isIdle(shift)) await runChecked(shiftArgv(root, shift));
}

/** A disk is one file, and belongs to the user. */
async function settleDisk(path: string, disk: string): Promise<void> {
  const root = join(path, "rootfs");
  const names = namesIn(root);
  if (names.length !== 1 || names[0] !== disk || !Deno.lstatSync(join(root, disk)).isFile) {
    throw invalid(`it holds something else than "${disk}"`);
  }
  await runChecked(["chown", "0:0", root, join(root, disk)]);
  Deno.chmodSync(root, 0o711);
  Deno.chmodSync(join(root, disk), 0o600);
}

/** Makes a received subvolume a volume; it can be written to from then on. */
function finish(path: string, map: string): void {
  Deno.chmodSync(path, 0o711);
  Deno.chownSync(path, 0, 0);
  for (const name of [manifestFile, "backup.yaml"]) removeIfThere(join(path, name));
  writeManifest(path, { version: 1, map, kind: "copy", layers: [], top: "", touched: true });
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
async function removeReceived(host: PoolHost, paths: readonly string[]): Promise<void> {
  for (const path of paths) {
    await removeSubvolumes(host, namesIn(path).map((name) => join(path, name)));
    if (exists(path)) Deno.removeSync(path, { recursive: true });
  }
}

const invalid = (found: string) =>
  new DreyError("IMAGE_INVALID", { message: `Cannot use the backup: ${found}` });
