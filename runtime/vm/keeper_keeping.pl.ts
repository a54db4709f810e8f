// What the keeper of a virtual machine does when its guest asks who it is, as Perl: it tells it. Where somebody wants what
// the machine has in its memory then, to begin others with, that is saved before, without what belongs to this machine
// alone: its NICs and shares are taken out for so long.

import { notWaitingWord, waitingWord } from "./frames.pl.ts";
import { socketDirectory } from "./keeper_box.pl.ts";

/** Subroutines; they want those of the keeper and `%setting`, `@own`, `@plugs`, `@lines`, `%saving`, `$agent_in`, `$agent_out`. */
export const keeperKeeping = String.raw`
# who waits for the memory; since when devices are taken out, and when the guest was asked last; what each is by now
my ($keeps, $is_told, $taking, $asked_at, $came, %out, @waits_back, @old_servers);
my $began = time;
sub hear_waiting {
  return if $moving or $taking;
  if ($agent_in !~ s/^.*?(?:${waitingWord}|${notWaitingWord}: ([^\n]*))\n//s) {
    # what others say at the port is for nobody
    substr($agent_in, 0, -4096) = '' if length $agent_in > 65536;
    return;
  }
  if (defined $1 and $keeps) { refuse($keeps, $1); undef $keeps }
  come();
}
# the moment to keep its memory, in which there is nothing of anybody yet
sub come {
  return go_on() if !$keeps;
  $came = time;
  return keep() if !@own;
  ($taking, $asked_at) = (now(), 0);
  for (@own) {
    my ($device, $chardev) = @$_;
    $out{$device} = 'asked';
    next if !defined $chardev;
    # its server ends with the connection
    @old_servers = (@old_servers, @{ $helper_at{"${socketDirectory}/$chardev"} || [] });
    run_line('forget', $chardev);
  }
  step_taking();
}
sub keep { my $client = $keeps; undef $keeps; save($client, '') }
sub step_taking {
  if (@waits_back) { put_back($_) for splice @waits_back }
  return if !$taking;
  my @left = grep { $_ eq 'asked' } values %out;
  my $now = now();
  if ($keeps and $now - $taking > $setting{patience}) { refuse($keeps, 'the guest does not let its devices go'); undef $keeps }
  if (!@left or !$keeps) { undef $taking; return $keeps ? keep() : go_on() }
  # a guest that was busy with the one before may not have heard it
  return if $now - $asked_at < 2.5;
  $asked_at = $now;
  order('device_del', qq({"id":"$_"})) for grep { $out{$_} eq 'asked' } keys %out;
}
sub hear_gone { my ($device) = @_;
  return if ($out{$device} // '') ne 'asked';
  $out{$device} = 'gone';
  if ($is_told) { put_back($_) for grep { $_->[0] eq $device } @own }
}
# one that has not ended yet stands against another at its place
sub end_old_servers {
  for (splice @old_servers) { if (waitpid($_, 1) == 0) { kill 9, $_; waitpid $_, 0 } }
}
sub complain { print STDERR "A device does not come back to the machine: $_[0]\n" if $_[0] ne '' }
sub plug_own { my (@ids) = @_;
  for my $plug (@plugs) { order(@$plug[0, 1], \&complain) if grep { $plug->[1] =~ /"id":"\Q$_\E"/ } @ids }
}
sub put_back { my ($own) = @_;
  my ($device, $chardev) = @$own;
  if (!defined $chardev) { return plug_own($device) }
  order('chardev-remove', qq({"id":"$chardev"}), sub { my ($error) = @_;
    # it is let go some time after the device
    if ($error =~ /busy|in use/i) { push @waits_back, $own; return }
    end_old_servers();
    my @server = grep { $_->[0] eq 'helper' and $_->[1] eq "${socketDirectory}/$chardev" } @lines;
    eval { run_line(@$_) for @server; 1 } or return complain($@);
    plug_own($chardev, $device);
  });
}
sub go_on {
  return if $is_told;
  $is_told = 1;
  # whoever waits for the agent loses no time by that
  $began += time - $came if defined $came;
  # what is plugged in from the start needs no more than to come back
  if (@own) { put_back($_) for grep { ($out{$_->[0]} // '') eq 'gone' } @own }
  else { order($_->[0], $_->[1], \&or_end) for @plugs; plug_vsock() }
  tell_who($setting{load} ? ' another=1' : '');
}
sub tell_who { my ($more) = @_;
  open my $random, '<', '/dev/urandom' or fail("/dev/urandom: $!");
  sysread $random, my $seed, 64;
  $agent_out .= sprintf "who time=%.6f seed=%s%s%s\n", now(), unpack('H*', $seed), $setting{who}, $more;
}
sub saved { my ($error) = @_;
  my ($c, $path) = @saving{qw(client path)};
  %saving = ();
  if ($path ne '') {
    return $c->{out} .= frame(0, 'hello', 'saved') if $error eq '';
    order('cont');
    return refuse($c, $error);
  }
  $c->{out} .= frame(0, 'exit', pack 'N', $error eq '' ? 0 : 1);
  $c->{ending} = 1;
  order('cont');
  go_on();
}
`;
