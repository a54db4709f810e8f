// Unpacks an image into a directory: metadata.yaml, templates/ and rootfs/, the files belonging to the ids of a map.
// The work happens beside the target under another name, so the target is there whole or not at all.

import { type Account, readLayout } from "../idmap/ranges.ts";
import { isSingle, type MappedRoot, openMappedRoot } from "../idmap/holder.ts";
import type { IdMap } from "../idmap/map.ts";
import { commandFailed, run, runChecked } from "../sys/run.ts";
import { type ArchiveFormat, decompressor, invalid, readerMissing, readFormat } from "./archive.ts";
import { checkImageDisk, imageDisk, isDiskRoot } from "./disk.ts";
import { jailed } from "./jail.ts";
import { partialName } from "../sys/partial.ts";
import { namesIn } from "../sys/present.ts";
import type { ImageFiles } from "./scan.ts";

/**
 * Unpacks an image.
 *
 * @param target directory to make; its parent must exist and be closed to other users
 * @throws {DreyError} `IMAGE_INVALID`, `NO_SPACE`
 */
export async function unpackImage(
  files: ImageFiles,
  target: string,
  { map, account }: { map: IdMap; account: Account },
): Promise<void> {
  const partial = partialName(target);
  await Deno.mkdir(partial);
  // root of the map must be able to write here, and is somebody else; the parent keeps all others out
  await Deno.chmod(partial, 0o777);
  try {
    await using mapped = await openMappedRoot(map);
    const work = { directory: partial, mapped, isSingle: isSingle(map) };
    await unpackInto(work, files);
    await Deno.chmod(partial, 0o755);
    await Deno.rename(partial, target);
  } catch (error) {
    await removeTrees([partial], account);
    throw error;
  }
}

/** Where an image is unpacked, and as whom. */
export interface Work {
  directory: string;
  mapped: MappedRoot;
  isSingle: boolean;
}

// `all` holds what the first tarball holds; its own directory entry may not become that of the work directory
const takeOver = `
for name in metadata.yaml templates rootfs; do
  if [ -e all/$name ]; then mv all/$name .; fi
done
if [ -f all/rootfs.img ] && [ ! -h all/rootfs.img ]; then mkdir rootfs; mv all/rootfs.img rootfs/${imageDisk}; fi
rm -rf all
for name in metadata.yaml templates; do
  if [ -e $name ]; then chmod -R a+rX $name; fi
done`;

async function unpackInto(work: Work, files: ImageFiles): Promise<void> {
  const first = await readFormat(files.metadata);
  if (first.kind !== "tar") throw invalid("its first file is no tarball");
  await untar(work, files.metadata, first, "all");
  await inWork(work, takeOver);
  if (files.rootfs === undefined) return await settleDisk(work);
  const second = await readFormat(files.rootfs);
  if (second.kind === "tar") return await untar(work, files.rootfs, second, "rootfs");
  if (second.kind === "squashfs") return await unsquash(work, files.rootfs);
  await takeDisk(work, files.rootfs);
}

/** Takes over the disk of a virtual machine as it is, packed if it is. */
async function takeDisk(work: Work, path: string): Promise<void> {
  await Deno.link(path, `${work.directory}/source`);
  await inWork(work, `mkdir rootfs; cp --reflink=auto --sparse=always source rootfs/${imageDisk}`);
  await Deno.remove(`${work.directory}/source`);
  await settleDisk(work);
}

/** What is unpacked of a virtual machine is its disk and nothing else. @throws {DreyError} `IMAGE_INVALID` */
async function settleDisk(work: Work): Promise<void> {
  const rootfs = `${work.directory}/rootfs`;
  if (!isDiskRoot(namesIn(rootfs))) return;
  const disk = `${rootfs}/${imageDisk}`;
  if (!Deno.lstatSync(disk).isFile) throw invalid("its disk is not a file");
  await inWork(work, `chown 0:0 rootfs/${imageDisk}; chmod 755 rootfs; chmod 644 rootfs/${imageDisk}`);
  checkImageDisk(disk);
}

/** Extracts a tarball into a new directory. @throws {DreyError} `IMAGE_INVALID`, `NO_SPACE` */
// A container gets its own /dev, and devices could not be made.
export async function untar(work: Work, path: string, format: ArchiveFormat, into: string): Promise<void> {
  if (format.kind !== "tar") return;
  const excluded = ["dev/*", "rootfs/dev/*"].flatMap((name) => [`--exclude=${name}`, `--exclude=./${name}`]);
  const owner = work.isSingle ? "--no-same-owner" : "--same-owner";
  const tar = [
    ...["tar", "-x", "-f", "-", "-C", into, "-p", owner, "--numeric-owner", "--anchored", ...excluded],
    ...["--xattrs", "--xattrs-include=*", "--acls", "--warning=no-timestamp"],
  ];
  // modes of the archive come with -p; a root directory the archive does not mention is an ordinary one
  const unpacker = jailed(work.mapped, [
    "sh",
    "-ec",
    'cd /unpack; mkdir -m 755 "$1"; shift; exec "$@"',
    "sh",
    into,
    ...tar,
  ]);
  const script = `exec 3>&1 1>&2
    { ${decompressor(format.compression).join(" ")} <"$1" 3>&-; echo "read $?" >&3; } |
    { shift; "$@" 3>&-; echo "unpack $?" >&3; }`;
  const { stdout, stderr } = await run(["sh", "-c", script, "sh", path, ...unpacker], {
    cwd: work.directory,
  });
  const status = (name: string) => Number(new RegExp(`^${name} (\\d+)$`, "m").exec(stdout)?.[1] ?? "1");
  const [read, unpack] = [status("read"), status("unpack")];
  if (read === 0 && unpack === 0) return;
  if (read === 127) throw readerMissing(decompressor(format.compression)[0]);
  if (isFull(stderr)) throw commandFailed("tar", { code: unpack, stderr });
  // 141: ended by SIGPIPE, because the reader of the pipe failed first
  if (read !== 0 && read !== 141) throw invalid("its data is damaged or cut off");
  throw invalid(`tar said: ${reason(stderr)}`);
}

/** Extracts a squashfs into rootfs/. */
async function unsquash(work: Work, path: string): Promise<void> {
  await Deno.link(path, `${work.directory}/source`);
  const argv = ["unsquashfs", "-n", "-d", "/unpack/rootfs", "-excludes", "/unpack/source", "dev/*"];
  const { code, stdout, stderr } = await run(jailed(work.mapped, argv), { cwd: work.directory });
  await Deno.remove(`${work.directory}/source`);
  if (code === 127) throw readerMissing("unsquashfs");
  if (isFull(stderr + stdout)) throw commandFailed("unsquashfs", { code, stderr });
  // 2: it could not set an owner or an attribute, which a single id never can
  if (code !== 0 && !(code === 2 && work.isSingle)) throw invalid(`unsquashfs said: ${reason(stderr)}`);
  await inWork(work, "mkdir -p rootfs/dev");
}

/** Runs a little shell in the jail, in the work directory. */
async function inWork(work: Work, script: string): Promise<void> {
  const argv = jailed(work.mapped, ["sh", "-ec", `cd /unpack; ${script}`]);
  const result = await run(argv, { cwd: work.directory });
  if (result.code !== 0) throw commandFailed("sh", result);
}

/** Removes trees whose files belong to any of the user's ids. */
export async function removeTrees(paths: readonly string[], account: Account): Promise<void> {
  if (paths.length === 0) return;
  const layout = await readLayout(account);
  if (layout.parent === undefined) {
    await runChecked(["rm", "-rf", "--", ...paths]);
    return;
  }
  await using mapped = await openMappedRoot(layout.parent);
  await runChecked(mapped.command(["rm", "-rf", "--", ...paths]));
}

const isFull = (text: string) => /No space left on device|Disk quota exceeded/.test(text);

/** The first complaint that says what happened; what follows only says that something did. */
function reason(stderr: string): string {
  const lines = stderr.trim().split("\n").filter((line) => line !== "");
  return lines.find((line) => !/Exiting with failure|timestamp/.test(line)) ?? "nothing";
}
