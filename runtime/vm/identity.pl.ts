// What a virtual machine is told of itself when it goes on from the memory of another one: time, name, what its random
// numbers grow from, what its board says, its NICs. As Perl, for the first program in the guest.

import { agentHome } from "./agent.pl.ts";

/** Subroutines; they want `%vm_call`, `say_so` and the agent's `set_time`. */
export const newIdentity = String.raw`
# random(4): RNDADDENTROPY counts bits, RNDRESEEDCRNG makes them count at once
sub add_entropy { my ($bytes) = @_;
  open my $random, '+<', '/dev/urandom' or return say_so("/dev/urandom: $!");
  my $pool = pack 'i i a*', 8 * length $bytes, length $bytes, $bytes;
  ioctl $random, 0x40085203, $pool or say_so("RNDADDENTROPY: $!");
  ioctl $random, 0x5207, 0 or say_so("RNDRESEEDCRNG: $!");
}
# shows another line where the kernel shows one of its own
sub show_line { my ($own, $shown, $line, $mode) = @_;
  -e $shown or return;
  sysopen my $file, $own, 01101, $mode or return say_so("$own: $!");
  syswrite $file, "$line\n";
  my $none = '';
  syscall($vm_call{mount}, $own, $shown, $none, 4096, $none) >= 0 or say_so("mount(2): $!");
}
# the kernel has read the board's number once, and systemd makes the number of a machine of it
sub set_board { my ($directory, $uuid) = @_;
  show_line("$directory/product_uuid", '/sys/devices/virtual/dmi/id/product_uuid', $uuid, 0400);
}
sub become_new { my ($word) = @_;
  set_time($word->{time}) if $word->{time};
  add_entropy(pack 'H*', $word->{seed}) if $word->{seed};
  set_board('${agentHome}', $word->{uuid}) if $word->{uuid};
}
sub address_of { my ($name) = @_;
  open my $file, '<', "/sys/class/net/$name/address" or return '';
  my $address = <$file> // '';
  chomp $address;
  return $address;
}
sub links { opendir my $links, '/sys/class/net' or return; return grep { !/^[.]/ } readdir $links }
# netdevice(7): SIOCSIFNAME, SIOCGIFFLAGS, SIOCSIFFLAGS, IFF_UP
sub name_nic { my ($any, $from, $to) = @_;
  my $request = pack 'a16 a16 x8', $from, $to;
  ioctl $any, 0x8923, $request or say_so("interface $from: $!");
}
# up, as a container finds them, and called in the order of the machine's own list
sub set_up_nics { my (@addresses) = @_;
  my %wanted; $wanted{$addresses[$_]} = "eth$_" for 0 .. $#addresses;
  for (1 .. 1200) {
    my %there = map { address_of($_) => 1 } links();
    last if !grep { !$there{$_} } @addresses;
    select undef, undef, undef, 0.05;
  }
  socket my $any, 2, 2, 0 or return say_so("socket(2): $!");
  my @wrong = grep { my $name = $wanted{address_of($_)}; defined $name and $name ne $_ } links();
  my %new = map { $_ => $wanted{address_of($_)} } @wrong;
  name_nic($any, $_, "new$new{$_}") for @wrong;
  name_nic($any, "new$_", $_) for values %new;
  for my $name (links()) {
    my $request = pack 'a16 S x22', $name, 0;
    ioctl $any, 0x8913, $request or next;
    $request = pack 'a16 S x22', $name, unpack('x16 S', $request) | 1;
    ioctl $any, 0x8914, $request or say_so("interface $name: $!");
  }
}
`;
