// How the agent and the keeper of a virtual machine come to talk over vsock(7), where both have it: as Perl. They meet at
// the serial port, always. There the keeper says where it listens and a secret; the agent connects from a port that
// only root of the guest has, and shows the secret. Then each says at the serial port that it says no more there, so
// that nothing overtakes what is still under way. A guest without the device stays where it is.

/** How the agent tells in its first word that it knows of this. */
export const vsockMark = "-vsock";

// AF_VSOCK; struct sockaddr_vm
const address = String.raw`
sub vsock_address { my ($cid, $port) = @_; return pack 'S S L L L', 40, 0, $port, $cid, 0 }
`;

/** Of the agent; it wants `$port`, `$out` and what frames have. */
export const agentVsock = address + String.raw`
my (%offer, $fast, $hears_fast, $rest);
sub forget_vsock { (%offer, $fast, $hears_fast, $rest) = (); $rest = '' }
sub hear_offer { my ($words) = @_;
  # without words it is the last that comes by the serial port
  if ($words eq '') { $hears_fast = 1 if $fast; return }
  my ($number, $secret) = split / /, $words;
  # the device may come a while after the guest has begun
  %offer = (number => $number, secret => $secret, tries => 30, next => 0);
}
sub awaits_vsock { return $offer{secret} && !$offer{handle} }
sub try_vsock {
  return if !awaits_vsock() or time < $offer{next};
  return %offer = () if !$offer{tries}--;
  $offer{next} = time + 1;
  socket my $handle, 40, 1, 0 or return;
  my $first = int rand 500;
  for my $own ($first .. $first + 500) { last if bind $handle, vsock_address(0xffffffff, 1023 - $own) }
  connect $handle, vsock_address(2, $offer{number}) or return;
  set_nonblocking($handle);
  syswrite $handle, "$offer{secret}\n" or return;
  $offer{handle} = $handle;
}
# the keeper has seen the secret, or does not want it
sub hear_welcome {
  my $n = sysread $offer{handle}, my $word, 8;
  return if !defined $n and ($! == 11 or $! == 4);
  my $handle = $offer{handle};
  %offer = ();
  return if !$n or $word ne "welcome\n";
  $rest = $out . frame(0xffffffff, 'lead', '');
  ($out, $fast) = ('', $handle);
}
`;

/** Of the keeper; it wants `%vsock` with `cid` and `device`, `$agent_out`, and what the loop has. */
export const keeperVsock = address + String.raw`
my ($fast, $hears_fast, $serial_rest) = (undef, 0, '');
my $title = $0;
# the host's node with the guest's number on it, and a place to listen; without them the machine has none
sub open_vsock {
  delete $vsock{listener};
  return if !$vsock{cid};
  open my $node, '+<', '/dev/vhost-vsock' or return;
  # VHOST_VSOCK_SET_GUEST_CID; somebody may have taken the number meanwhile
  my $cid = pack 'Q', $vsock{cid};
  ioctl $node, 0x4008af60, $cid or return;
  # VMADDR_CID_ANY, VMADDR_PORT_ANY
  socket my $listener, 40, 1, 0 or return;
  bind $listener, vsock_address(0xffffffff, 0xffffffff) or return;
  listen $listener, 4 or return;
  set_nonblocking($listener);
  $vsock{number} = (unpack 'S S L L', getsockname $listener)[2];
  $vsock{listener} = $listener;
  return $node;
}
# a guest that waits to be told who it is has it only then
sub plug_vsock {
  my $device = delete $vsock{plug} or return;
  order('device_add', $device, sub { my ($error) = @_;
    return if $error eq '';
    print STDERR "The machine has no vsock: $error\n";
    leave_vsock();
    close delete $vsock{listener} if $vsock{listener};
  });
}
sub leave_vsock {
  ($fast, $0) = (undef, $title) if $fast;
  ($hears_fast, $serial_rest) = (0, '');
  delete @vsock{qw(new told secret)};
}
sub offer_vsock {
  return if !$vsock{listener};
  open my $random, '<', '/dev/urandom' or return;
  sysread $random, my $bytes, 16;
  ($vsock{secret}, $vsock{told}) = (unpack('H*', $bytes), '');
  $agent_out .= frame(0xffffffff, 'lead', "$vsock{number} $vsock{secret}");
}
sub hear_vsock { my ($reads) = @_;
  accept_vsock() if $vsock{listener} and vec($reads, fileno $vsock{listener}, 1);
  hear_new() if $vsock{new} and vec($reads, fileno $vsock{new}, 1);
}
sub accept_vsock {
  my $peer = accept my $handle, $vsock{listener} or return;
  my (undef, undef, $port, $cid) = unpack 'S S L L', $peer;
  return if $fast or !$vsock{secret} or $cid != $vsock{cid} or $port >= 1024;
  set_nonblocking($handle);
  @vsock{qw(new told)} = ($handle, '');
}
sub hear_new {
  my $wanted = "$vsock{secret}\n";
  my $n = sysread $vsock{new}, my $bytes, length($wanted) - length $vsock{told};
  return if !defined $n and ($! == 11 or $! == 4);
  $vsock{told} .= $bytes if $n;
  return if $n and length $vsock{told} < length $wanted;
  my $handle = delete $vsock{new};
  return if $vsock{told} ne $wanted or !syswrite $handle, "welcome\n";
  delete $vsock{secret};
  $fast = $handle;
}
# the agent says no more at the serial port
sub move_to_vsock {
  return if !$fast or $hears_fast;
  $serial_rest = $agent_out . frame(0xffffffff, 'lead', '');
  ($agent_out, $hears_fast) = ('', 1);
  $0 = "$title, by vsock";
}
`;
