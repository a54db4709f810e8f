// The program that leads connections from one network namespace to another: Perl, for it is on every Debian, calls the
// kernel as it pleases, and one process of it serves all ports of a device. It is told by a file of lines, words
// parted by tabs, what to listen on and where to connect to.

// A socket stays in the namespace it was made in, whoever uses it later. So the listening sockets are made where they
// shall listen: by this process, or by a child that enters the other namespace and has them copied from it; then the
// process goes to where it shall connect. Each connection is a child with two buffers.
export const relayProgram = String.raw`use strict;
use Socket qw(:all);
use Fcntl;
my (@pairs, %at, %own, @drop, $haproxy, $most);
open my $plan, '<', $ARGV[0] or die "Cannot read $ARGV[0]: $!\n";
while (<$plan>) { chomp; my ($what, @words) = split /\t/, $_, -1;
  if ($what eq 'pair') { push @pairs, [@words, []] }
  elsif ($what eq 'other') { push @{$pairs[-1][6]}, [@words] }
  elsif ($what eq 'at') { $at{$words[0]} = $words[1] }
  elsif ($what eq 'own') { @own{qw(uid gid mode)} = @words }
  elsif ($what eq 'drop') { @drop = @words }
  elsif ($what eq 'haproxy') { $haproxy = 1 }
  elsif ($what eq 'most') { $most = $words[0] }
}
close $plan;
# whoever waits for this relay is told when it listens, or that it cannot; one that is started again is not waited for
sysopen my $waiting, "$ARGV[0].told", O_WRONLY | O_NONBLOCK;
sub tell_waiting { syswrite $waiting, "\n" if defined fileno $waiting; close $waiting }
$SIG{__DIE__} = sub { tell_waiting() };
my $turn = 0;
sub pid_of { my ($side) = @_;
  return $side if $side =~ /^\d+$/;
  open my $in, '<', $side or die "Cannot read $side: $!\n"; my $pid = <$in>; chomp $pid; return $pid;
}
# user, mount and network namespace in one step, by pidfd
sub enter { my ($side, $kinds) = @_;
  my $fd = syscall(434, pid_of($side) + 0, 0);
  $fd >= 0 or die "pidfd_open: $!\n";
  my $setns = ${Deno.build.arch === "x86_64" ? 308 : 268};
  syscall($setns, $fd, $kinds) == 0 or die "setns: $!\n";
}
sub become { my ($uid, $gid) = @_;
  my ($setgroups, $setgid, $setuid) = ${Deno.build.arch === "x86_64" ? "(116, 119, 117)" : "(159, 149, 147)"};
  syscall($setgroups, 0, 0); syscall($setgid, ($gid + 0) x 3); syscall($setuid, ($uid + 0) x 3);
}
my ($USER, $NET, $MNT) = (0x10000000, 0x40000000, 0x20000);
sub address { my ($proto, $host, $port) = @_;
  if ($proto eq 'unix') { my $path = $host; $path =~ s/^\@/\0/; return (AF_UNIX, pack_sockaddr_un($path)) }
  my $v4 = inet_pton(AF_INET, $host);
  return (AF_INET, pack_sockaddr_in($port, $v4)) if defined $v4;
  return (AF_INET6, pack_sockaddr_in6($port, inet_pton(AF_INET6, $host)));
}
sub kind { return $_[0] eq 'udp' ? SOCK_DGRAM : SOCK_STREAM }
# binds where a directory is now, with its mode from the first moment on and its owner before anybody can connect: whoever
# owns the directory may put links in the place of the socket, and of the directory
sub bind_file { my ($socket, $path) = @_;
  my ($directory, $name) = $path =~ m!^(.*/)([^/]*)$!s;
  chdir $directory or return 0;
  unlink $name if -S $name;
  my $before = umask(0777 & ~oct $own{mode});
  my $bound = bind($socket, pack_sockaddr_un($name));
  umask $before;
  return 0 if !$bound;
  # AT_FDCWD and AT_SYMLINK_NOFOLLOW
  my $fchownat = ${Deno.build.arch === "x86_64" ? 260 : 54};
  syscall($fchownat, -100, $name, $own{uid} + 0, $own{gid} + 0, 0x100) if $own{uid} ne '';
  return chdir '/';
}
sub listener { my ($proto, $host, $port) = @_;
  my ($family, $where) = address($proto, $host, $port);
  socket(my $socket, $family, kind($proto), 0) or die "socket: $!\n";
  setsockopt($socket, SOL_SOCKET, SO_REUSEADDR, 1);
  setsockopt($socket, IPPROTO_IPV6, IPV6_V6ONLY, 1) if $family == AF_INET6;
  ($proto eq 'unix' && $host =~ m!^/! ? bind_file($socket, $host) : bind($socket, $where))
    or die "Cannot listen on $proto:$host:$port: $!\n";
  if ($proto ne 'udp') { listen($socket, 1024) or die "listen: $!\n" }
  return $socket;
}
my @listeners;
if ($at{listen} eq 'host') { @listeners = map { listener(@$_[0 .. 2]) } @pairs }
else {
  pipe(my $told, my $tell) or die "pipe: $!\n";
  pipe(my $wait, my $let) or die "pipe: $!\n";
  my $child = fork; defined $child or die "fork: $!\n";
  if (!$child) {
    close $told; close $let;
    my $has_files = grep { $_->[0] eq 'unix' } @pairs;
    enter($at{listen}, $USER | $NET | ($has_files ? $MNT : 0));
    # the caller is nobody in there, and nobody can have no file in what the instance has mounted, such as /run; nor
    # would a descriptor be had from one who has become somebody else, but for PR_SET_DUMPABLE
    if ($has_files) { become(0, 0); syscall(${Deno.build.arch === "x86_64" ? 157 : 167}, 4, 1, 0, 0, 0) }
    my @made = map { listener(@$_[0 .. 2]) } @pairs;
    syswrite $tell, join(' ', map { fileno $_ } @made) . "\n";
    sysread $wait, my $x, 1; exit 0;
  }
  close $tell; close $wait;
  my $line = <$told>; defined $line or exit 1;
  my $pidfd = syscall(434, $child, 0);
  for my $fd (split ' ', $line) {
    my $copy = syscall(438, $pidfd, $fd + 0, 0);
    $copy >= 0 or die "pidfd_getfd: $!\n";
    open my $socket, '+<&=', $copy or die "fdopen: $!\n";
    push @listeners, $socket;
  }
  close $let; waitpid $child, 0;
}
if ($at{connect} ne 'host') {
  enter($at{connect}, $USER | $NET | (grep({ $_->[3] eq 'unix' } @pairs) ? $MNT : 0));
  become(@drop) if @drop;
}
# the end of a connection ends the wait for others
$SIG{CHLD} = sub {}; $SIG{PIPE} = 'IGNORE';
my $children = 0;
tell_waiting();
sub plain { my ($socket) = @_;
  my $flags = fcntl($socket, F_GETFL, 0); fcntl($socket, F_SETFL, $flags | O_NONBLOCK);
  setsockopt($socket, IPPROTO_TCP, TCP_NODELAY, 1);
}
sub text { my ($packed) = @_;
  my $family = sockaddr_family($packed);
  return () if $family == AF_UNIX;
  my ($port, $host) = $family == AF_INET ? unpack_sockaddr_in($packed) : unpack_sockaddr_in6($packed);
  return ($family == AF_INET ? 'TCP4' : 'TCP6', inet_ntop($family, $host), $port);
}
# targets that did not answer, with the time until which others come first; children tell of them
my %away;
pipe(my $hear, my $tell) or die "pipe: $!\n";
# whoever has others to turn to waits not longer than one packet that is sent again: the kernel alone takes a minute to
# give up on an instance that it has reached before
my ($patience, $grudge) = (1.5, 10);
sub reach { my ($target, $hurry) = @_;
  my ($family, $where) = address(@$target);
  socket(my $out, $family, SOCK_STREAM, 0) or exit 1;
  if (!$hurry) { return connect($out, $where) ? $out : undef }
  plain($out);
  return $out if connect($out, $where);
  return undef if !$!{EINPROGRESS};
  vec(my $bits = '', fileno $out, 1) = 1;
  select(undef, $bits, undef, $patience) > 0 or return undef;
  return unpack('i', getsockopt($out, SOL_SOCKET, SO_ERROR)) == 0 ? $out : undef;
}
sub serve { my ($in, $pair) = @_;
  # each connection begins with the next target, and takes another one if that is away
  my @targets = ([@$pair[3 .. 5]], @{$pair->[6]});
  my @turns = map { $targets[($turn + $_) % @targets] } 0 .. $#targets;
  my $isAway = sub { ($away{join ' ', @{$_[0]}} // 0) > time };
  my $out;
  for my $target ((grep { !$isAway->($_) } @turns), (grep { $isAway->($_) } @turns)) {
    $out = reach($target, @targets > 1) and last;
    syswrite $tell, join(' ', @$target) . "\n" if @targets > 1;
  }
  exit 1 if !defined $out;
  if ($haproxy) { my ($kind, $from, $port) = text(getpeername $in); my (undef, $to, $own) = text(getsockname $in);
    syswrite $out, defined $kind ? "PROXY $kind $from $to $port $own\r\n" : "PROXY UNKNOWN\r\n";
  }
  plain($_) for $in, $out;
  # each way: where from, where to, what waits, whether its end was read
  my @ways = ([$in, $out, '', 0], [$out, $in, '', 0]);
  while (grep { !$_->[3] or length $_->[2] } @ways) {
    my ($read, $write) = ('', '');
    for (@ways) { my ($from, $to, $held, $ended) = @$_;
      if (length $held) { vec($write, fileno $to, 1) = 1 } elsif (!$ended) { vec($read, fileno $from, 1) = 1 }
    }
    select(my $r = $read, my $w = $write, undef, undef) >= 0 or next;
    for (@ways) { my ($from, $to) = @$_;
      if (!length $_->[2] and !$_->[3] and vec($r, fileno $from, 1)) {
        my $got = sysread $from, $_->[2], 262144;
        if (!$got) { next if !defined $got and ($!{EAGAIN} or $!{EINTR}); $_->[3] = 1; shutdown $to, 1; next }
      }
      next if !length $_->[2];
      my $put = syswrite $to, $_->[2];
      if (defined $put) { $_->[2] = $put == length $_->[2] ? '' : substr $_->[2], $put }
      elsif (!$!{EAGAIN} and !$!{EINTR}) { exit 0 }
    }
  }
  exit 0;
}
# sessions of udp: one socket for each client, kept for two minutes after its last word
my (%session, %client);
sub datagram { my ($socket, $pair) = @_;
  my $peer = recv($socket, my $data, 65535, 0); defined $peer or return;
  my $key = fileno($socket) . $peer;
  my $own = $session{$key};
  if (!$own) {
    my @targets = ([@$pair[3 .. 5]], @{$pair->[6]});
    my ($family, $where) = address(@{$targets[$turn++ % @targets]});
    socket($own, $family, SOCK_DGRAM, 0) or return;
    connect($own, $where) or return;
    $session{$key} = $own; $client{fileno $own} = { key => $key, out => $own, in => $socket, peer => $peer };
  }
  $client{fileno $own}{at} = time; send $own, $data, 0;
}
while (1) {
  my $bits = '';
  $children-- while waitpid(-1, 1) > 0;
  # beyond that many they wait with the kernel: a process for each would be all that the user may have
  my $is_full = $children >= $most;
  vec($bits, fileno $_, 1) = 1 for $is_full ? () : @listeners, $hear, map { $_->{out} } values %client;
  # one that ends just now interrupts nothing
  select(my $ready = $bits, undef, undef, $is_full ? 1 : %client ? 30 : undef) >= 0 or next;
  if (vec($ready, fileno $hear, 1)) { sysread $hear, my $lines, 65536;
    $away{$_} = time + $grudge for split /\n/, $lines;
  }
  for my $index (0 .. $#listeners) { my ($socket, $pair) = ($listeners[$index], $pairs[$index]);
    next if !vec($ready, fileno $socket, 1);
    if ($pair->[0] eq 'udp') { datagram($socket, $pair); next }
    accept(my $in, $socket) or next;
    my $child = fork; next if !defined $child;
    if ($child) { $turn++; last if ++$children >= $most }
    if (!$child) { close $_ for @listeners; serve($in, $pair) }
  }
  for my $fd (keys %client) { my $one = $client{$fd};
    if (vec($ready, $fd, 1)) { my $got = recv $one->{out}, my $data, 65535, 0;
      if (defined $got) { send $one->{in}, $data, 0, $one->{peer}; $one->{at} = time }
    } elsif (time - $one->{at} > 120) { delete $session{$one->{key}}; delete $client{$fd} }
  }
}
`;

export interface RelayPair {
  listen: RelayEnd;
  connect: RelayEnd;
  /** further targets, taken in turn */
  others?: readonly RelayEnd[];
}
/** One address; of a unix socket the path is the host, and the port nothing. */
export interface RelayEnd {
  protocol: "tcp" | "udp" | "unix";
  host: string;
  port: number;
}

export interface RelayPlan {
  pairs: readonly RelayPair[];
  /** namespaces: the host's, or those of a process, by pid or by a file that holds the pid */
  listenAt: "host" | number | string;
  connectAt: "host" | number | string;
  /** owner and mode of unix sockets; without ids they are left as they are made */
  own: { uid: number | undefined; gid: number | undefined; mode: number };
  /** who connections come from, where they are made in a user namespace of its own */
  drop: { uid: number; gid: number } | undefined;
  haproxy: boolean;
}

/** The file a relay reads. @param most connections at once; more wait until one of them ends */
export function relayText(plan: RelayPlan, most = 1024): string {
  const end = ({ protocol, host, port }: RelayEnd) => [protocol, host, String(port)];
  const lines = [
    ["at", "listen", String(plan.listenAt)],
    ["at", "connect", String(plan.connectAt)],
    ["most", String(most)],
    ["own", String(plan.own.uid ?? ""), String(plan.own.gid ?? ""), plan.own.mode.toString(8)],
    ...(plan.drop === undefined ? [] : [["drop", String(plan.drop.uid), String(plan.drop.gid)]]),
    ...(plan.haproxy ? [["haproxy"]] : []),
    ...plan.pairs.flatMap(({ listen, connect, others = [] }) => [
      ["pair", ...end(listen), ...end(connect)],
      ...others.map((other) => ["other", ...end(other)]),
    ]),
  ];
  return lines.map((words) => words.join("\t")).join("\n") + "\n";
}
