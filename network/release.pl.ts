// The program that gives leases of IPv4 back to a DHCP server as their holders would: one message each (RFC 2131, 4.4.6),
// sent within the server's network namespace, from the bridge it serves. There is no answer; that the server has taken
// them is seen in its file of leases, for which it has two seconds: one that is told to end forgets what it has not read.

/** Arguments: the bridge, the server's address, the directory of its file of leases, then `ADDRESS,MAC` of each lease. */
export const releaseProgram = String.raw`use strict;
use Socket;
my ($bridge, $server, $directory, @leases) = @ARGV;
sub isHeld { open my $file, '<', "$directory/leases" or return 0;
  for my $line (<$file>) { my (undef, $mac, $address) = split / /, $line;
    return 1 if grep { $_ eq "$address,$mac" } @leases; }
  return 0; }
# F_NOTIFY with DN_MULTISHOT and DN_MODIFY: SIGIO whenever a file of the directory is written to
$SIG{IO} = sub { exit unless isHeld() };
sysopen my $files, $directory, 0 or die "$directory: $!\n";
fcntl $files, 1026, 0x80000002;
for (@leases) { my ($address, $mac) = split /,/; $mac =~ s/://g;
  socket my $socket, PF_INET, SOCK_DGRAM, 0 or die "socket: $!\n";
  # the server asks by which interface a message came, and SO_BINDTODEVICE is what it sees
  setsockopt $socket, SOL_SOCKET, 25, "$bridge\0" or die "SO_BINDTODEVICE: $!\n";
  my $message = pack 'C4 N n2 a4 a4 a4 a4 a16 a64 a128', 1, 1, 6, 0, int rand 2**32, 0, 0,
    inet_aton($address), '', '', '', pack('H12', $mac), '', '';
  # the magic number, option 53: DHCPRELEASE, option 54: the server, the end
  $message .= pack 'N C3 C2 a4 C', 0x63825363, 53, 1, 7, 54, 4, inet_aton($server), 255;
  $message .= "\0" x (300 - length $message);
  send $socket, $message, 0, pack_sockaddr_in(67, inet_aton($server)) or die "send: $!\n";
}
my $end = time + 2;
select undef, undef, undef, 0.1 while isHeld() and time < $end;`;
