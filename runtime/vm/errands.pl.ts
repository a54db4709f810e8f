// Errands: connections that programs in the guest make at /dev/lxd/sock there, carried to the socket of that name in the
// box. The agent takes them, the keeper connects; both carry them alike, each as a channel with two streams. As Perl.

/** Channels of errands begin here; those below are commands. */
const firstErrand = 0x80000000;

/** How many there may be at once. */
const most = 64;

/** Where the socket is, in the guest and in the box. */
const socketPath = "/dev/lxd/sock";

/** Subroutines for both; they want the words of frames, and `errand_says(channel, kind, payload)`. */
const carrying = String.raw`
my %errand;
sub is_errand { return $_[0] >= ${firstErrand} && $_[0] != 0xffffffff }
sub add_errand { my ($channel, $handle) = @_;
  set_nonblocking($handle);
  $errand{$channel} = { handle => $handle, out => '', credit => $credit_size, used => 0 };
}
sub end_errand { my ($channel) = @_; my $e = delete $errand{$channel} or return; close $e->{handle} }
sub end_errands { end_errand($_) for keys %errand }
sub break_errand { my ($channel) = @_; errand_says($channel, 'gone', ''); end_errand($channel) }
sub errand_takes { my ($channel, $kind, $payload) = @_;
  my $e = $errand{$channel} or return;
  if ($kind == $kind{data}) {
    $e->{out} .= substr $payload, 1;
    # nobody sends so much who keeps to his credit
    break_errand($channel) if length $e->{out} > 2 * $credit_size;
  }
  elsif ($kind == $kind{credit}) { my (undef, $bytes) = unpack 'CN', $payload; $e->{credit} += $bytes }
  elsif ($kind == $kind{end}) { $e->{heard_end} = 1 }
  elsif ($kind == $kind{gone}) { end_errand($channel) }
}
sub watch_errands { my ($reads, $writes) = @_;
  for my $e (values %errand) {
    vec($$reads, fileno $e->{handle}, 1) = 1 if !$e->{told_end} and $e->{credit} > 0;
    vec($$writes, fileno $e->{handle}, 1) = 1 if length $e->{out};
  }
}
sub step_errands { my ($reads) = @_;
  for my $channel (keys %errand) {
    my $e = $errand{$channel};
    if (!$e->{told_end} and $e->{credit} > 0 and vec($reads, fileno $e->{handle}, 1)) {
      my $n = sysread $e->{handle}, my $bytes, $e->{credit} < 32768 ? $e->{credit} : 32768;
      if ($n) { $e->{credit} -= $n; errand_says($channel, 'data', "\0$bytes") }
      elsif (defined $n) { $e->{told_end} = 1; errand_says($channel, 'end', '') }
      elsif ($! != 11 and $! != 4) { break_errand($channel); next }
    }
    my $before = length $e->{out};
    if (!push_out($e->{handle}, \$e->{out})) { break_errand($channel); next }
    $e->{used} += $before - length $e->{out};
    if ($e->{used} >= $credit_size / 4) { errand_says($channel, 'credit', pack 'CN', 0, $e->{used}); $e->{used} = 0 }
    if ($e->{heard_end} and $e->{out} eq '' and !$e->{is_shut}) { shutdown $e->{handle}, 1; $e->{is_shut} = 1 }
    end_errand($channel) if $e->{told_end} and $e->{is_shut};
  }
}
`;

/** What the agent has of it; it wants `send_out` and `$has_errands`, whether there is a socket in the box. */
export const agentErrands = carrying + String.raw`
my ($errands, $next_errand) = (undef, 0);
sub errand_says { send_out(@_) }
# an agent that was killed has left its socket; for root alone
sub open_errands {
  mkdir '/dev/lxd', 0755;
  unlink '${socketPath}';
  # AF_UNIX, SOCK_STREAM
  socket $errands, 1, 1, 0 or return;
  my $old = umask 0177;
  my $is_there = bind $errands, pack 'S a*', 1, "${socketPath}\0";
  umask $old;
  if ($is_there and listen $errands, 16) { set_nonblocking($errands) } else { undef $errands }
}
sub take_errand {
  accept my $handle, $errands or return;
  return if keys %errand >= ${most};
  my $channel = ${firstErrand} + $next_errand++ % 0x70000000;
  add_errand($channel, $handle);
  send_out($channel, 'lead', '');
}
`;

/** What the keeper has of it; it wants `$agent_out`. */
export const keeperErrands = carrying + String.raw`
sub errand_says { $agent_out .= frame(@_) }
sub hear_errand { my ($channel, $kind, $payload) = @_;
  return errand_takes($channel, $kind, $payload) if $kind != $kind{lead};
  return if $errand{$channel};
  my $is_there = keys %errand < ${most} && socket my $other, 1, 1, 0;
  if (!$is_there or !connect $other, pack 'S a*', 1, "${socketPath}\0") { return errand_says($channel, 'gone', '') }
  add_errand($channel, $other);
}
`;
