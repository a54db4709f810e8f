// squashfs images: read by unsquashfs in the jail, which lists what is in it with kind, size and name.

import { DreyError } from "../errors.ts";
import type { MappedRoot } from "../idmap/holder.ts";
import { closeFd, O_RDONLY, openFd } from "../sys/descriptors.ts";
import type { PipedChild, Source } from "../sys/piped_child.ts";
import { commandFailed } from "../sys/run.ts";
import { invalid, readerMissing } from "./archive.ts";
import { entryCheck } from "./entries.ts";
import { inJail, nameOf, startJailed } from "./jail.ts";
import { mustNotBurst } from "./limits.ts";
import { partialName } from "../sys/partial.ts";
import { sendSignal, signals } from "../sys/processes.ts";
import type { StillFile } from "../sys/still_file.ts";
import type { TarEntry } from "./tar.ts";

/**
 * Lists a squashfs, which must be a whole one.
 *
 * @throws {DreyError} `IMAGE_INVALID`, `TOOL_MISSING`
 */
export async function scanSquashfs(path: string, mapped: MappedRoot): Promise<void> {
  await using link = await linkedIntoWork(path);
  const argv = ["unsquashfs", "-lln", "-d", "", "/unpack/source"];
  await judge(path, () => startJailed(argv, { mapped, directory: link.directory }));
}

/**
 * Passes over what is harmless in a listing, which is nearly all and takes drey five times as long: files, directories
 * and links with plain names, in directories that were listed before and on the way to which no link was. As soon as
 * something else comes, drey is told all links until then, and sees to it. Of files passed over it gets the `+bytes`. The
 * listing is `$listing`.
 */
export const sifting = String.raw`
my ($bytes, $told, @links, %link) = (0, 0);
my %directory = ('/' => 1);
$| = 1;
sub tell_bytes { print '+', $bytes - $told, "\n"; $told = $bytes }
while (<$listing>) {
  if (m{^([-d])\S{9} \S+ +(\d+) \S+ \S+ (/(?:.*/)?)(?!\.\.?$)([^/\n]+)$} && $directory{$3}) {
    if ($1 eq 'd') { $directory{"$3$4/"} = 1 if !$link{"$3$4"} }
    elsif (($bytes += $2) - $told > 1 << 28) { tell_bytes() }
    next;
  }
  if (m{^l\S{9} \S+ +\d+ \S+ \S+ (/(?:.*?/)?)(?!\.\.? -> )([^/\n]+?) -> } && $directory{$1} && !$directory{"$1$2/"}) {
    $link{"$1$2"} = 1;
    push @links, $_;
    next;
  }
  # what a link is in the way of may be among them
  %directory = () if /^l/;
  print splice(@links), $_;
}
tell_bytes();
`;

/**
 * What works in the jail: one unsquashfs lists, as the other unpacks, which with a listing of its own would look up each
 * owner by name. They end when this does. Of memory, 8 MiB that are used again are faster than 256 that come page by
 * page from the kernel: a quarter of the time. prctl(2) with PR_SET_PDEATHSIG.
 */
const unpacking = String.raw`
my $parent = $$;
my ($prctl, $source) = splice @argv, 0, 2;
pipe my $listing, my $listed or die "pipe(2): $!\n";
sub begun {
  my $output = shift;
  my $pid = fork // die "fork(2): $!\n";
  return $pid if $pid;
  !$output or open STDOUT, '>&', $output or die "dup(2): $!\n";
  syscall $prctl + 0, 1, 9, 0, 0, 0;
  exit 1 if getppid != $parent;
  exec { $_[0] } @_;
  exit 127;
}
my $lister = begun($listed, qw(unsquashfs -lln -d), '', $source);
$ENV{GLIBC_TUNABLES} = join ':', map { "glibc.malloc.$_" }
  qw(mmap_threshold=0x2000000 trim_threshold=0x20000000 top_pad=0x1000000);
my $unpacker = begun(undef, qw(unsquashfs -n -q -da 8 -fr 8 -d /unpack/rootfs -excludes), $source, 'dev/*');
close $listed;
${sifting}
my %code;
for (1 .. 2) { my $pid = wait; $code{$pid} = $? & 127 ? 128 + ($? & 127) : $? >> 8 }
exit $code{$lister} if $code{$lister};
if (!$code{$unpacker} or $code{$unpacker} == 2) {
  -l '/unpack/rootfs/dev' or -d _ or mkdir '/unpack/rootfs/dev', 0755;
  -d '/unpack/rootfs/dev' && !-l '/unpack/rootfs/dev' or do { print STDERR "its dev/ is no directory\n"; exit 3 };
}
exit $code{$unpacker}`;

/** Number of prctl(2). */
const prctl = { x86_64: "157", aarch64: "167" } as const;

interface Unpacking {
  /** where `rootfs` is made */
  directory: string;
  mapped: MappedRoot;
  /** whether the map has one id only, so that no owner can be set */
  isSingle: boolean;
}

/**
 * Unpacks a squashfs to `rootfs` in a directory, judging meanwhile what is in it.
 *
 * @throws {DreyError} `IMAGE_INVALID`, `TOOL_MISSING`, `NO_SPACE`
 */
export async function unpackSquashfs(path: string, work: Unpacking): Promise<void> {
  await Deno.link(path, `${work.directory}/source`);
  const words = [prctl[Deno.build.arch], "/unpack/source"];
  await judge(path, () => startJailed(words, { ...work, then: unpacking }), work);
  await Deno.remove(`${work.directory}/source`);
}

/**
 * Unpacks a squashfs from the file it is being copied from, which lies anywhere and which anybody may read, though perhaps
 * not its directory. That counts if the file has not changed until all of it was `copied`; if anything else is wrong, the
 * copy says what.
 */
export async function isUnpackedEarly(
  origin: StillFile,
  { copied, ...work }: Unpacking & { copied: Promise<void> },
): Promise<boolean> {
  const failure = await unpackNamed(origin.path, work).then(() => undefined, (error: unknown) => error);
  // nothing works here any more
  await copied;
  if (failure === undefined && origin.isStill()) return true;
  if (failure instanceof DreyError && failure.code === "NO_SPACE") throw failure;
  await inJail(work, "rm -rf rootfs");
  return false;
}

async function unpackNamed(path: string, work: Unpacking): Promise<void> {
  const fd = openFd(path, O_RDONLY);
  try {
    const words = [prctl[Deno.build.arch], nameOf(fd)];
    await judge(path, () => startJailed(words, { ...work, then: unpacking, fd }), work);
  } finally {
    closeFd(fd);
  }
}

/** Judges what an unsquashfs lists, and how it ends. */
async function judge(
  path: string,
  start: () => PipedChild,
  { isSingle = false }: { isSingle?: boolean } = {},
): Promise<void> {
  const visit = judgeOf(await wholeSize(path));
  const child = start();
  const pid = await child.pid;
  await child.input.close();
  let isOver = false;
  const ended = child.ended.finally(() => isOver = true);
  const said = textOf(child.errors);
  let failure: unknown;
  try {
    for await (const line of lines(child.output)) visit(line);
  } catch (error) {
    failure = error;
    if (!isOver) sendSignal(pid, signals.KILL);
    await child.output.close();
  }
  // which ends when all that worked there have ended
  const stderr = await said;
  const code = await ended;
  if (failure !== undefined) throw failure;
  if (code === 127) throw readerMissing("unsquashfs");
  if (/No space left on device|Disk quota exceeded/.test(stderr)) {
    throw commandFailed("unsquashfs", { code, stderr });
  }
  // 2: it could not set an owner or an attribute, which a single id never can
  if (code === 0 || (code === 2 && isSingle)) return;
  throw invalid(`its squashfs is damaged: ${stderr.trim().split("\n").at(-1) ?? ""}`);
}

/** Judges the lines of a listing as they come. */
function judgeOf(packed: number): (line: string) => void {
  const check = entryCheck("");
  let bytes = 0;
  return (line) => {
    const entry = parseSquashfsLine(line);
    if (entry !== undefined) check(entry);
    bytes += entry?.size ?? Number(/^\+(\d+)$/.exec(line)?.[1] ?? 0);
    mustNotBurst(bytes, packed);
  };
}

/** letters of complaints that are kept: a hostile image can have unsquashfs complain of each of millions of files */
const longestComplaint = 65_536;

/** The end of what is said. */
async function textOf(source: Source): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  for (let chunk; (chunk = await source.read()) !== undefined;) {
    text = (text + decoder.decode(chunk, { stream: true })).slice(-longestComplaint);
  }
  return text;
}

async function* lines(source: Source): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = "";
  for (let chunk; (chunk = await source.read()) !== undefined;) {
    const parts = (rest + decoder.decode(chunk, { stream: true })).split("\n");
    rest = parts.pop() ?? "";
    yield* parts;
  }
  yield rest;
}

const kinds: Record<string, TarEntry["type"]> = {
  "-": "file",
  d: "directory",
  l: "symlink",
  c: "char",
  b: "block",
  p: "fifo",
};

/** A line of `unsquashfs -lln -d ""`: mode, owner, size or device numbers, date, time, name. */
export function parseSquashfsLine(line: string): TarEntry | undefined {
  const [, mode, size, rest] =
    /^([-dlcbps])[-rwxsStT]{9} \S+\/\S+\s+(\d+,\s*\d+|\d+) \d{4}-\d\d-\d\d \d\d:\d\d(?: |$)(.*)$/.exec(
      line,
    ) ?? [];
  if (mode === undefined || rest === undefined) return undefined;
  const arrow = mode === "l" ? rest.indexOf(" -> ") : -1;
  const name = arrow < 0 ? rest : rest.slice(0, arrow);
  const target = arrow < 0 ? "" : rest.slice(arrow + 4);
  return {
    name: name.replace(/^\//, ""),
    type: kinds[mode] ?? "other",
    target,
    size: mode === "-" ? Number(size) : 0,
  };
}

/** `bytes` of a file; the superblock says how long the file system is, squashfs 4.0: bytes 40 to 47. */
async function wholeSize(path: string): Promise<number> {
  using file = await Deno.open(path);
  const head = new Uint8Array(96);
  const count = await file.read(head);
  const { size } = await file.stat();
  const length = new DataView(head.buffer).getBigUint64(40, true);
  if (count !== head.length || length > BigInt(size)) throw invalid("its squashfs is cut off");
  return size;
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
