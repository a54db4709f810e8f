// The process between a console and whoever is attached to it: a Perl program, because it must outlive a drey that is
// killed, if only to let the log keeper go on. While it runs the keeper sleeps, or the two would share out what the
// console prints; so the log is written here meanwhile.

/** Arguments: pid of the log keeper, descriptor of the terminal's master, log file, its size at which it turns over. */
export const consoleRelay = String.raw`
use strict; use warnings;
my ($keeper, $fd, $log, $limit) = @ARGV;
$SIG{$_} = 'IGNORE' for qw(HUP INT TERM PIPE TSTP);
open my $master, '+<&=', $fd or die "Cannot open the console: $!\n";
open my $out, '>>', $log or die "Cannot open the console log: $!\n";
kill 'STOP', $keeper or die "Cannot find who keeps the console's log\n";
END { kill 'CONT', $keeper if $keeper }
# the keeper goes on appending to the same file, so the old text is copied and not renamed
sub keep { my ($bytes) = @_;
  syswrite $out, $bytes;
  return if -s $out < $limit;
  if (open my $in, '<', $log and open my $old, '>', "$log.1") { local $/; print {$old} readline $in }
  truncate $out, 0;
}
sub emit { my ($bytes) = @_;
  while (length $bytes) { my $n = syswrite STDOUT, $bytes or exit 0; substr($bytes, 0, $n) = '' }
}
# what nobody inside reads is dropped after a second, so that the end of the attachment is never missed
sub put { my ($bytes) = @_;
  while (length $bytes) {
    my $n = eval { local $SIG{ALRM} = sub { die "late\n" }; alarm 1; my $n = syswrite $master, $bytes; alarm 0; $n };
    return if !$n;
    substr($bytes, 0, $n) = '';
  }
}
my $wanted = '';
vec($wanted, 0, 1) = 1; vec($wanted, $fd, 1) = 1;
while (readlink "/proc/$keeper/fd/0") {
  my $ready = $wanted;
  next if select($ready, undef, undef, 0.5) <= 0;
  if (vec($ready, $fd, 1)) {
    # EIO: the other side of the terminal is gone
    sysread $master, my $bytes, 65536 or last;
    keep($bytes); emit($bytes);
  }
  if (vec($ready, 0, 1)) {
    sysread STDIN, my $bytes, 4096 or last;
    put($bytes);
  }
}
`;
