// The keeper: process 1 of the box that a virtual machine runs in, as Perl. It starts the machine and its helpers, and
// ends when the machine does, with the status a container's init would have; its end takes everything else along. At
// its door, a socket, it takes commands for the agent in the guest and leads to the machine's own sockets.

import { frames } from "./frames.pl.ts";

/** Statuses that the keeper ends with; runtime/run_files.ts says what they mean. */
export const ends = { reboot: 129, powerOff: 130 } as const;

/** Where the machine's sockets are in the box. */
export const socketDirectory = "/run/drey";

const numbers = {
  x86_64: { setsid: 112, signalfd4: 289, rt_sigprocmask: 14, close_range: 436, prctl: 157 },
  aarch64: { setsid: 157, signalfd4: 74, rt_sigprocmask: 135, close_range: 436, prctl: 167 },
};

const calls = (arch: "x86_64" | "aarch64") =>
  `my %nr = (${Object.entries(numbers[arch]).map(([name, number]) => `${name} => ${number}`).join(", ")});\n`;

/** The program; its one argument is a file with lines of words, see runtime/vm/machine.ts. */
export function keeper(arch: "x86_64" | "aarch64" = Deno.build.arch): string {
  return frames + calls(arch) + body;
}

const body = String.raw`
my ($spec) = @ARGV;
my (@prepare, @helpers, @cards, @machine, %setting);
open my $lines, '<', $spec or die "Cannot read $spec: $!\n";
while (my $line = <$lines>) {
  chomp $line;
  my ($what, @words) = map { s/%([0-9a-f]{2})/chr hex $1/ger } split /\t/, $line, -1;
  if ($what eq 'prepare' or $what eq 'plain') { push @prepare, [$what, @words] }
  elsif ($what eq 'helper') { push @helpers, \@words }
  elsif ($what eq 'card') { push @cards, @words }
  elsif ($what eq 'machine') { @machine = @words }
  elsif ($what eq 'set') { $setting{$words[0]} = $words[1] }
}
close $lines;
$0 = 'drey: keeper of a virtual machine';
sub fail { print STDERR "@_\n"; exit 1 }
# CHLD, INT, TERM and PWR are read from a descriptor: nothing is missed between two looks
my $mask = pack 'Q', 1 << 16 | 1 << 1 | 1 << 14 | 1 << 29;
my $none = pack 'Q', 0;
syscall($nr{rt_sigprocmask}, 0, $mask, 0, 8) >= 0 or fail("rt_sigprocmask(2): $!");
my $signal_fd = syscall($nr{signalfd4}, -1, $mask, 8, 04000 | 02000000);
$signal_fd >= 0 or fail("signalfd4(2): $!");
open my $signals, '+<&=', $signal_fd or fail("signalfd: $!");
$SIG{PIPE} = 'IGNORE';
open my $door, '+<&=', 3 or fail("the door: $!");
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
my %helper;
mkdir '${socketDirectory}', 0700;
# an interface that counts checksums and cuts large frames itself: ethtool's ETHTOOL_STXCSUM, SIOCETHTOOL
sub make_plain { my ($name) = @_;
  my $value = pack 'L2', 0x17, 0;
  my $request = pack 'a16 P x16', $name, $value;
  socket my $any, 2, 2, 0 or fail("socket(2): $!");
  ioctl $any, 0x8946, $request or fail("interface $name: $!");
}
# the box hands frames on and has no business of its own on any network
for my $which (qw(all default)) { if (open my $file, '>', "/proc/sys/net/ipv6/conf/$which/disable_ipv6") { print $file 1 } }
for (@prepare) {
  my ($what, @words) = @$_;
  if ($what eq 'plain') { make_plain(@words); next }
  my $pid = start([], @words);
  waitpid $pid, 0;
  fail("@words: status " . ($? >> 8)) if $?;
}
for (@helpers) {
  my ($socket, @argv) = @$_;
  my $pid = start([], @argv);
  $helper{$pid} = $argv[0];
  for (my $tries = 0; !-S $socket; $tries++) {
    fail("$argv[0] ended at once") if waitpid($pid, 1) == $pid;
    fail("$argv[0] does not listen") if $tries > 1000;
    select undef, undef, undef, 0.01;
  }
}
sub pair { my ($name) = @_;
  # AF_UNIX, SOCK_STREAM
  socketpair my $own, my $other, 1, 1, 0 or fail("socketpair(2): $!");
  return ($own, $other);
}
my %given;
sub carry { my ($from, $to) = @_;
  my $pid = fork;
  fail("fork(2): $!") if !defined $pid;
  if ($pid) { $helper{$pid} = 'a relay of a network card'; return }
  $0 = 'drey: relay of a network card';
  syscall($nr{rt_sigprocmask}, 2, $none, 0, 8);
  close $_ for values %given;
  # a frame that cannot be sent is lost, as on any cable
  for (;;) { my $n = sysread $from, my $frame, 70000; defined $n ? syswrite $to, $frame : select undef, undef, undef, 0.1 }
}
for my $name (@cards) {
  # whole frames as they are on the cable: packet(7), AF_PACKET, SOCK_RAW, ETH_P_ALL
  socket my $card, 17, 3, unpack('S', pack 'n', 3) or fail("packet(7): $!");
  my $request = pack 'a16 x24', $name;
  ioctl $card, 0x8933, $request or fail("interface $name: $!");
  my $index = unpack 'x16 i', $request;
  bind $card, pack('S n i x12', 17, 3, $index) or fail("bind(2) to $name: $!");
  # not what it has sent itself: PACKET_IGNORE_OUTGOING
  setsockopt $card, 263, 23, pack('i', 1);
  # QEMU takes frames from sockets of the unix domain alone, so two processes carry them, one each way
  socketpair my $own, my $other, 1, 2, 0 or fail("socketpair(2): $!");
  $given{"card-$name"} = $other;
  carry($own, $card); carry($card, $own);
}
my ($qmp, $qmp_other) = pair();
my ($agent, $agent_other) = pair();
@given{qw(qmp agent)} = ($qmp_other, $agent_other);
my @argv = map { s/\{fd:([^}]+)\}/fileno $given{$1}/ger } @machine;
my $machine = start([values %given], @argv);
close $_ for values %given;
%given = ();
set_nonblocking($_) for $qmp, $agent, $door;
my ($qmp_in, $qmp_out, $is_ready) = ('', '', 0);
my ($agent_in, $agent_out, $is_there, $in_sync) = ('', '', 0, 0);
my $reason = '';
my $began = time;
my ($next_channel, %client, %asked) = (1);
sub order { $qmp_out .= qq({"execute":"$_[0]"}\n) }
my $wanted = '';
sub stop_machine { my ($how) = @_;
  $wanted = $how;
  if ($is_there) { $agent_out .= frame(0xffffffff, 'power', $how); return }
  order($how eq 'off' ? 'system_powerdown' : 'system_reset');
}
sub finish { my ($status) = @_;
  # an init that has ended makes the kernel reset the machine
  $reason = 'guest-shutdown' if $reason eq 'guest-reset' and $wanted eq 'off';
  my $code = $reason eq 'guest-reset' ? ${ends.reboot}
    : $reason eq 'guest-shutdown' ? ${ends.powerOff}
    : $reason =~ /^host/ ? 0
    : $status & 127 ? 128 + ($status & 127) : $status >> 8 || 1;
  # whatever the guest has written is whole
  unlink $setting{mark} if $status == 0 and defined $setting{mark};
  exit $code;
}
sub hear_signals {
  while (sysread $signals, my $info, 128) {
    my $number = unpack 'L', $info;
    if ($number == 17) {
      while ((my $pid = waitpid -1, 1) > 0) {
        finish($?) if $pid == $machine;
        my $name = delete $helper{$pid} or next;
        print STDERR "$name has ended, and the machine with it\n";
        kill 9, $machine;
      }
    } else { stop_machine('off') }
  }
}
sub hear_qmp {
  my $n = sysread $qmp, my $bytes, 65536;
  return if !defined $n or !$n;
  $qmp_in .= $bytes;
  while ($qmp_in =~ s/^([^\n]*)\n//) {
    my $line = $1;
    if ($line =~ /"QMP":/) { order('qmp_capabilities') }
    elsif ($line =~ /"return":/ and !$is_ready) { $is_ready = 1; tell_ready($_) for values %asked; %asked = () }
    elsif ($line =~ /"event":\s*"SHUTDOWN"/) { $reason = $1 if $line =~ /"reason":\s*"([^"]+)"/ }
  }
}
sub tell_ready { my ($c) = @_; $c->{out} .= frame(0, 'hello', $is_there ? 'agent' : 'machine') }
sub drop { my ($c) = @_;
  $agent_out .= frame($c->{channel}, 'gone', '') if $c->{begun} and $is_there;
  delete $client{$c->{channel}}; delete $asked{$c->{channel}};
  close $c->{handle}; close $c->{other} if $c->{other};
}
sub refuse { my ($c, $why) = @_; $c->{out} .= frame(0, 'refusal', $why); $c->{ending} = 1 }
sub begin { my ($c) = @_;
  $c->{begun} = 1;
  $agent_out .= frame($c->{channel}, 'open', delete $c->{open});
}
my $no_agent = 'The agent in the virtual machine does not answer: it has not started yet, or not at all';
sub take_from_client { my ($c, $kind, $payload) = @_;
  if ($kind == $kind{hello}) { $is_ready ? tell_ready($c) : ($asked{$c->{channel}} = $c) }
  elsif ($kind == $kind{power}) { stop_machine($payload); tell_ready($c) }
  elsif ($kind == $kind{open}) { $c->{open} = $payload; begin($c) if $is_there }
  elsif ($kind == $kind{lead}) {
    socket my $other, 1, 1, 0 or return refuse($c, "socket(2): $!");
    $payload =~ /^[a-z]+$/ and connect $other, pack 'S a*', 1, "${socketDirectory}/$payload\0"
      or return refuse($c, "The virtual machine has no socket $payload");
    set_nonblocking($other);
    $c->{other} = $other; $c->{to_other} = '';
    $c->{out} .= frame(0, 'lead', '');
  }
  elsif ($c->{begun}) { $agent_out .= pack('NCN', $c->{channel}, $kind, length $payload) . $payload }
  else { push @{ $c->{early} }, [$kind, $payload] }
}
sub hear_client { my ($c) = @_;
  my $n = sysread $c->{handle}, my $bytes, 131072;
  if (!$n) { return if !defined $n and ($! == 11 or $! == 4); return drop($c) }
  if ($c->{other}) { $c->{to_other} .= $bytes; return }
  $c->{in} .= $bytes;
  while (my ($channel, $kind, $payload) = take_frame(\$c->{in})) {
    take_from_client($c, $kind, $payload);
    if ($c->{other}) { $c->{to_other} = $c->{in}; last }
  }
}
sub hear_other { my ($c) = @_;
  my $n = sysread $c->{other}, my $bytes, 65536;
  if (!$n) { return if !defined $n and $! == 11; $c->{ending} = 1; return }
  $c->{out} .= $bytes;
}
sub greet { my ($nonce) = @_;
  # whoever was under way is heard of no more
  refuse($_, 'The agent in the virtual machine has been started anew') for grep { $_->{begun} } values %client;
  $_->{begun} = 0 for values %client;
  $agent_out = "welcome $nonce\n";
  $is_there = 1;
  for my $c (grep { defined $_->{open} } values %client) { begin($c); flush_early($c) }
}
sub flush_early { my ($c) = @_;
  $agent_out .= pack('NCN', $c->{channel}, $_->[0], length $_->[1]) . $_->[1] for @{ delete $c->{early} || [] };
}
sub hear_agent {
  my $n = sysread $agent, my $bytes, 262144;
  return if !$n;
  $agent_in .= $bytes;
  for (;;) {
    if ($in_sync) { $agent_in =~ s/^\0+//; return if $agent_in eq ''; $in_sync = 0 }
    my ($channel, $kind, $payload) = take_frame(\$agent_in) or return;
    if ($kind == 0) { $in_sync = 1; next }
    if ($kind == $kind{hello}) { greet($payload); next }
    my $c = $client{$channel} or next;
    $c->{out} .= pack('NCN', 0, $kind, length $payload) . $payload;
    if ($kind == $kind{exit} or $kind == $kind{refusal}) { $c->{begun} = 0; $c->{ending} = 1 }
  }
}
for (;;) {
  my ($reads, $writes) = ('', '');
  vec($reads, fileno $_, 1) = 1 for $signals, $qmp, $agent, $door;
  vec($writes, fileno $qmp, 1) = 1 if length $qmp_out;
  vec($writes, fileno $agent, 1) = 1 if length $agent_out;
  my $waiting = 0;
  for my $c (values %client) {
    vec($reads, fileno $c->{handle}, 1) = 1 if !$c->{other} or length $c->{to_other} < 262144;
    vec($writes, fileno $c->{handle}, 1) = 1 if length $c->{out} or $c->{ending};
    if ($c->{other}) {
      vec($reads, fileno $c->{other}, 1) = 1 if length $c->{out} < 262144;
      vec($writes, fileno $c->{other}, 1) = 1 if length $c->{to_other};
    }
    $waiting = 1 if defined $c->{open};
  }
  my $ready = select($reads, $writes, undef, $waiting ? 1 : undef);
  if ($waiting and !$is_there and time - $began > $setting{patience}) {
    for (values %client) { refuse($_, $no_agent) if defined delete $_->{open} }
  }
  next if $ready <= 0;
  hear_signals() if vec($reads, fileno $signals, 1);
  hear_qmp() if vec($reads, fileno $qmp, 1);
  hear_agent() if vec($reads, fileno $agent, 1);
  if (vec($reads, fileno $door, 1) and accept my $handle, $door) {
    set_nonblocking($handle);
    my $channel = $next_channel++;
    $client{$channel} = { channel => $channel, handle => $handle, in => '', out => '' };
  }
  for my $c (values %client) {
    my ($handle, $other) = @$c{qw(handle other)};
    hear_client($c) if vec($reads, fileno $handle, 1);
    next if !$client{$c->{channel}};
    hear_other($c) if $other and vec($reads, fileno $other, 1);
    my $alive = push_out($handle, \$c->{out});
    $alive = push_out($other, \$c->{to_other}) if $alive and $other;
    drop($c) if !$alive or $c->{ending} and !length $c->{out};
  }
  push_out($qmp, \$qmp_out);
  push_out($agent, \$agent_out);
}
`;
