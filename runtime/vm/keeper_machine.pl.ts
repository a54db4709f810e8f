// What the keeper of a virtual machine does with the machine itself, as Perl: it starts QEMU, has commands done by its
// monitor, and loads and saves what the machine has in its memory.

import { socketDirectory } from "./keeper_box.pl.ts";

/**
 * Subroutines; they want `%nr`, `%setting`, `@machine`, `@plugs`, `start`, `frame` and what the loop does for them:
 * `told_ready()`, `saved($error)`, `come()`, `hear_gone($device)`, `agent_gone()`, `open_vsock()`.
 */
export const keeperMachine = String.raw`
my ($machine, $qmp, $agent, @awaited);
my ($qmp_in, $qmp_out, $is_ready, $is_stale) = ('', '', 0, 0);
my $reason = '';
# what the machine's memory is under way for: 'load', 'save' or nothing
my $moving = '';
my (%saving, $can_wait);
sub pair { my ($name) = @_;
  # AF_UNIX, SOCK_STREAM
  socketpair my $own, my $other, 1, 1, 0 or fail("socketpair(2): $!");
  set_nonblocking($own);
  return ($own, $other);
}
sub run_machine {
  my %given;
  ($qmp, $given{qmp}) = pair();
  ($agent, $given{agent}) = pair();
  ($qmp_in, $qmp_out, @awaited) = ('', '');
  my @more;
  if ($setting{load}) {
    open $given{load}, '<', $setting{load} or fail("Cannot open the memory of the machine, $setting{load}: $!");
    $moving = 'load';
    @more = ('-incoming', 'defer');
  }
  if (my $node = open_vsock()) {
    $given{vsock} = $node;
    $vsock{plug} = $vsock{device} =~ s/\{fd:vsock\}/fileno $node/er;
  }
  my @argv = map { s/\{fd:([^}]+)\}/fileno $given{$1}/ger } @machine;
  my $number = $given{load} ? fileno $given{load} : '';
  $machine = start([values %given], @argv, @more);
  order('qmp_capabilities', undef, sub {
    order('migrate-set-capabilities', '{"capabilities":[{"capability":"events","state":true}]}');
    if ($moving) { order('migrate-incoming', qq({"uri":"fd:$number"}), \&or_end) }
    else { now_ready() }
  });
}
# has a command done; commands are answered in their order
sub order { my ($command, $words, $then) = @_;
  $qmp_out .= qq({"execute":"$command") . (defined $words ? qq(,"arguments":$words) : '') . "}\n";
  push @awaited, $then || sub { };
}
sub or_end { my ($error) = @_;
  return if $error eq '';
  print STDERR "The machine refused a part of it: $error\n";
  kill 9, $machine;
}
sub now_ready { $is_ready = 1; told_ready() }
sub hear_qmp {
  my $n = sysread $qmp, my $bytes, 65536;
  return if !defined $n or !$n;
  $qmp_in .= $bytes;
  while ($qmp_in =~ s/^([^\n]*)\n//) {
    my $line = $1;
    if ($line =~ /^\{"QMP":/) { next }
    if ($line =~ /^\{"(return|error)":/) {
      my $error = $1 eq 'error' ? ($line =~ /"desc":\s*"((?:[^"\\]|\\.)*)"/ ? $1 : $line) : '';
      my $then = shift @awaited;
      $then->($error) if $then;
    }
    elsif ($line =~ /"event":\s*"SHUTDOWN"/) { $reason = $1 if $line =~ /"reason":\s*"([^"]+)"/ }
    elsif ($line =~ /"event":\s*"VSERPORT_CHANGE"/ and $line =~ /"open":\s*false/) { agent_gone() }
    elsif ($line =~ /"event":\s*"DEVICE_DELETED"/ and $line =~ /"device":\s*"([^"]+)"/) { hear_gone($1) }
    elsif ($line =~ /"event":\s*"MIGRATION"/ and $line =~ /"status":\s*"(\w+)"/) { hear_moving($1) }
  }
}
sub hear_moving { my ($status) = @_;
  if ($moving eq 'load' and $status eq 'completed') { $moving = ''; loaded() }
  if ($moving eq 'save' and $status =~ /^(completed|failed|cancelled)$/) {
    $saving{status} = $1;
    $saving{error} ||= "its memory cannot be written: $1" if $1 ne 'completed';
    finish_saving();
  }
}
sub loaded {
  # whatever the guest does from now on is not in that file any more
  unlink $setting{load} if $setting{once};
  order('cont', undef, sub {
    &or_end;
    if ($setting{waits}) { come() }
    # whom the guest's agent knew is gone, and so is the time it was
    else { order($_->[0], $_->[1], \&or_end) for @plugs; $agent_out = ("\0" x $resync_length) . frame(0xffffffff, 'hello', sprintf '%.6f', now()) }
    now_ready();
  });
}
# a memory that is none of this machine's; true if the machine begins anew
sub is_begun_anew {
  return 0 if $moving ne 'load' or $setting{once};
  print STDERR "What a machine like this one had in its memory cannot be used\n";
  ($moving, $is_stale) = ('', 1);
  delete $setting{load};
  if (@other_machine) {
    # it has its NICs and shares from the start, and a disk that nobody has used
    eval { run_line(@$_) for @other_lines; 1 } or fail($@ =~ s/\n$//r);
    @machine = @other_machine;
    @plugs = ();
  }
  run_machine();
  return 1;
}
# what the machine has in its memory, into a file of the box or to a client; it is halted for that
sub save { my ($client, $path) = @_;
  my $socket = "${socketDirectory}/memory";
  unlink $socket;
  socket my $listener, 1, 1, 0 or return saved("socket(2): $!");
  bind $listener, pack 'S a*', 1, "$socket\0" and listen $listener, 1 or return saved("bind(2): $!");
  %saving = (listener => $listener, client => $client, path => $path);
  if ($path ne '') { open $saving{file}, '>', "$path.new" or return saved("$path.new: $!"); binmode $saving{file} }
  $moving = 'save';
  order('stop');
  order('migrate-set-parameters', '{"max-bandwidth":1099511627776}');
  order('migrate', qq({"uri":"unix:$socket"}), sub { my ($error) = @_;
    if ($error ne '') { @saving{qw(status error)} = ('failed', $error); finish_saving() }
  });
}
sub take_memory {
  my $n = sysread $saving{from}, my $bytes, 1048576;
  if (!defined $n and ($! == 11 or $! == 4)) { return }
  if (!$n) { close delete $saving{from}; return finish_saving() }
  # what is left of it is for nobody
  return if $saving{error};
  if ($saving{path} eq '') { $saving{client}{out} .= frame(0, 'data', ($saving{has_disk} ? "\2" : "\1") . $bytes); return }
  for (my $at = 0; $at < $n;) {
    my $written = syswrite $saving{file}, $bytes, $n - $at, $at;
    if (!defined $written) { $saving{error} = "$saving{path}: $!"; close delete $saving{from}; return }
    $at += $written;
  }
}
sub finish_saving {
  # both have come: the word of the machine, and the end of what it wrote
  return if !$saving{status} or $saving{from} or $saving{status} eq 'completed' and $saving{listener};
  my ($path, $file) = @saving{qw(path file)};
  # the disk as it is then belongs to a memory that is kept
  if ($path eq '' and $setting{disk} and !$saving{error} and !$saving{has_disk}) {
    $saving{has_disk} = 1;
    return if open $saving{from}, '<', $setting{disk};
    $saving{error} = "$setting{disk}: $!";
    delete $saving{from};
  }
  if ($file and !$saving{error}) {
    syscall($nr{fsync}, fileno $file) == 0 && close $file && rename "$path.new", $path or $saving{error} = "$path: $!";
  }
  unlink "$path.new" if $path ne '' and $saving{error};
  my $error = $saving{error} || '';
  $moving = '';
  saved($error);
}
`;
