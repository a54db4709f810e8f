// What the keeper of a virtual machine hears from the agent in the guest, and what it makes of its coming and going, as
// Perl.

import { notWaitingWord, waitingWord } from "./frames.pl.ts";
import { vsockMark } from "./vsock.pl.ts";

/** Subroutines in the middle of the keeper's, which have its clients and errands. */
export const keeperAgent = String.raw`
# an agent whose end is seen at once has another after it, in so many seconds
my $another = 30;
sub greet { my ($nonce) = @_;
  # whoever was under way is heard of no more
  refuse($_, 'The agent in the virtual machine has been started anew') for grep { $_->{begun} } values %client;
  $_->{begun} = 0 for values %client;
  end_errands();
  leave_vsock();
  $agent_out = "welcome $nonce\n";
  ($is_there, $died) = (1);
  offer_vsock() if $nonce =~ /${vsockMark}$/;
  for my $c (grep { defined $_->{open} } values %client) { begin($c); flush_early($c) }
}
# nobody in the guest has the port open any more, or holds its end of vsock; there may be another agent soon
sub agent_gone { my ($patience) = @_;
  if (!$is_there) { $died = time if defined $died; return }
  leave_vsock();
  ($is_there, $died, $in_sync) = (0, time + ($patience || 0), 1);
  ($agent_in, $is_lost) = ('', 0);
  end_errands();
  for (grep { $_->{begun} } values %client) { $_->{begun} = 0; refuse($_, $no_agent) }
}
sub lose_agent {
  my $left = $agent_in;
  agent_gone();
  ($agent_in, $is_lost) = ($left, 1);
}
sub flush_early { my ($c) = @_;
  $agent_out .= pack('NCN', $c->{channel}, $_->[0], length $_->[1]) . $_->[1] for @{ delete $c->{early} || [] };
}
sub hear_agent { my ($from) = @_;
  my $is_fast = $fast && $from == $fast;
  my $n = sysread $from, my $bytes, 262144;
  if (!$n) {
    agent_gone($another) if $is_fast and (defined $n or $! != 11 and $! != 4);
    return;
  }
  # who speaks at the serial port again is another agent
  agent_gone($another) if $hears_fast and !$is_fast;
  $agent_in .= $bytes;
  if ($setting{waits} and !$is_told) { hear_waiting(); return }
  for (;;) {
    if ($is_lost) {
      # the zeros of the next agent, or its first word
      if ($agent_in !~ s/^.*?(?:\0{1024}|(?=(?:${waitingWord}|${notWaitingWord}: [^\n]*)\n))//s) { substr($agent_in, 0, -1023) = '' if length $agent_in > 1023; return }
      ($is_lost, $in_sync) = (0, 1);
    }
    # an agent that was started anew, or had not asked yet when its machine was saved
    while ($agent_in =~ s/^\0*(?:${waitingWord}|${notWaitingWord}: [^\n]*)\n//) { tell_who('') }
    return if $agent_in =~ /^\0*drey: [^\n]{0,999}\z/;
    if ($in_sync) { $agent_in =~ s/^\0+//; return if $agent_in eq ''; $in_sync = 0 }
    # the middle of a frame that was under way when a machine was saved, or no agent: root in a guest may say anything
    if (length $agent_in >= 9 and unpack('x5 N', $agent_in) >= $resync_length) {
      # the beginning of a word
      return if $agent_in =~ /^\0+d(?:r(?:ey?)?)?\z/;
      lose_agent();
      next;
    }
    my ($channel, $kind, $payload) = take_frame(\$agent_in) or return;
    if ($kind == 0) { $in_sync = 1; next }
    if ($kind == $kind{hello}) { greet($payload); next }
    if ($channel == 0xffffffff and $kind == $kind{lead}) { move_to_vsock(); next }
    if (is_errand($channel)) { hear_errand($channel, $kind, $payload); next }
    my $c = $client{$channel};
    # others have asked the keeper, and want no answer of the guest's
    next if !$c or !$c->{begun};
    $c->{out} .= pack('NCN', 0, $kind, length $payload) . $payload;
    if ($kind == $kind{exit} or $kind == $kind{refusal}) { $c->{begun} = 0; $c->{ending} = 1 }
    # no agent has credit for so much, even byte by byte
    elsif (length $c->{out} > 64 * $credit_size) { drop($c) }
  }
}
`;
