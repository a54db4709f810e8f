// The keeper: process 1 of the box that a virtual machine runs in, as Perl. It starts the machine and its helpers, and
// ends when the machine does, with the status a container's init would have; its end takes everything else along. At
// its door, a socket, it takes commands for the agent in the guest and leads to the machine's own sockets.

import { keeperAgent } from "./keeper_agent.pl.ts";
import { keeperErrands } from "./errands.pl.ts";
import { frames, resyncLength } from "./frames.pl.ts";
import { keeperBox, socketDirectory } from "./keeper_box.pl.ts";
import { keeperFiles } from "./keeper_files.pl.ts";
import { keeperKeeping } from "./keeper_keeping.pl.ts";
import { keeperMachine } from "./keeper_machine.pl.ts";
import { keeperVsock } from "./vsock.pl.ts";

/** Statuses that the keeper ends with; runtime/run_files.ts says what they mean. */
export const ends = { reboot: 129, powerOff: 130 } as const;

const numbers = {
  x86_64: {
    setsid: 112,
    signalfd4: 289,
    rt_sigprocmask: 14,
    close: 3,
    fsync: 74,
    gettimeofday: 96,
    prlimit: 302,
    sched_setaffinity: 203,
  },
  aarch64: {
    setsid: 157,
    signalfd4: 74,
    rt_sigprocmask: 135,
    close: 57,
    fsync: 82,
    gettimeofday: 169,
    prlimit: 261,
    sched_setaffinity: 122,
  },
};

const calls = (arch: "x86_64" | "aarch64") =>
  `my %nr = (${Object.entries(numbers[arch]).map(([name, number]) => `${name} => ${number}`).join(", ")});\n`;

/** The program; its one argument is a file with lines of words, see runtime/vm/machine.ts. */
export function keeper(arch: "x86_64" | "aarch64" = Deno.build.arch): string {
  return frames + calls(arch) + begin + keeperErrands + keeperFiles + keeperBox + keeperMachine +
    keeperVsock + keeperKeeping + body;
}

const begin = String.raw`
my ($spec) = @ARGV;
my (@lines, @plugs, @own, @machine, @other_lines, @other_machine, %setting, %vsock, %helper, %helper_at);
# lines of words as runtime/steps.ts writes them
sub words_of { my ($line) = @_; chomp $line; return map { s/%([0-9a-f]{2})/chr hex $1/ger } split /\t/, $line, -1 }
open my $lines, '<', $spec or die "Cannot read $spec: $!\n";
while (my $line = <$lines>) {
  my ($what, @words) = words_of($line);
  if ($what eq 'machine') { @machine = @words }
  elsif ($what eq 'plug') { push @plugs, [@words] }
  elsif ($what eq 'vsock') { @vsock{qw(cid device)} = @words }
  elsif ($what eq 'own') { push @own, [@words] }
  # where its memory cannot be used
  elsif ($what eq 'other') { $words[0] eq 'machine' ? @other_machine = @words[1 .. $#words] : push @other_lines, [@words] }
  elsif ($what eq 'set') { $setting{$words[0]} = $words[1] }
  else { push @lines, [$what, @words] }
}
close $lines;
$0 = 'drey: keeper of a virtual machine';
my $resync_length = ${resyncLength};
# lost: what comes from the agent is nothing that begins or ends anywhere
my ($agent_in, $agent_out, $is_there, $in_sync, $is_lost, $died) = ('', '', 0, 0, 0);
sub fail { print STDERR "@_\n"; exit 1 }
sub now { my $time = "\0" x 16; syscall($nr{gettimeofday}, $time, 0); my ($s, $us) = unpack 'q q', $time; return $s + $us / 1e6 }
# CHLD, INT, TERM and PWR are read from a descriptor: nothing is missed between two looks
my $mask = pack 'Q', 1 << 16 | 1 << 1 | 1 << 14 | 1 << 29;
my $none = pack 'Q', 0;
syscall($nr{rt_sigprocmask}, 0, $mask, 0, 8) >= 0 or fail("rt_sigprocmask(2): $!");
my $signal_fd = syscall($nr{signalfd4}, -1, $mask, 8, 04000 | 02000000);
$signal_fd >= 0 or fail("signalfd4(2): $!");
open my $signals, '+<&=', $signal_fd or fail("signalfd: $!");
$SIG{PIPE} = 'IGNORE';
open my $door, '+<&=', 3 or fail("the door: $!");
set_nonblocking($door);
mkdir '${socketDirectory}', 0700;
# the box hands frames on and has no business of its own on any network
for my $which (qw(all default)) { if (open my $file, '>', "/proc/sys/net/ipv6/conf/$which/disable_ipv6") { print $file 1 } }
`;

const body = String.raw`
raise_limit();
eval { run_line(@$_); 1 } or fail($@ =~ s/\n$//r) for @lines;
run_machine();
my ($next_channel, %client, %asked) = (1);
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
        if ($pid == $machine) { my $status = $?; is_begun_anew() or finish($status); next }
        my $name = delete $helper{$pid} or next;
        print STDERR "$name has ended, and the machine with it\n";
        kill 9, $machine;
      }
    } else { stop_machine('off') }
  }
}
sub tell_ready { my ($c) = @_; $c->{out} .= frame(0, 'hello', $is_there ? 'agent' : $is_stale ? 'stale' : 'machine') }
sub told_ready { tell_ready($_) for values %asked; %asked = () }
sub drop { my ($c) = @_;
  undef $keeps if $keeps and $keeps == $c;
  # nobody waits for the memory any more: the machine goes on, whenever that is heard
  if ($saving{client} and $saving{client} == $c) {
    $saving{error} ||= 'nobody waits for it';
    order('migrate_cancel') if !$saving{status};
  }
  $agent_out .= frame($c->{channel}, 'gone', '') if $c->{begun} and $is_there;
  delete $client{$c->{channel}}; delete $asked{$c->{channel}};
  close $c->{handle}; close $c->{other} if $c->{other};
}
sub refuse { my ($c, $why) = @_; $c->{out} .= frame(0, 'refusal', $why); $c->{ending} = 1 }
sub begin { my ($c) = @_;
  $c->{begun} = 1;
  $agent_out .= frame($c->{channel}, 'open', delete $c->{open});
}
my $no_agent = 'The agent in the virtual machine does not answer: it has ended, or has not started yet';
sub take_from_client { my ($c, $kind, $payload) = @_;
  if ($kind == $kind{hello}) { $is_ready ? tell_ready($c) : ($asked{$c->{channel}} = $c) }
  elsif ($kind == $kind{power}) { stop_machine($payload); tell_ready($c) }
  elsif ($kind == $kind{open}) { $c->{open} = $payload; begin($c) if $is_there }
  elsif ($kind == $kind{do}) {
    eval { run_line(words_of($_)) for split /\n/, $payload; 1 } or return refuse($c, $@ =~ s/\n$//r);
    tell_ready($c);
  }
  elsif ($kind == $kind{save}) {
    if ($moving or $taking or $payload eq '' and $is_told || $is_ready && $setting{load}) { return refuse($c, 'The memory of the virtual machine is in use') }
    if ($payload eq '') { $keeps = $c } else { save($c, $payload) }
  }
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
${keeperAgent}for (;;) {
  my ($reads, $writes) = ('', '');
  my $heard = $hears_fast ? $fast : undef;
  # an agent that takes nothing is heard no further, nor are those who send something to it
  my $is_flooded = length $agent_out > 64 * $credit_size;
  vec($reads, fileno $_, 1) = 1
    for $signals, $qmp, $door, grep { $_ } $saving{listener}, $is_flooded ? () : ($agent, $heard), @vsock{qw(listener new)};
  vec($reads, fileno $saving{from}, 1) = 1 if $saving{from} and ($saving{error} or length $saving{client}{out} < 2097152);
  vec($writes, fileno $qmp, 1) = 1 if length $qmp_out;
  vec($writes, fileno($heard || $agent), 1) = 1 if length $agent_out;
  vec($writes, fileno $agent, 1) = 1 if length $serial_rest;
  watch_errands(\$reads, \$writes) if length $agent_out < 4 * $credit_size;
  my $waiting = $keeps ? 1 : 0;
  for my $c (values %client) {
    vec($reads, fileno $c->{handle}, 1) = 1 if $c->{other} ? length $c->{to_other} < 262144 : !$is_flooded || !$c->{begun};
    vec($writes, fileno $c->{handle}, 1) = 1 if length $c->{out} or $c->{ending};
    if ($c->{other}) {
      vec($reads, fileno $c->{other}, 1) = 1 if length $c->{out} < 262144;
      vec($writes, fileno $c->{other}, 1) = 1 if length $c->{to_other};
    }
    $waiting = 1 if defined $c->{open};
  }
  my $ready = select($reads, $writes, undef, $taking || @waits_back ? 0.1 : $waiting ? 1 : look_at_files());
  step_taking();
  if ($waiting and !$is_there and !$taking and !$moving and (defined $died ? time - $died > 2 : time - $began > $setting{patience})) {
    for (values %client) { refuse($_, $no_agent) if defined delete $_->{open} }
  }
  if ($keeps and time - $began > $setting{patience}) { refuse($keeps, $no_agent); undef $keeps }
  next if $ready <= 0;
  hear_signals() if vec($reads, fileno $signals, 1);
  hear_qmp() if vec($reads, fileno $qmp, 1);
  # an agent that has ended may have been the one before
  hear_agent($fast) if $heard and $fast and vec($reads, fileno $fast, 1);
  hear_agent($agent) if vec($reads, fileno $agent, 1);
  hear_vsock($reads);
  if ($saving{listener} and vec($reads, fileno $saving{listener}, 1)) {
    accept $saving{from}, $saving{listener};
    close delete $saving{listener};
  }
  elsif ($saving{from} and vec($reads, fileno $saving{from}, 1)) { take_memory() }
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
  step_errands($reads);
  push_out($qmp, \$qmp_out);
  push_out($agent, \$serial_rest);
  push_out($hears_fast ? $fast : $agent, \$agent_out) or $hears_fast && agent_gone($another);
}
`;
