// The tar that unpacks, in its jail, and how it gets its bytes: written to it; moved there by the kernel as far as drey
// has looked at them, if they lie in a file anyway; or, if all of them do, as that file, once drey has said so.

import type { MappedRoot } from "../idmap/holder.ts";
import { commandFailed, spawn } from "../sys/run.ts";
import { invalid } from "./archive.ts";
import { jailed } from "./jail.ts";

/** Where an image is unpacked, and as whom. */
export interface Work {
  directory: string;
  mapped: MappedRoot;
  isSingle: boolean;
}

export interface Tar extends AsyncDisposable {
  /** @throws {TarEnded} */
  write(chunk: Uint8Array): Promise<void>;
  /** lets a tar begin that was given a whole file; with access control lists it takes a tenth longer */
  go(hasAcls: boolean): Promise<void>;
  /** waits for its end. @throws {DreyError} `IMAGE_INVALID`, `NO_SPACE` */
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

const start = 'cd /unpack; mkdir -m 755 "$1"; shift;';
const streamed = `${start} "$@" --acls`;
// nothing to read: drey is gone, or has found something
const told = `${start} read -r acls; "$@" "$acls" <&3`;

/** Starts tar, to extract what will be written into a new directory. */
export function startTar(
  work: Work,
  { into, after, path, whole }: {
    into: string;
    /** a little shell that follows in the same jail, in the work directory */
    after: string;
    /** file that holds, from its start, what will be written */
    path?: string;
    /** file that tar is to read, in the place of what is written */
    whole?: string;
  },
): Tar {
  const script = `${whole === undefined ? streamed : told}\n${after}`;
  const unpacker = jailed(work.mapped, ["sh", "-ec", script, "sh", into, ...tarArgv(work, into)]);
  const moved = ["perl", "-e", mover, String(splice[Deno.build.arch]), path ?? ""];
  const feeder = whole !== undefined ? [...handed, whole] : path === undefined ? fed : moved;
  const child = spawn([...feeder, ...unpacker], {
    cwd: work.directory,
    stdin: "piped",
    stdout: "null",
    stderr: "piped",
  });
  const said = new Response(child.stderr).text();
  const writer = child.stdin.getWriter();
  const send = async (chunk: Uint8Array) => {
    try {
      await writer.write(chunk);
    } catch (error) {
      throw new TarEnded("tar has ended", { cause: error });
    }
  };
  let waiting = 0;
  const move = async () => {
    const line = `${waiting}\n`;
    waiting = 0;
    await send(new TextEncoder().encode(line));
  };
  let isDone = false;
  const close = () => writer.close().catch(() => {}); // it may have ended already, and says so by its status
  return {
    async write(chunk) {
      if (path === undefined) return await send(chunk);
      waiting += chunk.length;
      // each line wakes a process
      if (waiting >= 1 << 20) await move();
    },
    go: (hasAcls) => send(new TextEncoder().encode(hasAcls ? "--acls\n" : "--no-acls\n")),
    async finish() {
      isDone = true;
      // if it has ended it says why by its status
      if (waiting > 0) await move().catch(() => {});
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
