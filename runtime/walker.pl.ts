// The hands of the first stage: a Perl program that walks a list of steps (runtime/steps.ts), one system call or
// so each. Perl, because it is on every Debian and Ubuntu (perl-base is essential), starts in 2 ms, has a single
// thread (unshare(2) and setns(2) of user namespaces want that) and can still call the kernel after pivot_root(2),
// when no program of the host is left. It decides nothing.

import { diskHands, diskPrelude } from "./disk_hands.pl.ts";
import { imageHand } from "./image_hand.pl.ts";
import { initHands, initPrelude } from "./init_hands.pl.ts";
import type { Step } from "./steps.ts";

/** What every walk begins with. */
const prelude = String.raw`
# what "use strict" does, without its file: reading that takes 0.4 ms of 2
BEGIN { $^H |= 0x602 }
# the caller's is about the caller's files: what a container makes, and what its ids are to enter, follows the usual one
umask 022;
my (%nr, @stack, $terminal, $pidfd, $host_pid, $network, $told, $report);
my ($file, $plan, $got) = (shift @ARGV, undef, "\n");
# a plan of several lines is the plan itself
my $text = $file =~ /\n/ ? $file : do { open $plan, '<', $file or die "Cannot read the plan $file: $!\n"; received() };
# up to its end, or up to the step "more" and no further
sub received {
  my $length;
  while (($length = 1 + index $got, "\nmore\n") == 0) { sysread $plan, $got, 65536, length $got or close $plan, last }
  return substr $got, 1, $length > 0 ? $length + 4 : length $got, '';
}
sub fail { my ($what) = @_;
  my ($errno, $why) = ($! + 0, "$!");
  print STDERR "$what: $why\n";
  syswrite $report, "$errno $what" if $report;
  exit 125;
}
sub call { my ($name, @args) = @_; my $r = syscall($nr{$name}, @args); return $r }
sub must { my ($what, $name, @args) = @_; my $r = call($name, @args); fail($what) if $r < 0; return $r }
# -1 would mean "as it is", and the user of the host is what it is here
sub must_be_ids { for (@_) { next if /^\d{1,10}$/ && $_ < 0xffffffff; $! = 22; fail("Cannot become $_, which is no id") } }
sub be_root {
  return if $_[0] eq 'kept';
  must('setgroups(2)', 'setgroups', 0, 0) if $_[0] ne 'groups';
  must('setresgid(2)', 'setresgid', 0, 0, 0);
  must('setresuid(2)', 'setresuid', 0, 0, 0);
}
sub enter { my ($path, $kind) = @_;
  open my $ns, '<', $path or fail(qq(open "$path"));
  must(qq(setns(2) to "$path"), 'setns', fileno($ns), $kind);
}
sub move_fd { my ($handle, $fd) = @_;
  must("dup3(2) to $fd", 'dup3', fileno($handle), $fd, 0) if fileno($handle) != $fd;
}
sub child { my ($flags, $fd) = @_;
  my $arguments = pack('Q11', $flags, 0, 0, 0, 17, 0, 0, 0, 0, 0, $fd);
  return must('clone3(2)', 'clone3', $arguments, length $arguments);
}
# a child, born in a cgroup if one is named: to move a process that exists makes the kernel wait for all processors
sub born_in { my ($cgroup) = @_;
  return child(0, 0) if $cgroup eq '';
  # the container's root may have removed it
  my $directory;
  open $directory, '<', $cgroup or mkdir $cgroup and open $directory, '<', $cgroup or fail(qq(open "$cgroup"));
  pipe(my $born, my $cry) or fail('pipe(2)');
  my $pid = child(1 << 33, fileno $directory);
  if (!$pid) { syswrite $cry, 'x'; close $_ for $born, $cry, $directory; return 0 }
  close $cry;
  return $pid if sysread $born, my $x, 1;
  # Linux from 6.14 kills it at birth where the parent's own cgroup was once killed as a whole, and this one was not
  waitpid $pid, 0;
  $pid = child(0, 0);
  return $pid if $pid;
  open my $procs, '>', "$cgroup/cgroup.procs" or fail(qq(open "$cgroup/cgroup.procs"));
  syswrite $procs, '0' or fail(qq(join "$cgroup"));
  close $procs;
  return 0;
}
sub reset_signals { $SIG{$_} = 'DEFAULT' for grep { $_ !~ /^(__|NUM|RT|IOT|CLD|POLL|UNUSED)/ } keys %SIG }
my %do;
$do{numbers} = sub { %nr = @_ };
`;

/**
 * A Perl subroutine for each step but those about files (file_server.pl.ts, sftp_server.pl.ts); its arguments are the
 * words of the line.
 */
const hands: Record<Exclude<Step["do"], "file" | "sftp" | "join-files" | "chroot">, string> = {
  ...diskHands,
  ...initHands,
  image: imageHand,
  mount: String.raw`sub { my ($optional, $source, $target, $type, $bits, $data) = @_;
  my $r = call('mount', $source, $target, $type, $bits + 0, $data eq '' ? 0 : $data);
  fail(qq(mount(2) of $type on "$target")) if $r < 0 and !$optional;
}`,
  unshare: String.raw`sub { must('unshare(2)', 'unshare', $_[0] + 0) }`,
  "enter-user": String.raw`sub { my ($pid, $level, $identity) = @_;
  open my $ns, '<', "/proc/$pid/ns/user" or do {
    if ($! == 2) { print STDERR "Error: What was to be entered has ended meanwhile\n"; exit 125 }
    fail("open the user namespace of $pid");
  };
  my $fd = fileno $ns;
  if ($level eq 'parent') { $fd = ioctl($ns, 0xb702, 0) or fail('ioctl(2) NS_GET_PARENT') }
  must('setns(2) of a user namespace', 'setns', $fd + 0, 0x10000000);
  be_root($identity);
}`,
  groups: String.raw`sub { my $list = pack 'L*', @_; must('setgroups(2)', 'setgroups', scalar @_, $list) }`,
  "new-user": String.raw`sub { my ($uids, $gids, $identity, $cgroup) = @_;
  pipe(my $born, my $cry) or fail('pipe(2)');
  pipe(my $hold, my $release) or fail('pipe(2)');
  my $pid = born_in($cgroup);
  if (!$pid) {
    close $born; close $release;
    must('unshare(2) of a user namespace', 'unshare', 0x10000000 | ($cgroup ne '' ? 0x2000000 : 0));
    syswrite $cry, 'x'; sysread $hold, my $x, 1; exit 0;
  }
  close $cry; close $hold;
  sysread($born, my $x, 1) or exit 125;
  for (['uid_map', $uids], ['gid_map', $gids]) {
    open my $map, '>', "/proc/$pid/$_->[0]" or fail("open $_->[0]");
    syswrite($map, $_->[1]) or fail("write $_->[0]");
  }
  if ($cgroup ne '') { open my $ns, '<', "/proc/$pid/ns/cgroup" or fail('open cgroup namespace');
    enter("/proc/$pid/ns/user", 0x10000000); must('setns(2) of cgroup', 'setns', fileno($ns), 0x2000000) }
  else { enter("/proc/$pid/ns/user", 0x10000000) }
  close $release; waitpid $pid, 0;
  be_root($identity);
}`,
  open: String.raw`sub { my ($fd, $path, $mode) = @_;
  open my $handle, $mode, $path or fail(qq(open "$path"));
  move_fd($handle, $fd); push @stack, $handle if fileno($handle) == $fd;
}`,
  "join-cgroup": String
    .raw`sub { open my $own, '>&=', $_[0] or fail('cgroup'); syswrite($own, "0") or fail('write cgroup.procs') }`,
  // where something is mounted next, a link of the instance's would lead it to the host's files
  mkdir: String.raw`sub { my ($path, $may_be_link) = @_;
  return if mkdir $path, 0755 or lstat $path and -d _ || $may_be_link && -l _;
  if (-l _) { $! = 20; fail(qq(") . ($path =~ s!^/[^/]+/root/!/!r) . qq(" of the instance is a link)) }
  fail(qq(mkdir "$path"));
}`,
  touch: String.raw`sub { open my $h, '>>', $_[0] or fail(qq(create "$_[0]")) }`,
  chown: String.raw`sub { chown $_[1], $_[2], $_[0] or fail(qq(chown "$_[0]")) }`,
  rlimit: String.raw`sub { my ($resource, @limits) = @_;
  my $limit = pack 'Q2', map { $_ eq '' ? ~0 : $_ + 0 } @limits;
  must("prlimit64(2) of resource $resource", 'prlimit64', 0, $resource + 0, $limit, 0);
}`,
  listen: String.raw`sub { my ($fd, $path, $backlog) = @_;
  open my $socket, '+<&=', $fd or fail("the socket $fd");
  push @stack, $socket;
  bind $socket, pack 'S a108', 1, $path or fail(qq(bind(2) to "$path"));
  listen $socket, $backlog + 0 or fail('listen(2)');
  chmod 0666, $path or fail(qq(chmod "$path"));
}`,
  door: String.raw`sub { my ($fd, $directory, $name) = @_;
  # a path may be longer than the name of a socket
  chdir $directory or fail(qq(chdir "$directory"));
  unlink $name;
  socket my $socket, 1, 1, 0 or fail('socket(2)');
  bind $socket, pack 'S a*', 1, "$name\0" or fail(qq(bind(2) to "$name"));
  listen $socket, 64 or fail('listen(2)');
  chdir '/';
  move_fd($socket, $fd); push @stack, $socket if fileno($socket) == $fd;
}`,
  symlink: String.raw`sub { symlink $_[0], $_[1] or fail(qq(symlink "$_[1]")) }`,
  write: String.raw`sub { my ($optional, $path, $data) = @_;
  if (open my $h, '>', $path) { syswrite($h, $data) or $optional or fail(qq(write "$path")) }
  elsif (!$optional) { fail(qq(open "$path")) }
}`,
  "link-up": String.raw`sub { my ($optional, $name) = @_;
  # netdevice(7): struct ifreq with the name, then the flags; IFF_UP is 1
  my $fd = must('socket(2)', 'socket', 2, 2, 0);
  open my $socket, '+<&=', $fd or fail('socket');
  my $request = pack('a16 S x22', $name, 0);
  ioctl($socket, 0x8913, $request) or $optional ? return : fail(qq(ioctl(2) SIOCGIFFLAGS of "$name"));
  my $up = pack('a16 S x22', $name, unpack('x16 S', $request) | 1);
  ioctl($socket, 0x8914, $up) or fail(qq(ioctl(2) SIOCSIFFLAGS of "$name"));
}`,
  console: String.raw`sub { my ($fd, $ptmx, $pts, $path) = @_;
  open my $master, '+<', $ptmx or fail(qq(open "$ptmx"));
  my $n = pack('i', 0);
  ioctl($master, 0x40045431, $n) or fail('ioctl(2) TIOCSPTLCK');
  ioctl($master, 0x80045430, $n) or fail('ioctl(2) TIOCGPTN');
  my $slave = $pts . '/' . unpack('i', $n);
  $do{touch}->($path);
  $do{mount}->(0, $slave, $path, 'none', 4096, '');
  move_fd($master, $fd); push @stack, $master if fileno($master) == $fd;
}`,
  ready: String.raw`sub { my ($reports) = @_;
  # the /proc of the host, so the pid of the host
  $host_pid = readlink '/proc/self';
  # standard output is open in the process that waits for this one, and would never end
  pipe $told, $report or fail('pipe(2)') if $reports;
  syswrite STDOUT, join(' ', 'ready', $host_pid, $reports ? fileno $told : ()) . "\n" or exit 125;
  my $got = sysread STDIN, my $word, 3;
  exit 125 if !$got or $word !~ /^go/;
}`,
  hostname: String.raw`sub { must('sethostname(2)', 'sethostname', $_[0], length $_[0]) }`,
  keyring: String.raw`sub { call('keyctl', 1, 0, 0) }`,
  pivot: String.raw`sub { my ($path) = @_;
  chdir $path or fail(qq(chdir "$path"));
  must('pivot_root(2)', 'pivot_root', '.', '.');
  must('umount2(2) of the old root', 'umount2', '.', 2);
  chdir '/' or fail('chdir "/"');
}`,
  inside: String.raw`sub {
  open my $file, '>&=', $_[0] or fail('the file of the pid');
  syswrite $file, $host_pid or fail('write the pid');
  close $file;
  syswrite $report, "inside\n";
}`,
  fill: String.raw`sub { my ($fresh, $path, $text) = @_;
  return if $fresh and -e $path || -l $path;
  my ($made, @parts) = ('', split m{/+}, $path);
  my $name = pop @parts;
  for (@parts) { next if $_ eq ''; $made .= "/$_"; mkdir $made, 0755 }
  my $new = !-e $path;
  # O_WRONLY, O_CREAT, O_TRUNC, O_NOCTTY, O_NONBLOCK: a pipe in its place must not hold us up
  sysopen my $file, $path, 1 | 0100 | 01000 | 0400 | 04000, 0644 or fail(qq(open "$path" of a template));
  -f $file or fail(qq("$path" of a template is no file));
  chmod 0644, $file if $new;
  while (length $text) { my $n = syswrite $file, $text or fail(qq(write "$path")); substr($text, 0, $n) = '' }
}`,
  "take-terminal": String.raw`sub { open $terminal, '+<&=', $_[0] or fail('the terminal') }`,
  terminal: String.raw`sub {
  call('setsid');
  ioctl($terminal, 0x540e, 0);
  must('dup3(2)', 'dup3', fileno($terminal), $_, 0) for 0, 1, 2;
}`,
  "join-pid": String.raw`sub {
  $pidfd = must("pidfd_open(2) of $_[0]", 'pidfd_open', $_[0] + 0, 0);
  # who shares the network of the host is in it already, and has no right to enter it
  my ($theirs, $ours) = map { readlink("/proc/$_/ns/net") || '' } $_[0], 'self';
  $network = $theirs eq $ours ? 0 : 0x40000000;
  must('setns(2) of a pid namespace', 'setns', $pidfd, 0x20000000);
}`,
  fork: String.raw`sub { my ($cgroup, $lifeline) = @_;
  my $pid = born_in($cgroup);
  return if !$pid;
  # what the command says has its end with the command
  close $_ for *STDIN, *STDOUT, *STDERR;
  $0 = 'drey: waiting for a command';
  $SIG{$_} = 'IGNORE' for qw(HUP INT QUIT TERM TSTP);
  if ($lifeline ne '') {
    my ($fds, $ended) = ('', must('pidfd_open(2)', 'pidfd_open', $pid, 0));
    vec($fds, $_, 1) = 1 for $ended, $lifeline;
    select $fds, undef, undef, undef;
    # nobody is left to hear how it ends
    kill 'KILL', $pid if !vec $fds, $ended, 1;
  }
  waitpid $pid, 0;
  # without taking itself apart
  call('exit_group', $? & 127 ? 128 + ($? & 127) : $? >> 8);
}`,
  // PR_SET_DUMPABLE: until it is the command, and filtered, nobody inside may trace it
  "join-rest": String.raw`sub { call('prctl', 4, 0, 0, 0, 0);
  must('setns(2) of a container', 'setns', $pidfd, $network | 0x10000000 | 0x20000 | 0x4000000 | 0x8000000 | 0x2000000);
}`,
  be: String.raw`sub { my ($user, $group) = @_;
  must_be_ids($user, $group);
  must('setgroups(2)', 'setgroups', 0, 0);
  must("Cannot become group $group, which the instance may have no id for: setresgid(2)", 'setresgid', ($group + 0) x 3);
  must("Cannot become user $user, whom the instance may have no id for: setresuid(2)", 'setresuid', ($user + 0) x 3);
}`,
  chdir: String.raw`sub { chdir $_[0] or $_[1] or fail(qq(Cannot change to directory "$_[0]")) }`,
  environment: "sub { %ENV = @_ }",
  more: "sub { walk(received()) }",
  // names that begin with a dot are the command's, see attach.ts
  run: String.raw`sub {
  my %own = map { /^\.(.+)/s ? ($1, $ENV{$_}) : () } keys %ENV;
  %ENV = %own if %own;
  call('close_range', 3, 0xffffffff, 4);
  reset_signals();
  exec { $_[0] } @_;
  my ($code, $why) = ($! == 2 ? 127 : 126, "$!");
  # a line for a shell in one word
  $why .= ". Give its words one by one, or a shell: sh -c '...'" if $code == 127 && @_ == 1 && $_[0] =~ / /;
  print STDERR "drey: cannot run $_[0]: $why\n";
  exit $code;
}`,
  become: String.raw`sub { $^F = 255; exec { $_[0] } @_; fail("execve(2) of $_[0]") }`,
};

/** Hands that use other hands. */
const helpers: Partial<Record<Step["do"], readonly (keyof typeof hands)[]>> = { console: ["touch", "mount"] };

const walk = String.raw`
$^F = 255;
sub walk { my ($steps) = @_;
  # who was to send them has ended
  exit 125 if $steps !~ /\n\z/;
  for my $line (split /\n/, $steps) {
    my ($op, @args) = map { s/%([0-9a-f]{2})/chr hex $1/ger } split /\t/, $line, -1;
    $do{$op}->(@args);
  }
}
walk($text);
`;

/**
 * The program that walks these steps: with the hands they need and no others, for Perl compiles it at each start.
 *
 * @param more further hands, as Perl
 */
export function walkerFor(steps: readonly Pick<Step, "do">[], more = ""): string {
  const needed = new Set(steps.flatMap(({ do: name }) => [name, ...(helpers[name] ?? [])]));
  const used = Object.entries(hands).filter(([name]) => needed.has(name as Step["do"]));
  const hasDisks = used.some(([name]) => name in diskHands);
  const hasInit = used.some(([name]) => name in initHands && name !== "filter");
  return prelude + (hasDisks ? diskPrelude : "") + (hasInit ? initPrelude : "") +
    used.map(([name, code]) => `$do{'${name}'} = ${code};\n`).join("") + more + walk;
}
