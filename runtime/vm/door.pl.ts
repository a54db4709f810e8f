// The way to the agent of a virtual machine for a program on the host: a small Perl program that stands for the command
// in the guest. Its standard streams are the command's, signals go on to it, and it ends as the command ends. So
// whatever runs the walker on the host can run it in a guest, by words before its own.

import { frames } from "./frames.pl.ts";

/**
 * argv that runs `perl -e PROGRAM WORDS…` in the guest behind a door.
 *
 * @param door path of the keeper's socket
 * @param lifeline descriptor that has its end once nobody hears any more how the command ends, see sys/descriptors.ts
 * @param terminal the command's standard input is a terminal that stands for one in the guest, which belongs to `owner`
 */
export function inGuest(
  door: string,
  argv: readonly string[],
  { terminal, lifeline }: { terminal?: { owner: number }; lifeline?: number } = {},
): string[] {
  const [perl, flag, program, ...words] = argv;
  if (perl !== "/usr/bin/perl" || flag !== "-e" || program === undefined) {
    throw new Error("a guest runs programs in Perl");
  }
  const mode = terminal === undefined ? "pipes" : `terminal ${terminal.owner}`;
  return [perl, "-e", client, door, mode, String(lifeline ?? ""), program, ...words];
}

const client = frames + String.raw`
my ($path, $mode, $lifeline, $program, @words) = @ARGV;
my ($kind, $owner) = split / /, $mode;
my $is_terminal = $kind eq 'terminal';
sub fail { print STDERR "@_\n"; exit 125 }
# a path may be longer than a socket's name
my ($directory, $name) = $path =~ m{^(.*)/([^/]+)$};
chdir $directory or fail("The virtual machine does not run");
socket my $door, 1, 1, 0 or fail("socket(2): $!");
connect $door, pack 'S a*', 1, "$name\0" or fail("The virtual machine does not run");
sub terminal_size { my $size = pack 'S4'; return ioctl(STDIN, 0x5413, $size) ? unpack('S2', $size) : (24, 80) }
if ($is_terminal) {
  # TCGETS, TCSETS: every byte as it is, the terminal in the guest sees to the rest
  my $facts = "\0" x 60;
  if (ioctl STDIN, 0x5401, $facts) {
    my ($in, $out, $control, $local, $rest) = unpack 'L4 a*', $facts;
    my @rest = unpack 'C*', $rest;
    @rest[6, 7] = (0, 1);
    my $raw = pack 'L4 C*', 0, 0, ($control & ~0x130) | 0x30, 0, @rest;
    ioctl STDIN, 0x5402, $raw;
  }
}
my ($rows, $columns) = $is_terminal ? terminal_size() : (0, 0);
my $env = join "\0", map { ($_, $ENV{$_}) } grep { $_ ne 'DREY_DOOR' } keys %ENV;
my $kind_words = $is_terminal ? "terminal $rows $columns $owner" : 'pipes';
my ($in, $out) = ('', frame(0, 'open', pack '(N/a*)*', $kind_words, $env, $program, @words));
pipe my $woken, my $wake or fail("pipe(2): $!");
set_nonblocking($_) for $woken, $wake;
my @heard;
for my $name (qw(HUP INT QUIT TERM USR1 USR2 CONT WINCH)) {
  $SIG{$name} = sub { push @heard, $name; syswrite $wake, 'x' };
}
my %number = (HUP => 1, INT => 2, QUIT => 3, USR1 => 10, USR2 => 12, TERM => 15, CONT => 18);
$SIG{PIPE} = 'IGNORE';
set_nonblocking($door);
my ($credit, $has_input) = ($credit_size, 1);
my %used = (1 => 0, 2 => 0);
my %stream = (1 => *STDOUT, 2 => *STDERR);
sub show { my ($number, $bytes) = @_;
  my $length = length $bytes;
  while (length $bytes) {
    my $n = syswrite $stream{$number}, $bytes;
    if (!defined $n) {
      next if $! == 4;
      if ($! == 11) { my $w = ''; vec($w, fileno $stream{$number}, 1) = 1; select undef, $w, undef, 1; next }
      # nobody reads: the command learns it as in any pipe
      $out .= frame(0, 'signal', pack 'N', 13);
      last;
    }
    substr($bytes, 0, $n) = '';
  }
  $used{$number} += $length;
  if ($used{$number} >= $credit_size / 4) { $out .= frame(0, 'credit', pack 'CN', $number, $used{$number}); $used{$number} = 0 }
}
my $tell_size = sub { $out .= frame(0, 'size', pack 'nn', terminal_size()) };
for (;;) {
  my ($reads, $writes) = ('', '');
  vec($reads, fileno $door, 1) = 1;
  vec($reads, fileno $woken, 1) = 1;
  vec($reads, $lifeline, 1) = 1 if $lifeline ne '';
  # a guest may give more credit than it reads
  vec($reads, 0, 1) = 1 if $has_input and $credit > 0 and length $out < 1048576;
  vec($writes, fileno $door, 1) = 1 if length $out;
  my $ready = select($reads, $writes, undef, undef);
  exit 125 if $ready > 0 and $lifeline ne '' and vec($reads, $lifeline, 1);
  if ($ready > 0 and vec($reads, fileno $woken, 1)) { sysread $woken, my $x, 64 }
  while (my $name = shift @heard) {
    if ($name eq 'WINCH') { $tell_size->() if $is_terminal } else { $out .= frame(0, 'signal', pack 'N', $number{$name}) }
  }
  if ($ready > 0 and vec($reads, 0, 1)) {
    my $n = sysread STDIN, my $bytes, $credit < 32768 ? $credit : 32768;
    if ($n) { $credit -= $n; $out .= frame(0, 'data', pack('C', 0) . $bytes) }
    elsif (defined $n or $! != 4 and $! != 11) { $has_input = 0; $out .= frame(0, 'end', pack 'C', 0) }
  }
  if ($ready > 0 and vec($reads, fileno $door, 1)) {
    my $n = sysread $door, my $bytes, 262144;
    if (!$n and (defined $n or $! != 11 and $! != 4)) { fail("The virtual machine has stopped") }
    $in .= $bytes if $n;
  }
  while (my ($channel, $kind, $payload) = take_frame(\$in)) {
    if ($kind == $kind{data}) { my $number = unpack 'C', $payload; show($number, substr $payload, 1) }
    elsif ($kind == $kind{end}) { my $number = unpack 'C', $payload; close $stream{$number} if !$is_terminal }
    elsif ($kind == $kind{credit}) { my ($number, $bytes) = unpack 'CN', $payload; $credit += $bytes }
    elsif ($kind == $kind{exit}) { exit unpack 'N', $payload }
    elsif ($kind == $kind{refusal}) { fail($payload) }
  }
  # the keeper may have said all there is and gone: that is read to its end first
  push_out($door, \$out) or $out = '';
}
`;
