// How a guest with a system of its own learns who it is, as Perl for its agent: it asks, and is told by the keeper. Where
// it asks early enough, what the machine has in its memory then may begin other machines of the same image: those are
// told that they are somebody else, and put that right before their system goes on.

import { notWaitingWord, waitingWord } from "./frames.pl.ts";
import { seedSerial } from "./seed.ts";

/** Subroutines; they want those of runtime/vm/identity.pl.ts and of the agent, and `notify`. */
export const learning = String.raw`
sub line_of { my ($path) = @_; open my $file, '<', $path or return ''; my $line = <$file> // ''; chomp $line; return $line }
sub has_systemd { return -d '/run/systemd/system' }
# what shows that this guest has begun to be somebody, so that its memory is of use to nobody else
sub begun {
  return 'cloud-init has begun' if grep { -e } qw(/run/cloud-init/status.json /var/lib/cloud/instance);
  return 'its system is up' if has_systemd() and !system qw(systemctl --quiet is-active basic.target);
  return 'sshd runs' if -e '/run/sshd.pid';
  # networkd is started anew, others are not
  my ($up) = -d '/run/systemd/netif' ? () : grep { $_ ne 'lo' and hex(line_of("/sys/class/net/$_/flags")) & 1 } links();
  return defined $up ? "its interface $up is up" : undef;
}
# asks until it is told; whoever answers may be another one than was asked
sub learn { my ($port) = @_;
  my $begun = begun();
  my $word = defined $begun ? "${notWaitingWord}: $begun\n" : "${waitingWord}\n";
  my ($text, $quiet) = ('', 0);
  for (;;) {
    if ($quiet-- <= 0) { notify('EXTEND_TIMEOUT_USEC=600000000'); syswrite $port, $word; $quiet = 20 }
    vec(my $reads = '', fileno $port, 1) = 1;
    next if select($reads, undef, undef, 0.1) <= 0;
    # nobody at the other end reads as an end
    sysread $port, $text, 4096, length $text or select undef, undef, undef, 0.1;
    if ($text =~ /who ([^\n]*)\n/) { return map { /^(\w+)=(.*)$/ ? ($1, $2) : () } split ' ', $1 }
  }
}
sub random_uuid {
  open my $random, '<', '/dev/urandom' or return;
  sysread $random, my $bytes, 16;
  my @parts = unpack 'H8 H4 H4 H4 H12', $bytes;
  $parts[2] =~ s/^./4/; $parts[3] =~ s/^./a/;
  return join '-', @parts;
}
# machine-id(5); who reads it once and has done so is started anew
sub set_machine_id { my ($id) = @_;
  my $old = line_of('/etc/machine-id');
  return if $old !~ /^[0-9a-f]{32}$/;
  for my $path (grep { !-l and line_of($_) eq $old } qw(/etc/machine-id /var/lib/dbus/machine-id)) {
    # in its place: it may be a mount
    sysopen my $file, $path, 1 or say_so("$path: $!"), next;
    syswrite $file, $id;
  }
  rename "$_/$old", "$_/$id" for qw(/run/log/journal /var/log/journal);
  return if !has_systemd() or fork;
  exec qw(systemctl --quiet --no-block try-restart systemd-journald.service systemd-networkd.service);
  exit 1;
}
# what the next boot's random numbers grow from, beside others
sub renew_seed { my ($path) = @_;
  return if !-f $path;
  open my $random, '<', '/dev/urandom' or return;
  sysread $random, my $bytes, 512;
  sysopen my $file, $path, 1 or return say_so("$path: $!");
  syswrite $file, $bytes;
}
# ioctl(2): BLKFLSBUF; what was read of the drive was another machine's
sub forget_seed {
  opendir my $blocks, '/sys/block' or return;
  for my $name (grep { line_of("/sys/block/$_/serial") eq '${seedSerial}' } readdir $blocks) {
    sysopen my $drive, "/dev/$name", 0 or next;
    ioctl $drive, 0x1261, 0;
  }
}
sub become_another { my ($word) = @_;
  add_entropy(pack 'H*', $word->{seed});
  set_board('/run/drey', $word->{uuid});
  show_line('/run/drey/boot_id', '/proc/sys/kernel/random/boot_id', random_uuid(), 0444);
  set_machine_id($word->{uuid} =~ s/-//gr);
  renew_seed('/var/lib/systemd/random-seed');
  forget_seed();
  # its NICs come only now, and what sets them up counts on them
  my @wanted = split /,/, $word->{nics} || '';
  for (1 .. 1200) {
    my %there = map { address_of($_) => 1 } links();
    last if !grep { !$there{$_} } @wanted;
    select undef, undef, undef, 0.05;
  }
  # without udev there is no such program
  system qw(udevadm settle --timeout=30) if -S '/run/udev/control';
}
`;
