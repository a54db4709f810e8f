// The tar that unpacks, in its jail, and how it gets its bytes: written to it; moved there by the kernel as far as drey
// has looked at them, if they lie in a file anyway; or as that file, if all of it was looked at.

import type { MappedRoot } from "../idmap/holder.ts";
import { beginningOf } from "../sys/bounded_text.ts";
import { commandFailed, spawn } from "../sys/run.ts";
import { invalid } from "./archive.ts";
import { jailed } from "./jail.ts";
import type { TarEntry } from "./tar.ts";

/** Where an image is unpacked, and as whom. */
export interface Work {
  directory: string;
  mapped: MappedRoot;
  isSingle: boolean;
}

/** Looks at an entry and throws at what must not be; `read` gives the content of a small file. */
export type Visit = (entry: TarEntry, read: () => Promise<Uint8Array>) => void | Promise<void>;

/** What is made of a tarball. */
export interface Way {
  /** directory to make */
  into: string;
  visit: Visit;
  /** a little shell that follows in the same jail, in the work directory */
  after?: string;
}

interface Running extends AsyncDisposable {
  /** writes to its input. @throws {TarEnded} */
  write(chunk: Uint8Array): Promise<void>;
  /** waits for its end. @throws {DreyError} `IMAGE_INVALID`, `NO_SPACE` */
  finish(): Promise<void>;
}

/** A tar that is given a file piece by piece. */
interface FileTar extends AsyncDisposable {
  /** to be told of each entry before anything of it is passed */
  meet(entry: TarEntry): Promise<void>;
  /** lets it have the file up to there */
  passTo(size: number): Promise<void>;
  /** lets it have the rest, and waits for its end. @throws {DreyError} `IMAGE_INVALID`, `NO_SPACE` */
  finish(): Promise<void>;
}

/** tar would take nothing more, and says itself why. */
export class TarEnded extends Error {}

/** Widens the pipe to a megabyte, F_SETPIPE_SZ of fcntl(2), so that tar has something to do while drey looks. */
const fed = ["perl", "-e", "fcntl(STDIN, 1031, 1 << 20); exec { $ARGV[0] } @ARGV"];

/** Each line says how many more bytes of the file may go. splice(2); where a file system has none, by hand. */
const mover = String.raw`
use strict;
my ($splice, $path, @argv) = @ARGV;
open my $file, '<', $path or die "$path: $!\n";
pipe my $out, my $in or die "pipe(2): $!\n";
fcntl $in, 1031, 1 << 20;
my $pid = fork;
if (!$pid) { open STDIN, '<&', $out; exec { $argv[0] } @argv; exit 127 }
close $out;
$SIG{PIPE} = 'IGNORE';
sub by_hand { my ($left) = @_;
  my $count = sysread $file, my $bytes, $left > 65536 ? 65536 : $left;
  return $count ? syswrite $in, $bytes : $count;
}
LINE: while (defined(my $line = <STDIN>)) {
  for (my $left = $line + 0; $left > 0;) {
    my $count = syscall $splice + 0, fileno $file, 0, fileno $in, 0, $left, 0;
    $count = by_hand($left) if $count < 0 && $! == 22;
    last LINE if !$count || $count < 0;
    $left -= $count;
  }
}
close $in;
waitpid $pid, 0;
exit($? & 127 ? 128 + ($? & 127) : $? >> 8);`;

/** Number of splice(2). */
const splice = { x86_64: 275, aarch64: 76 } as const;

/** Opens the file from outside of the jail, where its name means something. */
const handed = ["sh", "-c", 'file=$1; shift; exec "$@" 3<"$file"', "sh"];

// what another tar has left there
const begin = 'cd /unpack; if [ -e "$1" ]; then rm -rf "$1"; fi; mkdir -m 755 "$1"; shift; "$@"';

/** Starts tar, to extract what will be written into a new directory. */
export function startTar(work: Work, way: Omit<Way, "visit">): Running {
  return start(work, way, { feeder: fed, option: "--acls" });
}

/**
 * Starts tar for a file of which, from its start, more and more was looked at. It minds no access control lists, with
 * which it takes a tenth longer, until one is met; then another begins anew when all was looked at.
 */
export function startFileTar(work: Work, path: string, way: Omit<Way, "visit">): FileTar {
  const feeder = ["perl", "-e", mover, String(splice[Deno.build.arch]), path];
  let tar: Running | undefined = start(work, way, { feeder, option: "--no-acls" });
  let moved = 0;
  const move = async (size: number) => {
    const line = `${size - moved}\n`;
    moved = size;
    // if it has ended before it should, finish() tells why
    await tar?.write(new TextEncoder().encode(line)).catch((error) => {
      if (!(error instanceof TarEnded)) throw error;
    });
  };
  return {
    async meet(entry) {
      if (tar === undefined || entry.hasAcl !== true) return;
      const useless = tar;
      tar = undefined;
      await useless[Symbol.asyncDispose]();
    },
    async passTo(size) {
      // each time wakes a process
      if (size - moved >= 1 << 20) await move(size);
    },
    async finish() {
      await move(Deno.statSync(path).size);
      const last = tar ?? start(work, way, { feeder: [...handed, path], option: "--acls", input: "<&3" });
      tar = undefined;
      await last.finish();
    },
    [Symbol.asyncDispose]: async () => await tar?.[Symbol.asyncDispose](),
  };
}

function start(
  work: Work,
  { into, after = "" }: Omit<Way, "visit">,
  { feeder, option, input = "" }: { feeder: readonly string[]; option: string; input?: string },
): Running {
  const script = `${begin} ${input}\n${after}`;
  const unpacker = jailed(work.mapped, ["sh", "-ec", script, "sh", into, ...tarArgv(work, into), option]);
  const child = spawn([...feeder, ...unpacker], {
    cwd: work.directory,
    stdin: "piped",
    stdout: "null",
    stderr: "piped",
  });
  const said = beginningOf(child.stderr);
  const writer = child.stdin.getWriter();
  let isDone = false;
  const close = () => writer.close().catch(() => {}); // it may have ended already, and says so by its status
  return {
    async write(chunk) {
      try {
        await writer.write(chunk);
      } catch (error) {
        throw new TarEnded("tar has ended", { cause: error });
      }
    },
    async finish() {
      isDone = true;
      await close();
      const [{ code }, stderr] = await Promise.all([child.status, said]);
      if (code === 0) return;
      if (/No space left on device|Disk quota exceeded/.test(stderr)) {
        throw commandFailed("tar", { code, stderr });
      }
      throw invalid(`tar said: ${reason(stderr)}`);
    },
    async [Symbol.asyncDispose]() {
      if (isDone) return;
      // an archive that ends in the middle ends tar
      await close();
      await Promise.all([child.status, said]);
    },
  };
}

/** A container gets its own /dev, and devices could not be made. Modes come with -p. */
function tarArgv({ isSingle }: Work, into: string): string[] {
  const excluded = ["dev/*", "rootfs/dev/*"].flatMap((name) => [`--exclude=${name}`, `--exclude=./${name}`]);
  const owner = isSingle ? "--no-same-owner" : "--same-owner";
  return [
    // in records of a megabyte: tar reads and writes no more than one at a time
    ...["tar", "-x", "-b", "2048", "-f", "-", "-C", into, "-p", owner, "--numeric-owner", "--anchored"],
    ...[...excluded, "--xattrs", "--xattrs-include=*", "--warning=no-timestamp"],
  ];
}

/** The first complaint that says what happened; what follows only says that something did. */
function reason(stderr: string): string {
  const lines = stderr.trim().split("\n").filter((line) => line !== "");
  return lines.find((line) => !/Exiting with failure|timestamp/.test(line)) ?? "nothing";
}
