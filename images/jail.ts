// Programs that read hostile archives, shut in: root of a map that owns nothing of the user's, and for a root
// directory a throw-away tmpfs with the host's programs and the one directory they work in, as /unpack.

import type { MappedRoot } from "../idmap/holder.ts";

/** By system calls: fourteen programs would do the same, in ten times the time. */
const enter = String.raw`
BEGIN { $^H |= 0x602 }
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
chroot '/tmp' or die "chroot(2): $!\n";
chdir '/' or die "chdir(2): $!\n";
`;

const begin = "exec { $argv[0] } @argv; exit 127";

/** Numbers of unshare(2) and mount(2). */
const calls = Deno.build.arch === "x86_64" ? ["272", "165"] : ["97", "40"];

/**
 * argv that runs a program in the jail; start it in the directory that shall be /unpack.
 *
 * @param then what Perl does there instead, for which the words are `@argv`
 */
export function jailed(mapped: MappedRoot, argv: readonly string[], then = begin): string[] {
  return mapped.command(["/usr/bin/perl", "-e", enter + then, ...calls, ...argv]);
}
