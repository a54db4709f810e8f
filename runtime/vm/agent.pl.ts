// The agent: what a virtual machine's first program leaves running in the guest. It has come with the machine's initial
// ram disk, interpreter and all, so that the guest needs nothing for it, and it takes commands over a virtio-serial
// port: each is a Perl program with its words, environment and streams, which a child of the agent becomes. The steps
// of a walker (runtime/walker.pl.ts) are such a program, so commands, files and SFTP work as in containers.

import { agentErrands } from "./errands.pl.ts";
import { frames, resyncLength } from "./frames.pl.ts";
import { agentVsock, vsockMark } from "./vsock.pl.ts";

/** Name of the virtio-serial port: LXD's, for which images have rules that start an agent. */
export const agentPort = "org.linuxcontainers.lxd";

/** Where the agent's own files lie in the initial ram disk; the guest never sees them. */
export const agentHome = "/drey";

/**
 * The loop of the agent as a subroutine, `serve_agent(handle)`: it ends when the port does. `$root` is the directory
 * that commands see as their root, or empty. `$has_errands` says whether its guest has a socket to ask at.
 */
export const agent = frames + String.raw`
my (%command, %of_pid, $port, $out, $in, $has_errands);
sub become_session { syscall($vm_call{setsid}) }
sub become_leader { become_session(); ioctl $_[0], 0x540e, 0 }
sub close_rest { syscall($vm_call{close_range}, 3, 0xffffffff, 0) }
sub send_out { $out .= frame(@_) }
${agentErrands}
${agentVsock}
sub reap_children {
  while ((my $pid = waitpid -1, 1) > 0) {
    my $channel = delete $of_pid{$pid};
    next if !defined $channel or !$command{$channel};
    $command{$channel}{status} = $? & 127 ? 128 + ($? & 127) : $? >> 8;
    $command{$channel}{ended} = time;
  }
}
sub open_terminal { my ($rows, $columns) = @_;
  sysopen my $master, '/dev/ptmx', 2 | 0400 or return;
  my $n = pack('i', 0);
  ioctl $master, 0x40045431, $n or return;
  ioctl $master, 0x80045430, $n or return;
  sysopen my $slave, '/dev/pts/' . unpack('i', $n), 2 | 0400 or return;
  my $size = pack('S4', $rows, $columns, 0, 0);
  ioctl $master, 0x5414, $size;
  return ($master, $slave);
}
sub begin { my ($channel, $payload) = @_;
  my ($mode, $env, $program, @words) = unpack '(N/a*)*', $payload;
  my ($kind, $rows, $columns, $owner) = split / /, $mode;
  my (@ours, @theirs);
  if ($kind eq 'terminal') {
    my ($master, $slave) = open_terminal($rows, $columns);
    if (!$master) { send_out($channel, 'refusal', "Cannot open a terminal in the virtual machine: $!"); return }
    chown $owner, 5, $slave;
    @ours = ($master, $master); @theirs = ($slave, $slave, $slave);
  } else {
    pipe my $in_read, my $in_write or return;
    pipe my $out_read, my $out_write or return;
    pipe my $err_read, my $err_write or return;
    @ours = ($in_write, $out_read, $err_read); @theirs = ($in_read, $out_write, $err_write);
  }
  my $pid = fork;
  if (!defined $pid) { send_out($channel, 'refusal', "Cannot begin a command in the virtual machine: $!"); return }
  if (!$pid) {
    # one descriptor above all others first, or an earlier one of them could be overwritten
    $^F = 255;
    $SIG{$_} = 'DEFAULT' for qw(PIPE HUP TERM INT CHLD);
    if ($kind eq 'terminal') { become_leader($theirs[0]) } else { become_session() }
    my @copies = map { open my $copy, '+<&', $_; $copy } @theirs;
    open STDIN, '<&', $copies[0]; open STDOUT, '>&', $copies[1]; open STDERR, '>&', $copies[2];
    close_rest();
    %ENV = split /\0/, $env, -1;
    @ARGV = @words;
    $0 = 'drey: a command';
    # what it leaves open when it becomes no other program is nobody's business
    $SIG{__WARN__} = sub { };
    chdir '/';
    eval $program;
    print STDERR $@ if $@;
    exit($@ ? 125 : 0);
  }
  set_nonblocking($_) for @ours;
  $of_pid{$pid} = $channel;
  my %new = (pid => $pid, kind => $kind, input => $ours[0], waiting => '', streams => {}, used => 0);
  for my $number (1, 2) { $new{streams}{$number} = { handle => $ours[$number], credit => $credit_size } if $ours[$number] }
  $command{$channel} = \%new;
}
sub set_time { my ($time) = @_;
  my $spec = pack 'q q', int $time, ($time - int $time) * 1e9;
  syscall($vm_call{clock_settime}, 0, $spec);
}
# what the kernel remembers of files that nobody uses keeps them open on the host; 4 is for no line in its log
sub forget_files {
  defined(my $pid = fork) or return;
  return if $pid;
  for my $what (4, 2) { if (open my $file, '>', '/proc/sys/vm/drop_caches') { syswrite $file, $what } }
  # nothing of the agent's is to be done at its end
  kill 9, $$;
}
sub take { my ($channel, $kind, $payload) = @_;
  if (is_errand($channel)) { return errand_takes($channel, $kind, $payload) }
  if ($kind == $kind{open}) { return begin($channel, $payload) }
  if ($kind == $kind{lead}) { return hear_offer($payload) }
  if ($kind == $kind{power}) { return $payload eq 'forget' ? forget_files() : power($payload) }
  # whoever gave commands is gone, and time has passed: the machine goes on from its memory
  if ($kind == $kind{hello}) { set_time($payload); kill 1, -$_->{pid} for values %command; exit 0 }
  my $c = $command{$channel} or return;
  if ($kind == $kind{data}) { $c->{waiting} .= substr $payload, 1 }
  elsif ($kind == $kind{end}) { $c->{no_more} = 1 }
  elsif ($kind == $kind{credit}) {
    my ($number, $bytes) = unpack 'CN', $payload;
    $c->{streams}{$number}{credit} += $bytes if $c->{streams}{$number};
  }
  elsif ($kind == $kind{signal}) { my $n = unpack 'N', $payload; kill $n, $c->{kind} eq 'terminal' ? -$c->{pid} : $c->{pid} if !defined $c->{status} }
  elsif ($kind == $kind{size}) {
    my $size = pack 'S4', unpack('nn', $payload), 0, 0;
    ioctl $c->{input}, 0x5414, $size if $c->{input};
  }
  elsif ($kind == $kind{gone}) {
    kill 1, -$c->{pid}; kill 9, -$c->{pid} if $c->{kind} ne 'terminal';
    delete $command{$channel};
  }
}
sub feed { my ($channel, $c) = @_;
  return if !$c->{input};
  my $before = length $c->{waiting};
  my $alive = push_out($c->{input}, \$c->{waiting});
  $c->{waiting} = '' if !$alive;
  my $used = $before - length $c->{waiting};
  $c->{used} += $used;
  if ($c->{used} >= $credit_size / 4) { send_out($channel, 'credit', pack 'CN', 0, $c->{used}); $c->{used} = 0 }
  if ($c->{no_more} and $c->{waiting} eq '' and $c->{kind} ne 'terminal') { close $c->{input}; delete $c->{input} }
}
sub drain { my ($channel, $c, $number) = @_;
  my $stream = $c->{streams}{$number};
  my $most = $stream->{credit} < 32768 ? $stream->{credit} : 32768;
  my $n = sysread $stream->{handle}, my $bytes, $most;
  return if !defined $n and ($! == 11 or $! == 4);
  if (!$n) { delete $c->{streams}{$number}; send_out($channel, 'end', pack 'C', $number); return }
  $stream->{credit} -= $n;
  # what is in pipes when it ends comes, and no more of what goes on without it
  if (defined $c->{status} and ($c->{late} += $n) <= 2097152) { ($c->{ended}, $c->{idle}) = (time, 0) }
  send_out($channel, 'data', pack('C', $number) . $bytes);
}
# whether there may be output that nobody takes yet
sub is_held { my ($c) = @_; return length $out >= $credit_size || grep { $_->{credit} <= 0 } values %{ $c->{streams} } }
# a command is over when it has ended and nothing comes any more; what it left behind may keep its output open
sub finish { my ($channel, $c) = @_;
  return if !defined $c->{status};
  if (is_held($c)) { ($c->{ended}, $c->{idle}) = (time, 0); return }
  return if %{ $c->{streams} } and time - $c->{ended} < 2 and !$c->{quiet};
  send_out($channel, 'exit', pack 'N', $c->{status});
  delete $command{$channel};
}
sub serve_agent { ($port) = @_;
  (%command, %of_pid) = ();
  set_nonblocking($port);
  forget_vsock();
  my $nonce = join('', map { sprintf '%08x', rand 0xffffffff } 1 .. 4) . '${vsockMark}';
  $out = ("\0" x ${resyncLength}) . frame(0xffffffff, 'hello', $nonce);
  $in = '';
  my $welcome = "welcome $nonce\n";
  my ($is_welcome, $in_sync) = (0, 0);
  $SIG{PIPE} = 'IGNORE'; $SIG{CHLD} = sub { };
  open_errands() if $has_errands;
  for (;;) {
    my ($reads, $writes) = ('', '');
    my $heard = $hears_fast ? $fast : $port;
    vec($reads, fileno $heard, 1) = 1 if length $out < 4 * $credit_size;
    vec($reads, fileno $offer{handle}, 1) = 1 if $offer{handle};
    vec($writes, fileno($fast || $port), 1) = 1 if length $out;
    vec($writes, fileno $port, 1) = 1 if length $rest;
    my $soon = 0;
    for my $c (values %command) {
      vec($writes, fileno $c->{input}, 1) = 1 if $c->{input} and length $c->{waiting};
      if (length $out < $credit_size) {
        for (values %{ $c->{streams} }) { vec($reads, fileno $_->{handle}, 1) = 1 if $_->{credit} > 0 }
      }
      $soon = 1 if defined $c->{status};
    }
    vec($reads, fileno $errands, 1) = 1 if $errands and $is_welcome;
    watch_errands(\$reads, \$writes) if length $out < $credit_size;
    # a child may end just before the wait begins, unheard
    my $ready = select($reads, $writes, undef, $soon ? 0.02 : awaits_vsock() ? 0.2 : %command ? 1 : 3600);
    reap_children();
    hear_welcome() if $ready > 0 and $offer{handle} and vec($reads, fileno $offer{handle}, 1);
    if ($ready > 0 and vec($reads, fileno $heard, 1)) {
      my $n = sysread $heard, $in, 65536, length $in;
      # at a serial port nobody at the other end reads as an end; it is asked again
      if (!$n) { return if defined $n ? $hears_fast : $! != 11 && $! != 4; select undef, undef, undef, 0.2 if defined $n }
      else {
        # the kernel gives a page at a time
        for (my $more = 64; $n and $more > 0; $more--) { $n = sysread $heard, $in, 65536, length $in }
        if (!$is_welcome and (my $at = index $in, $welcome) >= 0) { $is_welcome = 1; substr($in, 0, $at + length $welcome) = '' }
        while ($is_welcome) {
          if ($in_sync) { $in =~ s/^\0+//; last if $in eq ''; $in_sync = 0 }
          my @frame = take_frame(\$in) or last;
          if ($frame[1] == 0) { $in_sync = 1 } else { take(@frame) }
        }
      }
    }
    for my $channel (keys %command) {
      my $c = $command{$channel};
      feed($channel, $c);
      if ($ready > 0) { for my $number (keys %{ $c->{streams} }) {
        drain($channel, $c, $number) if vec($reads, fileno $c->{streams}{$number}{handle}, 1);
      } }
      $c->{quiet} = defined $c->{status} && $c->{idle}++ > 3 && $ready <= 0;
      finish($channel, $c);
    }
    if ($ready > 0) {
      take_errand() if $errands and vec($reads, fileno $errands, 1);
      step_errands($reads);
    }
    try_vsock();
    push_out($port, \$rest) or return;
    push_out($fast || $port, \$out) or return;
  }
}
`;
