// Copying a tree that somebody may be writing to, an instance with the volume above all. cp(1) goes by paths, so a link
// put in the place of a directory would lead it through the host's files: it runs where nothing of the host is but
// programs, as what unpacks images does.

import type { Hands } from "./driver.ts";

// Whoever has one id only is not root of a namespace yet; where AppArmor gives him no rights in a new one either, he
// copies as he is. What goes away or is replaced while it is copied is left out.
const program = String.raw`my ($unshare, $mount, $from, $to) = @ARGV;
$ENV{LC_ALL} = 'C';
sub fail { print STDERR "$_[0]: $!\n"; exit 2 }
my ($uid, $gid) = ($>, $) + 0);
my ($source, $target);
sub put { my ($what, $where, $type, $flags, $data) = @_; return syscall($mount + 0, $what, $where, $type, $flags, $data) == 0 }
sub bind_to { my ($what, $where) = @_; mkdir $where, 0755; put($what, $where, 'none', 0x5000, 0) or fail(qq(mount(2) on "$where")) }
sub leave_host {
  syscall($unshare + 0, $uid == 0 ? 0x20000 : 0x10020000) == 0 or return 0;
  for ($uid == 0 ? () : (['setgroups', 'deny'], ['uid_map', "0 $uid 1"], ['gid_map', "0 $gid 1"])) {
    open my $file, '>', "/proc/self/$_->[0]" or return 0;
    syswrite $file, $_->[1] or return 0;
  }
  # in this namespace's mounts, and before one of them hides the way
  opendir $source, $from or fail(qq(open "$from"));
  opendir $target, $to or fail(qq(open "$to"));
  return put('none', '/', 'none', 0x44000, 0) && put('none', '/tmp', 'tmpfs', 6, 'size=64k,mode=0755');
}
sub go_to_jail {
  for my $path (qw(/usr /bin /sbin /lib /lib32 /lib64 /libx32)) {
    if (-l $path) { symlink readlink $path, "/tmp$path" or fail(qq(symlink "$path")) }
    elsif (-d $path) { bind_to($path, "/tmp$path") }
  }
  # chmod(2) of what may be a link takes this way in libc
  mkdir $_, 0755 for '/tmp/proc', '/tmp/proc/self';
  bind_to("/proc/$$/fd", '/tmp/proc/self/fd');
  bind_to('/proc/self/fd/' . fileno $source, '/tmp/from');
  bind_to('/proc/self/fd/' . fileno $target, '/tmp/to');
  chdir '/tmp' and chroot '.' and chdir '/' or fail('chroot(2)');
  return ('/from', '/to');
}
my $pid = open(my $said, '-|') // fail('fork(2)');
if (!$pid) {
  open STDERR, '>&', \*STDOUT;
  if (leave_host()) { ($from, $to) = go_to_jail() } elsif ($uid == 0) { fail('unshare(2)') }
  exec 'cp', '-a', '--reflink=auto', '--', "$from/.", $to;
  exit 127;
}
my @said = <$said>;
close $said;
my ($code, $killed) = ($? >> 8, $? & 127);
my $changed = qr{^cp: [^']*'/from/.*(: No such file or directory|, as it was replaced while being copied|: Invalid argument)$};
exit 0 if $code == 1 and !grep { $_ !~ $changed } @said;
print STDERR @said;
exit($killed ? 128 + $killed : $code);
`;

/** unshare(2) and mount(2), which Perl knows by their numbers only */
const numbers = Deno.build.arch === "x86_64" ? [272, 165] : [97, 40];

/** argv of the copy; both directories are there. */
export const copyArgv = (from: string, to: string): string[] => [
  "perl",
  "-e",
  program,
  ...numbers.map(String),
  from,
  to,
];

/** Copies what is in one tree into another, whoever the files belong to; the other is made if it is not there. */
export async function copyTree(hands: Hands, from: string, to: string): Promise<void> {
  Deno.mkdirSync(to, { recursive: true, mode: 0o711 });
  await hands.run(copyArgv(from, to));
}
