// squashfs images: read by unsquashfs in the jail, which lists what it meets with kind, size and name.

import type { MappedRoot } from "../idmap/holder.ts";
import { commandFailed, kill, run, spawn } from "../sys/run.ts";
import { invalid, readerMissing } from "./archive.ts";
import { entryCheck } from "./entries.ts";
import { jailed } from "./jail.ts";
import { mustNotBurst } from "./limits.ts";
import { partialName } from "../sys/partial.ts";
import { isDirectory } from "../sys/present.ts";
import type { TarEntry } from "./tar.ts";

/**
 * Lists a squashfs, which must be a whole one.
 *
 * @throws {DreyError} `IMAGE_INVALID`, `TOOL_MISSING`
 */
export async function scanSquashfs(path: string, mapped: MappedRoot): Promise<void> {
  await using link = await linkedIntoWork(path);
  await unsquash(path, { mapped, directory: link.directory, argv: ["-lln", "-d", "", "/unpack/source"] });
}

/**
 * Unpacks a squashfs to `rootfs` in a directory, judging what unsquashfs lists while it works.
 *
 * @param isSingle whether the map has one id only, so that no owner can be set
 * @throws {DreyError} `IMAGE_INVALID`, `TOOL_MISSING`, `NO_SPACE`
 */
export async function unpackSquashfs(
  path: string,
  { directory, mapped, isSingle }: { directory: string; mapped: MappedRoot; isSingle: boolean },
): Promise<void> {
  await Deno.link(path, `${directory}/source`);
  const argv = ["-n", "-li", "-d", "/unpack/rootfs", "-excludes", "/unpack/source", "dev/*"];
  await unsquash(path, { mapped, directory, argv, mayNotOwn: isSingle });
  await Deno.remove(`${directory}/source`);
  if (isDirectory(`${directory}/rootfs/dev`)) return;
  const made = await run(jailed(mapped, ["mkdir", "/unpack/rootfs/dev"]), { cwd: directory });
  if (made.code !== 0) throw invalid("its dev/ is no directory");
}

interface Run {
  mapped: MappedRoot;
  /** becomes /unpack, and holds the file as `source` */
  directory: string;
  argv: string[];
  mayNotOwn?: boolean;
}

async function unsquash(path: string, { mapped, directory, argv, mayNotOwn }: Run): Promise<void> {
  await checkLength(path);
  const child = spawn(jailed(mapped, ["unsquashfs", ...argv]), {
    cwd: directory,
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  });
  const said = new Response(child.stderr).text();
  const judge = judgeOf((await Deno.stat(path)).size);
  let failure: unknown;
  try {
    for await (const line of lines(child.stdout)) judge(line);
  } catch (error) {
    failure = error;
    kill(child, "SIGKILL");
  }
  const { code } = await child.status;
  const stderr = await said;
  if (failure !== undefined) throw failure;
  if (code === 127) throw readerMissing("unsquashfs");
  if (/No space left on device|Disk quota exceeded/.test(stderr)) {
    throw commandFailed("unsquashfs", { code, stderr });
  }
  // 2: it could not set an owner or an attribute, which a single id never can
  if (code === 0 || (code === 2 && mayNotOwn)) return;
  throw invalid(`its squashfs is damaged: ${stderr.trim().split("\n").at(-1) ?? ""}`);
}

/** Judges the lines of a listing as they come. */
function judgeOf(packed: number): (line: string) => void {
  const check = entryCheck("");
  let bytes = 0;
  return (line) => {
    const entry = parseSquashfsLine(line);
    if (entry === undefined) return;
    check(entry);
    bytes += entry.size;
    mustNotBurst(bytes, packed);
  };
}

async function* lines(stream: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const chunk of stream) {
    const parts = (rest + decoder.decode(chunk, { stream: true })).split("\n");
    rest = parts.pop() ?? "";
    yield* parts;
  }
  yield rest;
}

/**
 * A line of `unsquashfs -lln` or `-li`: mode, owner, size or device numbers, date, time, name. The name stands below
 * the destination, which is `/unpack/rootfs` or nothing.
 */
export function parseSquashfsLine(line: string): TarEntry | undefined {
  const [, mode, size, rest] =
    /^([-dlcbps])[-rwxsStT]{9} \S+\/\S+\s+(\d+,\s*\d+|\d+) \d{4}-\d\d-\d\d \d\d:\d\d(?: |$)(.*)$/.exec(
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
  return {
    name: name.replace(/^\/unpack\/rootfs(?=\/|$)/, "").replace(/^\//, ""),
    type: kinds[mode] ?? "other",
    target,
    size: mode === "-" ? Number(size) : 0,
  };
}

/** The superblock says how long the file system is, squashfs 4.0: bytes 40 to 47. */
async function checkLength(path: string): Promise<void> {
  using file = await Deno.open(path);
  const head = new Uint8Array(96);
  const count = await file.read(head);
  const { size } = await file.stat();
  const length = new DataView(head.buffer).getBigUint64(40, true);
  if (count !== head.length || length > BigInt(size)) throw invalid("its squashfs is cut off");
}

/** A directory of its own with a hard link to the file, since the jail sees one directory only. */
async function linkedIntoWork(path: string): Promise<AsyncDisposable & { directory: string }> {
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
