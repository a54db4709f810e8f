// What the keeper of a virtual machine does in its box before and beside the machine, as Perl: commands, servers of
// directories, and NICs for which no tap device can be had.

/** Where the machine's sockets are in the box. */
export const socketDirectory = "/run/drey";

/** Subroutines; they want `%nr`, `$none`, `%helper`, `fail` and `watch_files`. */
export const keeperBox = String.raw`
sub start { my ($keep, @argv) = @_;
  my $pid = fork;
  fail("fork(2): $!") if !defined $pid;
  return $pid if $pid;
  syscall($nr{rt_sigprocmask}, 2, $none, 0, 8);
  $SIG{PIPE} = 'DEFAULT';
  open STDOUT, '>&', \*STDERR;
  # what it is to have stays open, all else is closed on exec
  for my $handle (@$keep) { fcntl $handle, 2, 0 }
  exec { $argv[0] } @argv;
  print STDERR "Cannot run $argv[0]: $!\n";
  exit 127;
}
# an interface that counts checksums and cuts large frames itself: ethtool's ETHTOOL_STXCSUM, SIOCETHTOOL
sub make_plain { my ($name) = @_;
  my $value = pack 'L2', 0x17, 0;
  my $request = pack 'a16 P x16', $name, $value;
  socket my $any, 2, 2, 0 or die "socket(2): $!\n";
  ioctl $any, 0x8946, $request or die "interface $name: $!\n";
}
sub run_helper { my ($socket, @argv) = @_;
  # one that served before has left its socket
  unlink $socket;
  my $pid = start([], @argv);
  for (my $tries = 0; !-S $socket; $tries++) {
    die "$argv[0] ended at once\n" if waitpid($pid, 1) == $pid;
    die "$argv[0] does not listen\n" if $tries > 6000;
    select undef, undef, undef, 0.01;
  }
  ($helper{$pid}) = grep { m{^/} and !m{/setpriv$} } @argv;
  watch_files($pid) if $argv[0] =~ /virtiofsd$/;
  push @{ $helper_at{$socket} }, $pid;
}
sub carry { my ($from, $to, $path, $peer) = @_;
  my $pid = fork;
  die "fork(2): $!\n" if !defined $pid;
  if ($pid) { $helper{$pid} = 'a relay of a NIC'; push @{ $helper_at{$path} }, $pid; return }
  $0 = 'drey: relay of a NIC';
  syscall($nr{rt_sigprocmask}, 2, $none, 0, 8);
  # nothing else of the keeper's is to stay open here
  for my $fd (3 .. 255) { syscall($nr{close}, $fd) if $fd != fileno $from and $fd != fileno $to }
  # a frame that cannot be sent is lost, as on any cable
  for (;;) {
    my $n = sysread $from, my $frame, 70000;
    if (!defined $n) { select undef, undef, undef, 0.1; next }
    $peer ? send $to, $frame, 0, $peer : syswrite $to, $frame;
  }
}
# whole frames as they are on the cable: packet(7), AF_PACKET, SOCK_RAW, ETH_P_ALL
sub open_nic { my ($name, $path) = @_;
  socket my $nic, 17, 3, unpack('S', pack 'n', 3) or die "packet(7): $!\n";
  my $request = pack 'a16 x24', $name;
  ioctl $nic, 0x8933, $request or die "interface $name: $!\n";
  my $index = unpack 'x16 i', $request;
  bind $nic, pack('S n i x12', 17, 3, $index) or die "bind(2) to $name: $!\n";
  # not what it has sent itself: PACKET_IGNORE_OUTGOING
  setsockopt $nic, 263, 23, pack('i', 1);
  # QEMU takes frames from sockets of the unix domain alone, so two processes carry them, one each way
  socket my $own, 1, 2, 0 or die "socket(2): $!\n";
  unlink "$path.peer";
  bind $own, pack('S a*', 1, "$path.peer\0") or die "bind(2) to $path: $!\n";
  carry($own, $nic, $path); carry($nic, $own, $path, pack 'S a*', 1, "$path\0");
}
sub run_line { my ($what, @words) = @_;
  # sched_setaffinity(2), of one thread
  if ($what eq 'pin') {
    my ($thread, @cpus) = @words;
    my $mask = '';
    vec($mask, $_, 1) = 1 for @cpus;
    syscall($nr{sched_setaffinity}, $thread + 0, length $mask, $mask) >= 0
      or die "sched_setaffinity(2) to @cpus: $!\n";
    return;
  }
  if ($what eq 'plain') { return make_plain(@words) }
  if ($what eq 'nic') { return open_nic(@words) }
  if ($what eq 'helper') { return run_helper(@words) }
  # they may end, and the machine stays
  if ($what eq 'forget' or $what eq 'end') {
    my @pids = @{ delete $helper_at{"${socketDirectory}/$words[0]"} || [] };
    delete @helper{@pids};
    kill 9, @pids if $what eq 'end';
    return;
  }
  my $pid = start([], @words);
  waitpid $pid, 0;
  die "@words: status " . ($? >> 8) . "\n" if $?;
}
`;
