// Programs that read hostile archives, shut in: root of a map that owns nothing of the user's, and for a root
// directory a throw-away tmpfs with the host's programs and the one directory they work in, as /unpack.

import type { MappedRoot } from "../idmap/holder.ts";
import { type PipedChild, startOnPipes } from "../sys/piped_child.ts";
import { commandFailed, fullPath, run } from "../sys/run.ts";

/** By system calls: fourteen programs would do the same, in ten times the time. */
const build = String.raw`
my ($unshare, $mount, @argv) = @ARGV;
my ($bind, $all, $private) = (4096, 16384, 1 << 18);
sub mounted {
  my ($what, $where, $type, $flags, $data) = @_;
  syscall($mount + 0, $what, $where, $type, $flags + 0, $data) == 0 or die "mount(2) on $where: $!\n";
}
sub made { mkdir $_[0], 0755 or die "mkdir(2) on $_[0]: $!\n" }
syscall($unshare + 0, 1 << 17) == 0 or die "unshare(2): $!\n";
mounted('none', '/', '', $all | $private, '');
mounted('none', '/tmp', 'tmpfs', 0, 'mode=755,size=1m');
umask 022;
made("/tmp/$_") for 'usr', 'unpack';
mounted('/usr', '/tmp/usr', '', $bind | $all, '');
for my $name (qw(bin sbin lib lib32 lib64 libx32)) {
  my $target = readlink "/$name";
  if (defined $target) { symlink $target, "/tmp/$name" or die "symlink(2) on /tmp/$name: $!\n" }
  elsif (-d "/$name") { made("/tmp/$name"); mounted("/$name", "/tmp/$name", '', $bind | $all, '') }
}
# by this name, since others may lead through a home that nobody else may enter
mounted('.', '/tmp/unpack', '', $bind, '');
`;

/** What is open here, by names: a file from outside can be opened anew. */
const opened = String.raw`
made('/tmp/fd');
mounted("/proc/$$/fd", '/tmp/fd', '', $bind, '');
`;

const enter = String.raw`
chroot '/tmp' or die "chroot(2): $!\n";
chdir '/' or die "chdir(2): $!\n";
`;

const begin = "exec { $argv[0] } @argv; exit 127";

/** Numbers of unshare(2) and mount(2). */
const calls = Deno.build.arch === "x86_64" ? ["272", "165"] : ["97", "40"];

interface Doing {
  /** what Perl does there instead, for which the words are `@argv` */
  then?: string;
  /** descriptor of a file that it may open anew, by {@link nameOf} */
  fd?: number;
}

/** Where a program in the jail may open a descriptor of its parent anew. */
export const nameOf = (fd: number) => `/fd/${fd}`;

/** argv that runs a program in the jail; start it in the directory that shall be /unpack. */
export const jailed = (mapped: MappedRoot, argv: readonly string[], doing?: Doing): string[] =>
  mapped.perl(...scriptOf(argv, doing));

function scriptOf(
  argv: readonly string[],
  { then = begin, fd }: Doing = {},
): [script: string, words: string[]] {
  return [build + (fd === undefined ? "" : opened) + enter + then, [...calls, ...argv]];
}

interface Beginning extends Doing {
  /** shall be /unpack */
  directory: string;
  mapped: MappedRoot;
}

/** Starts a program in the jail without Deno's streams, the first of which takes 10 ms. @throws {DreyError} `TOOL_MISSING` */
export function startJailed(
  argv: readonly string[],
  { directory, mapped, ...doing }: Beginning,
): PipedChild {
  const env = { PATH: fullPath(), LC_ALL: "C" };
  const inherited = doing.fd === undefined ? [] : [doing.fd];
  return startOnPipes(mapped.perl(...scriptOf(argv, doing), directory), { env, inherited });
}

/** Runs a little shell in the jail, in a directory. @throws {DreyError} `NO_SPACE`, `COMMAND_FAILED` */
export async function inJail(
  { directory, mapped }: { directory: string; mapped: MappedRoot },
  script: string,
): Promise<void> {
  const result = await run(jailed(mapped, ["sh", "-ec", `cd /unpack; ${script}`]), { cwd: directory });
  if (result.code !== 0) throw commandFailed("sh", result);
}
