// Looks through an image's files before anything is unpacked: which kind they are, what metadata.yaml says, and
// whether an entry would reach out of its tree.

import type { MappedRoot } from "../idmap/holder.ts";
import { run, spawn } from "../sys/run.ts";
import { type Compression, decompressor, invalid, readerMissing, readFormat } from "./archive.ts";
import { checkImageDisk } from "./disk.ts";
import { entryCheck, plainName } from "./entries.ts";
import { type ImageMetadata, parseMetadata } from "./metadata.ts";
import { jailed } from "./jail.ts";
import { partialName } from "../sys/partial.ts";
import { readTar, type TarEntry } from "./tar.ts";

/** Where the files of an image are. */
export interface ImageFiles {
  /** the unified tarball, or the metadata tarball of a split image */
  metadata: string;
  /** second file of a split image: tarball, squashfs or disk */
  rootfs?: string;
}

export interface ScannedImage {
  type: "container" | "virtual-machine";
  metadata: ImageMetadata;
}

/** longest metadata.yaml worth reading, in bytes */
const metadataLimit = 1 << 20;

/**
 * Reads an image's files from end to end.
 *
 * @param mapped opens the root that reads a squashfs; called only for one
 * @throws {DreyError} `IMAGE_INVALID` if they are broken, hostile or not an image
 */
export async function scanImage(
  files: ImageFiles,
  mapped: () => Promise<MappedRoot>,
): Promise<ScannedImage> {
  const first = await readFormat(files.metadata);
  if (first.kind !== "tar") throw invalid("its first file is no tarball with a metadata.yaml");
  const found = await scanFirst(files.metadata, first.compression);
  const metadata = await parseMetadata(found.metadata);
  if (files.rootfs === undefined) {
    if (found.root === undefined) throw invalid("it holds no root file system");
    return { type: found.root === "disk" ? "virtual-machine" : "container", metadata };
  }
  if (found.root !== undefined) throw invalid("both of its files hold a root file system");
  return { type: await scanRootfs(files.rootfs, mapped), metadata };
}

async function scanRootfs(path: string, mapped: () => Promise<MappedRoot>): Promise<ScannedImage["type"]> {
  const format = await readFormat(path);
  if (format.kind === "qcow2") {
    checkImageDisk(path);
    return "virtual-machine";
  }
  if (format.kind === "squashfs") {
    await scanSquashfs(path, await mapped());
    return "container";
  }
  const check = entryCheck("");
  let count = 0;
  await eachEntry(path, format.compression, (entry) => {
    check(entry);
    count++;
    return Promise.resolve();
  });
  if (count === 0) throw invalid("its root file system is empty");
  return "container";
}

/** Reads the file that holds metadata.yaml and perhaps the rest. */
async function scanFirst(path: string, compression: Compression) {
  const check = entryCheck("rootfs/");
  let metadata: string | undefined;
  let root: "tree" | "disk" | undefined;
  await eachEntry(path, compression, async (entry, read) => {
    check(entry);
    const name = plainName(entry.name);
    const [top] = name.split("/");
    // drey itself reads these two later, as the user, so no link may hide here
    const isPlain = entry.type === "file" || entry.type === "directory";
    if ((top === "metadata.yaml" || top === "templates") && !isPlain) {
      throw invalid(`"${top}" holds something that is neither file nor directory`);
    }
    if (top === "rootfs" && name === top && entry.type !== "directory") {
      throw invalid('"rootfs" is not a directory');
    }
    if (top === "rootfs") root = "tree";
    if (name === "rootfs.img") root = "disk";
    if (name !== "metadata.yaml") return;
    if (entry.size > metadataLimit) throw invalid("metadata.yaml is longer than 1 MiB");
    metadata = new TextDecoder().decode(await read());
  });
  if (metadata === undefined) throw invalid("it holds no metadata.yaml");
  return { metadata, root };
}

/**
 * Walks a compressed tarball; the program that decompresses it has the last word on whether it is whole.
 *
 * @throws {DreyError} `IMAGE_INVALID`
 */
export async function eachEntry(
  path: string,
  compression: Compression,
  visit: (entry: TarEntry, read: () => Promise<Uint8Array>) => Promise<void>,
): Promise<void> {
  const script = `exec ${decompressor(compression).join(" ")} <"$1"`;
  const child = spawn(["sh", "-c", script, "sh", path], { stdout: "piped", stderr: "null" });
  let failure: unknown;
  try {
    const packed = (await Deno.stat(path)).size;
    const content = counted(child.stdout, (bytes) => mustNotBurst(bytes, packed));
    for await (const { entry, read } of readTar(content)) await visit(entry, read);
  } catch (error) {
    failure = error;
  }
  const { code, signal } = await child.status;
  // SIGPIPE is what our own early end gives it
  if (code === 127) throw readerMissing(decompressor(compression)[0]);
  if (code !== 0 && signal !== "SIGPIPE") throw invalid("its data is damaged or cut off", failure);
  if (failure !== undefined) throw failure;
}

async function* counted(
  content: AsyncIterable<Uint8Array>,
  check: (bytes: number) => void,
): AsyncGenerator<Uint8Array> {
  let bytes = 0;
  for await (const chunk of content) {
    bytes += chunk.length;
    check(bytes);
    yield chunk;
  }
}

/** `bytes` anything may unpack to, and how many times its packed size beyond that */
const harmless = 1 << 30;
const mostTimes = 200;

/**
 * Stops archives that are made to fill the disk; what systems are made of shrinks to a tenth at best.
 *
 * @throws {DreyError} `IMAGE_INVALID`
 */
export function mustNotBurst(bytes: number, packed: number): void {
  if (bytes <= harmless || bytes <= packed * mostTimes) return;
  throw invalid(`it unpacks to more than ${mostTimes} times its size`);
}

/** Lists a squashfs, which must be a whole one. */
async function scanSquashfs(path: string, mapped: MappedRoot): Promise<void> {
  await checkSquashfsLength(path);
  await using link = await linkedIntoWork(path);
  const argv = jailed(mapped, ["unsquashfs", "-lln", "-d", "", "/unpack/source"]);
  const { code, stdout, stderr } = await run(argv, { cwd: link.directory });
  if (code === 127) throw readerMissing("unsquashfs");
  if (code !== 0) throw invalid(`its squashfs is damaged: ${lastLine(stderr)}`);
  const check = entryCheck("");
  const packed = (await Deno.stat(path)).size;
  let bytes = 0;
  for (const line of stdout.split("\n")) {
    const entry = parseSquashfsLine(line);
    if (entry === undefined) continue;
    check(entry);
    bytes += entry.size;
    mustNotBurst(bytes, packed);
  }
}

/** A line of `unsquashfs -lln`: mode, owner, size or device numbers, date, time, name. */
export function parseSquashfsLine(line: string): TarEntry | undefined {
  const [, mode, size, rest] =
    /^([-dlcbps])[-rwxsStT]{9} \d+\/\d+\s+(\d+,\s*\d+|\d+) \d{4}-\d\d-\d\d \d\d:\d\d(?: |$)(.*)$/.exec(
      line,
    ) ?? [];
  if (mode === undefined || rest === undefined) return undefined;
  const kinds: Record<string, TarEntry["type"]> = {
    "-": "file",
    d: "directory",
    l: "symlink",
    c: "char",
    b: "block",
    p: "fifo",
  };
  const arrow = mode === "l" ? rest.indexOf(" -> ") : -1;
  const name = arrow < 0 ? rest : rest.slice(0, arrow);
  const target = arrow < 0 ? "" : rest.slice(arrow + 4);
  // names are listed below the (empty) destination, hence the slash in front
  return {
    name: name.replace(/^\//, ""),
    type: kinds[mode] ?? "other",
    target,
    size: mode === "-" ? Number(size) : 0,
  };
}

/** The superblock says how long the file system is, squashfs 4.0: bytes 40 to 47. */
async function checkSquashfsLength(path: string): Promise<void> {
  using file = await Deno.open(path);
  const head = new Uint8Array(96);
  const count = await file.read(head);
  const { size } = await file.stat();
  const length = new DataView(head.buffer).getBigUint64(40, true);
  if (count !== head.length || length > BigInt(size)) throw invalid("its squashfs is cut off");
}

/** A directory of its own with a hard link to the file, since the jail sees one directory only. */
export async function linkedIntoWork(path: string): Promise<AsyncDisposable & { directory: string }> {
  const directory = partialName(path);
  await Deno.mkdir(directory);
  // whatever the umask: somebody else, root of a map, is to read it
  await Deno.chmod(directory, 0o755);
  await Deno.link(path, `${directory}/source`);
  return {
    directory,
    [Symbol.asyncDispose]: () => Deno.remove(directory, { recursive: true }),
  };
}

const lastLine = (text: string) => text.trim().split("\n").at(-1) ?? "";
