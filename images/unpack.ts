// Unpacks an image into a directory: metadata.yaml, templates/ and rootfs/, the files belonging to the ids of a map;
// looking, in the same pass, for whatever should not be in it. It works beside the target under another name, so the
// target is there whole or not at all.

import type { Account } from "../idmap/ranges.ts";
import { openMappedRoot } from "../idmap/holder.ts";
import { type IdMap, isSingle } from "../idmap/map.ts";
import { DreyError } from "../errors.ts";
import { type ArchiveFormat, detectFormat, invalid, readFormat, unknownFormat } from "./archive.ts";
import { firstFileCheck, isLayoutFile, rootfsCheck } from "./checks.ts";
import { bytesOf } from "../sys/file_bytes.ts";
import { type Bytes, peek } from "./decompress.ts";
import { checkImageDisk, imageDisk, isDiskRoot } from "./disk.ts";
import { plainName } from "./entries.ts";
import { hold, inOnePiece, writeSmall } from "./first_file.ts";
import { untar } from "./gate.ts";
import { untarFile } from "./tar_file.ts";
import { inJail } from "./jail.ts";
import { type ImageMetadata, parseMetadata } from "./metadata.ts";
import { partialName } from "../sys/partial.ts";
import { namesIn } from "../sys/present.ts";
import { removeTrees } from "./remove_trees.ts";
import type { StillFile } from "../sys/still_file.ts";
import type { ImageFiles } from "./scan.ts";
import { shareFile } from "./shared_disk.ts";
import { isUnpackedEarly, unpackSquashfs } from "./squashfs.ts";
import type { Visit, Way, Work } from "./tar_program.ts";

/** A file of an image, perhaps still on its way. */
export interface ImageStream {
  /** where it lies, each chunk before it is handed on */
  path: string;
  content: Bytes;
  /** fulfilled when all of it lies there, perhaps before all content has come */
  whole?: Promise<void>;
  /** whether all of it lies there, so that the content need not be taken */
  isWhole?: boolean;
  /** what it is being copied from, which anybody may read */
  origin?: StillFile | undefined;
}

export interface Place {
  /** directory to make; its parent must exist and be closed to other users */
  target: string;
  map: IdMap;
  account: Account;
  /** whether the disk of a virtual machine is to be unpacked too, which makes a copy of it */
  withDisk?: boolean;
}

type UnpackWork = Work & Pick<Place, "map" | "account">;

/** An image unpacked beside its place; gone when it is disposed before it was put there. */
export interface UnpackedImage extends AsyncDisposable {
  metadata: ImageMetadata;
  put(target: string): Promise<void>;
}

/**
 * Unpacks an image that is on disk.
 *
 * @throws {DreyError} `IMAGE_INVALID`, `NO_SPACE`
 */
export async function unpackImage(files: ImageFiles, place: Place): Promise<ImageMetadata> {
  await using image = await unpackStreams(streamsOf(files), { ...place, withDisk: true });
  await image.put(place.target);
  return image.metadata;
}

/** The files of an image that is on disk. */
export async function* streamsOf({ metadata, rootfs }: ImageFiles): AsyncGenerator<ImageStream> {
  for (const path of rootfs === undefined ? [metadata] : [metadata, rootfs]) {
    yield await Promise.resolve({ path, content: bytesOf(path), isWhole: true });
  }
}

/**
 * Unpacks an image whose files come one after the other, the one with metadata.yaml first.
 *
 * @throws {DreyError} `IMAGE_INVALID` if they are broken, hostile or not an image, `NO_SPACE`, `NOT_SUPPORTED` for a
 * disk that is not wanted
 */
export async function unpackStreams(
  files: AsyncIterable<ImageStream>,
  { target, map, account, withDisk = false }: Place,
): Promise<UnpackedImage> {
  await using undo = new AsyncDisposableStack();
  const partial = partialName(target);
  await Deno.mkdir(partial);
  undo.defer(() => removeTrees([partial], account));
  // root of the map must be able to write here, and is somebody else; the parent keeps all others out
  await Deno.chmod(partial, 0o777);
  await using mapped = await openMappedRoot(map);
  const work = { directory: partial, mapped, isSingle: isSingle(map), map, account };
  const metadata = await unpackInto(work, files, withDisk);
  await Deno.chmod(partial, 0o755);
  const kept = undo.move();
  return {
    metadata,
    async put(place) {
      await Deno.rename(partial, place);
      kept.move();
    },
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  };
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

async function unpackInto(
  work: UnpackWork,
  files: AsyncIterable<ImageStream>,
  withDisk: boolean,
): Promise<ImageMetadata> {
  let first: Promise<First> | undefined;
  let isSplit = false;
  const failed = Promise.withResolvers<never>();
  // nobody waits for it yet
  failed.promise.catch(() => {});
  const coming = files[Symbol.asyncIterator]();
  try {
    while (true) {
      // where the first file is given up, the second may never come: whoever sends them still waits to be rid of the first
      const { done, value: file } = await Promise.race([coming.next(), failed.promise]);
      if (done) break;
      if (first === undefined) {
        first = unpackFirst(work, file, withDisk);
        first.catch(failed.reject);
      } else {
        if (isSplit) throw invalid("it has more than two files");
        isSplit = true;
        await unpackRootfs(work, file, withDisk);
      }
    }
  } finally {
    // what failed beside it is told first; nothing works here any more when this is over
    await first?.catch(() => {});
  }
  const { metadata, hasRoot } = await first ?? { hasRoot: false };
  if (hasRoot && isSplit) throw invalid("both of its files hold a root file system");
  if (metadata === undefined || !(hasRoot || isSplit)) throw invalid("it holds no root file system");
  return metadata;
}

interface First {
  metadata: ImageMetadata;
  hasRoot: boolean;
}

async function unpackFirst(work: Work, file: ImageStream, withDisk: boolean): Promise<First> {
  const held = await hold(file);
  if ("bytes" in held) {
    const { visit, result } = firstVisit(withDisk);
    if (await writeSmall(work.directory, held.bytes, visit)) {
      return { metadata: await parseMetadata(result().metadata), hasRoot: false };
    }
  }
  const { visit, result } = firstVisit(withDisk);
  const content = "bytes" in held ? inOnePiece(held.bytes) : held.content;
  const { format, extract } = await look(work, { ...file, content });
  if (format.kind !== "tar") throw invalid("its first file is no tarball with a metadata.yaml");
  await extract({ into: "all", after: takeOver, visit });
  const { metadata, root } = result();
  const parsed = await parseMetadata(metadata);
  if (root !== undefined) await settleDisk(work);
  return { metadata: parsed, hasRoot: root !== undefined };
}

/** Looks through the first file, and gives up what is to be unpacked in another way. */
function firstVisit(withDisk: boolean) {
  const { visit, result } = firstFileCheck();
  let isFirst = true;
  const look: Visit = async (entry, read) => {
    await visit(entry, read);
    if (isFirst && isLayoutFile(plainName(entry.name))) throw isApplication();
    isFirst &&= entry.type === "directory";
    if (!withDisk && plainName(entry.name) === "rootfs.img") throw isDisk();
  };
  return { visit: look, result };
}

async function unpackRootfs(work: UnpackWork, file: ImageStream, withDisk: boolean): Promise<void> {
  if (file.origin !== undefined && await isSquashfs(file.origin.path)) {
    const copied = arrival(file.content, file.whole);
    // met later
    copied.catch(() => {});
    if (await isUnpackedEarly(file.origin, { ...work, copied })) return;
    return await unpackRootfs(work, { ...file, isWhole: true, origin: undefined }, withDisk);
  }
  const { format, extract, arrived } = await look(work, file);
  if (format.kind === "qcow2" && !withDisk) throw isDisk();
  if (format.kind !== "tar") {
    // a squashfs has its tables at its end, so all of it must be there
    await arrived();
    return format.kind === "squashfs"
      ? await unpackSquashfs(file.path, work)
      : await takeDisk(work, file.path);
  }
  const { visit, result } = rootfsCheck();
  await extract({ into: "rootfs", visit });
  result();
}

async function isSquashfs(path: string): Promise<boolean> {
  try {
    return (await readFormat(path)).kind === "squashfs";
  } catch {
    // whatever is the matter with it: the copy shows it too, or does not
    return false;
  }
}

/** What a file is, by its first bytes. @throws {DreyError} `IMAGE_INVALID` */
async function look(work: Work, { path, content, whole, isWhole }: ImageStream) {
  if (isWhole) {
    const format = await readFormat(path);
    return { format, extract: extractor(work, format, { path }), arrived: () => Promise.resolve() };
  }
  const { head, whole: all } = await peek(content);
  const format = detectFormat(head) ?? unknownFormat();
  const arrived = () => arrival(all, whole);
  return { format, extract: extractor(work, format, { path, content: all }), arrived };
}

/** Waits until all of a file lies at its path. */
async function arrival(content: Bytes, whole?: Promise<void>): Promise<void> {
  const left = leave(content, whole === undefined);
  // whoever hands the content on waits for somebody to take it, or not to
  left.catch(() => {});
  await (whole ?? left);
}

/** Takes no more of it, or all. */
async function leave(content: Bytes, isWanted: boolean): Promise<void> {
  for await (const _ of content) if (!isWanted) break;
}

/** The way to unpack a tarball, which lies whole at its path unless it is still coming. */
function extractor(work: Work, format: ArchiveFormat, { path, content }: { path: string; content?: Bytes }) {
  const compression = format.kind === "tar" ? format.compression : "none";
  return async (way: Way) => {
    if (content === undefined && compression === "none") return await untarFile(work, path, way);
    await untar(work, content ?? bytesOf(path), { ...way, compression, path });
  };
}

/** Takes over the disk of a virtual machine as it is, packed if it is. */
async function takeDisk(work: UnpackWork, path: string): Promise<void> {
  checkImageDisk(path);
  await inJail(work, "mkdir -m 777 rootfs");
  await shareFile(path, `${work.directory}/rootfs/${imageDisk}`, work);
  await settleDisk(work);
}

/** What is unpacked of a virtual machine is its disk and nothing else. @throws {DreyError} `IMAGE_INVALID` */
async function settleDisk(work: Work): Promise<void> {
  const rootfs = `${work.directory}/rootfs`;
  if (!isDiskRoot(namesIn(rootfs))) return;
  const disk = `${rootfs}/${imageDisk}`;
  if (!Deno.lstatSync(disk).isFile) throw invalid("its disk is not a file");
  await inJail(work, `chown 0:0 rootfs/${imageDisk}; chmod 755 rootfs; chmod 644 rootfs/${imageDisk}`);
  checkImageDisk(disk);
}

const isDisk = () =>
  new DreyError("NOT_SUPPORTED", { message: "Cannot unpack the disk of a virtual machine" });

const isApplication = () =>
  new DreyError("NOT_SUPPORTED", { message: "Cannot unpack an application image, which is layers" });
