// Looking through a backup before anything is unpacked: its description, the small files beside the trees, and whether
// an entry would reach out of its tree.

import { DreyError } from "../../errors.ts";
import { decompressor, readFormat } from "../../images/archive.ts";
import { entryCheck, plainName } from "../../images/entries.ts";
import { eachEntry } from "../../images/scan.ts";
import type { TarEntry } from "../../images/tar.ts";
import { spawn } from "../../sys/run.ts";
import { isKeptBeside } from "./beside_disk.ts";
import { type BackupIndex, invalid, parseIndex } from "./index_file.ts";

export interface ScannedBackup {
  index: BackupIndex;
  /** `metadata.yaml` and `templates/…` of the instance, and of its snapshots by `snapshots/NAME/…` */
  files: Map<string, Uint8Array>;
  /** `bytes` of the files in each tree, by its directory */
  sizes: ReadonlyMap<string, number>;
  /** the file, and argv that decompresses it */
  tarball: { path: string; decompress: string[] };
  /** the same as it is read */
  open(): { stream: ReadableStream<Uint8Array<ArrayBuffer>>; finish(): Promise<void> };
}

/** `bytes` of a small file at most */
const longestFile = 16 << 20;
/** `bytes` of all of them, which are held in memory, with something for each name */
const longestFiles = 64 << 20;
const perName = 1024;

/**
 * Reads a backup from end to end.
 *
 * @throws {DreyError} `IMAGE_INVALID` if it is broken, hostile or no backup
 */
export async function scanBackup(path: string): Promise<ScannedBackup> {
  try {
    return await scan(path);
  } catch (error) {
    throw ofBackup(error);
  }
}

/** What reads archives speaks of images. */
function ofBackup(error: unknown): unknown {
  if (!(error instanceof DreyError) || error.code !== "IMAGE_INVALID") return error;
  return invalid(error.message.replace(/^Cannot use the (image|backup): /, ""), error);
}

async function scan(path: string): Promise<ScannedBackup> {
  const format = await readFormat(path);
  if (format.kind !== "tar") throw invalid("it is no tarball");
  const trees = new Map<string, (entry: TarEntry) => void>();
  const files = new Map<string, Uint8Array>();
  const sizes = new Map<string, number>();
  let text: string | undefined;
  let held = 0;
  const small = async (entry: TarEntry, read: () => Promise<Uint8Array>) => {
    if (entry.type !== "file" || entry.size > longestFile) throw odd(entry);
    held += entry.size + perName;
    if (held > longestFiles) throw invalid("it holds too much beside its trees of files");
    return await read();
  };
  await eachEntry(path, format.compression, async (entry, read) => {
    const name = plainName(entry.name);
    if (name === "backup/index.yaml") {
      text = new TextDecoder().decode(await small(entry, read));
      return;
    }
    const place = placeOf(name);
    if (place === undefined) throw odd(entry);
    if (place.disk === true) {
      if (entry.type !== "file") throw odd(entry);
      sizes.set(name, entry.size);
      return;
    }
    if (place.tree === undefined) {
      // LXD has a link to the firmware's variables, which are found without it
      const isIdleLink = entry.type === "symlink" && (place.beside || name.endsWith("/qemu.nvram"));
      if (entry.type !== "file" && entry.type !== "directory" && !isIdleLink) throw odd(entry);
      if (place.file !== undefined && entry.type === "file") files.set(place.file, await small(entry, read));
      return;
    }
    // names within the tree, as if each were an archive of its own
    const check = trees.get(place.tree) ?? entryCheck("");
    trees.set(place.tree, check);
    if (entry.type === "file") sizes.set(place.tree, (sizes.get(place.tree) ?? 0) + entry.size);
    const below = (given: string) => {
      const inside = plainName(given);
      if (inside === place.tree) return ".";
      if (!inside.startsWith(`${place.tree}/`)) throw odd(entry);
      return inside.slice(place.tree!.length + 1);
    };
    if (below(entry.name) === "." && entry.type !== "directory") throw odd(entry);
    const target = entry.type === "hardlink" ? below(entry.target) : entry.target;
    check({ ...entry, name: below(entry.name), target });
  });
  if (text === undefined) throw invalid("it holds no backup/index.yaml");
  const index = await parseIndex(text);
  const tarball = { path, decompress: decompressor(format.compression) };
  return { index, files, sizes, tarball, open: () => reader(path, decompressor(format.compression)) };
}

/** Where a name belongs: into a tree, a disk or a stream by itself, among the small files, or to the frame of directories around them. */
function placeOf(
  name: string,
): { tree?: string; file?: string; disk?: true; beside?: true } | undefined {
  const words = name.split("/");
  if (words[0] !== "backup" && name !== "") return undefined;
  if (/^backup\/(volume|volume-snapshots\/[^/]+)\.(img|iso)$/.test(name)) return { disk: true };
  if (/^backup\/virtual-machine(-snapshots\/[^/]+)?\.img$/.test(name)) return { disk: true };
  const machine = /^backup\/virtual-machine(-snapshots(\/[^/]+)?)?(\/(.*))?$/.exec(name);
  if (machine !== null) return placeBesideDisk(machine[2], machine[4] ?? "");
  if (/^backup\/(container|snapshots\/[^/]+|volume|volume-snapshots\/[^/]+)\.bin$/.test(name)) {
    return { disk: true };
  }
  if (name === "backup/optimized_header.yaml") return { file: "optimized_header.yaml" };
  const custom = /^(backup\/volume|backup\/volume-snapshots\/[^/]+)(\/|$)/.exec(name)?.[1];
  if (custom !== undefined) return { tree: custom };
  const [, base, , rest] = /^(backup\/container|backup\/snapshots\/[^/]+)(\/(.*))?$/.exec(name) ?? [];
  if (base === undefined) {
    return /^(backup|backup\/snapshots|backup\/volume-snapshots)?$/.test(name) ? {} : undefined;
  }
  if (rest === undefined) return {};
  if (rest === "rootfs" || rest.startsWith("rootfs/")) return { tree: `${base}/rootfs` };
  const prefix = base === "backup/container" ? "" : `${base.slice("backup/".length)}/`;
  if (/^(metadata\.yaml|templates\/[^/]+)$/.test(rest)) return { file: prefix + rest };
  return rest === "backup.yaml" || rest === "templates" ? {} : undefined;
}

/** LXD keeps more beside a disk than is of use here. */
function placeBesideDisk(snapshot: string | undefined, rest: string): { file?: string; beside?: true } {
  if (!/^(metadata\.yaml|templates\/[^/]+)$/.test(rest) && !isKeptBeside(rest)) return { beside: true };
  return { file: snapshot === undefined ? rest : `snapshots${snapshot}/${rest}` };
}

// deno-lint-ignore no-control-regex -- control characters are what must not reach a terminal
const printable = (name: string) => name.slice(0, 200).replace(/[\x00-\x1f\x7f-\xff]/g, "?");
const odd = (entry: TarEntry) => invalid(`the entry "${printable(entry.name)}" has no place in a backup`);

function reader(path: string, argv: readonly string[]) {
  const child = spawn(["sh", "-c", 'exec 0<"$0"; exec "$@"', path, ...argv], {
    stdin: "null",
    stdout: "piped",
    stderr: "null",
  });
  return {
    stream: child.stdout,
    async finish() {
      const { code, signal } = await child.status;
      // SIGPIPE is what an early end of the reader gives it
      if (code !== 0 && signal !== "SIGPIPE") throw invalid("its data is damaged or cut off");
    },
  };
}
