// The walker with hands for SFTP: a Perl program that joins a container, or mounts the root of a stopped one, and then
// speaks version 3 of the protocol on its standard streams (draft-ietf-secsh-filexfer-02, with the extensions of
// OpenSSH's PROTOCOL). The kernel resolves every path as the container does, so no link leads out.
//
// It prints `ready` once it stands inside. OpenSSH's own server would need its libraries inside, or a way back out.

import { entering } from "./file_server.pl.ts";
import type { Step } from "./steps.ts";
import { walkerFor } from "./walker.pl.ts";

const protocol = String.raw`
my %code = (1 => 3, 2 => 2, 9 => 4, 13 => 3, 20 => 2, 22 => 4, 38 => 8, 40 => 2, 95 => 8);
my ($longest, $most, $many) = (262144, 261120, 512);
my ($in, $rest, $id, $count, %open) = ('', '', 0, 0);
sub reply { my ($type, $body) = @_; emit(pack 'N/a*', pack('C N', $type, $id) . $body); return 1 }
sub status { my ($code, $text) = @_; return reply(101, pack 'N N/a* N/a*', $code, $text, '') }
sub done { return $_[0] ? status(0, 'Success') : status($code{$! + 0} // 4, "$!") }
sub wrong { return status(4, $_[0]) }
# words of a packet, in the order in which they arrive; one that is cut short ends the session
sub number { exit 1 if length $rest < 4; return unpack 'N', substr $rest, 0, 4, '' }
sub offset { exit 1 if length $rest < 8; return unpack 'Q>', substr $rest, 0, 8, '' }
sub text { my $size = number(); exit 1 if length $rest < $size; return substr $rest, 0, $size, '' }
sub path { my $path = text(); $! = 22, return undef if $path =~ /\0/; return $path =~ m!^/! ? $path : "/$path" }
sub paths { my ($one, $two) = (path(), path()); return defined $one && defined $two ? ($one, $two) : () }
sub attributes {
  my ($has, %a) = number();
  $a{size} = offset() if $has & 1;
  @a{qw(uid gid)} = (number(), number()) if $has & 2;
  $a{mode} = number() & 07777 if $has & 4;
  @a{qw(atime mtime)} = (number(), number()) if $has & 8;
  if ($has & 0x80000000) { for (1 .. number()) { text(); text() } }
  return \%a;
}
sub shown { my @s = @_;
  return pack 'N', 0 if !@s;
  return pack 'N Q> N5', 15, $s[7], @s[4, 5, 2], map { $_ & 0xffffffff } @s[8, 9];
}
# a line as of ls -l: people read it, programs do not
sub line { my ($name, @s) = @_;
  return $name if !@s;
  my $kind = { 1 => 'p', 2 => 'c', 4 => 'd', 6 => 'b', 8 => '-', 10 => 'l', 12 => 's' }->{$s[2] >> 12} // '?';
  my @bits = split //, 'rwxrwxrwx';
  my $mode = join '', map { $s[2] & (256 >> $_) ? $bits[$_] : '-' } 0 .. 8;
  substr $mode, 2, 1, $s[2] & 64 ? 's' : 'S' if $s[2] & 04000;
  substr $mode, 5, 1, $s[2] & 8 ? 's' : 'S' if $s[2] & 02000;
  substr $mode, 8, 1, $s[2] & 1 ? 't' : 'T' if $s[2] & 01000;
  my ($minute, $hour, $day, $month, $year) = (gmtime $s[9])[1 .. 5];
  my $date = (qw(Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec))[$month] . sprintf ' %2d ', $day;
  $date .= time - $s[9] > 15552000 ? sprintf '%5d', $year + 1900 : sprintf '%02d:%02d', $hour, $minute;
  return sprintf '%s%s %4d %-8d %-8d %8d %s %s', $kind, $mode, @s[3, 4, 5, 7], $date, $name;
}
sub named { return reply(104, pack('N', scalar @_) . join '', map { my ($name, @s) = @$_;
  pack('N/a* N/a*', $name, line($name, @s)) . shown(@s) } @_) }
sub keep { my ($what) = @_;
  return wrong('Too many open handles') if keys %open >= $many;
  $open{++$count} = $what;
  return reply(102, pack 'N/a*', $count);
}
sub handle { my ($key) = @_; my $found = $open{text()};
  wrong('No such handle'), return undef if !$found or !$found->{$key};
  return $found->{$key};
}
# chown(2) first: it takes away the bits that let a program run as its owner
sub set { my ($target, $a) = @_;
  return (!exists $a->{size} || truncate $target, $a->{size})
    && (!exists $a->{uid} || chown $a->{uid}, $a->{gid}, $target)
    && (!exists $a->{mode} || chmod $a->{mode}, $target)
    && (!exists $a->{mtime} || utime $a->{atime}, $a->{mtime}, $target);
}
# the same of a link itself, which has no mode: AT_FDCWD and AT_SYMLINK_NOFOLLOW
sub set_link { my ($path, $a) = @_;
  return set($path, $a) if !-l $path;
  return 0 if exists $a->{uid} and call('fchownat', -100, $path, $a->{uid} + 0, $a->{gid} + 0, 0x100) < 0;
  return 1 if !exists $a->{mtime};
  my $times = pack 'q4', $a->{atime}, 0, $a->{mtime}, 0;
  return call('utimensat', -100, $path, $times, 0x100) >= 0;
}
sub space { my ($result, $buffer) = @_;
  return done(0) if $result < 0;
  # struct statfs to struct statvfs; a read-only or a nosuid mount shows in both
  my @s = unpack 'q2 Q5 a8 q3', $buffer;
  return reply(201, pack 'Q>11', $s[1], $s[9] || $s[1], @s[2, 3, 4, 5, 6, 6], unpack('Q', $s[7]), $s[10] & 3, $s[8]);
}
my %extension = (
  'posix-rename@openssh.com' => sub { my @p = paths(); done(@p && rename $p[0], $p[1]) },
  'hardlink@openssh.com' => sub { my @p = paths(); done(@p && link $p[0], $p[1]) },
  'fsync@openssh.com' => sub { my $file = handle('file') or return; done(call('fsync', fileno $file) >= 0) },
  'statvfs@openssh.com' => sub { my $path = path() // return done(0); my $b = "\0" x 256;
    space(syscall($nr{statfs}, $path, $b), $b) },
  'fstatvfs@openssh.com' => sub { my $file = handle('any') or return; my $b = "\0" x 256;
    space(syscall($nr{fstatfs}, fileno $file, $b), $b) },
  'lsetstat@openssh.com' => sub { my $path = path(); my $a = attributes();
    done(defined $path && set_link($path, $a)) },
  'limits@openssh.com' => sub { reply(201, pack 'Q>4', $longest, $most, $most, $many) },
);
my %version = ('posix-rename@openssh.com' => 1, 'hardlink@openssh.com' => 1, 'fsync@openssh.com' => 1,
  'statvfs@openssh.com' => 2, 'fstatvfs@openssh.com' => 2, 'lsetstat@openssh.com' => 1, 'limits@openssh.com' => 1);
my %serve;
# a pipe or a device must not hold the session up
$serve{3} = sub { my ($path, $wants, $a) = (path(), number(), attributes());
  return done(0) if !defined $path;
  my $flags = O_NONBLOCK | O_NOCTTY | (O_RDONLY, O_RDONLY, O_WRONLY, O_RDWR)[$wants & 3];
  $flags |= O_APPEND if $wants & 4;
  $flags |= O_CREAT if $wants & 8;
  $flags |= O_TRUNC if $wants & 16;
  $flags |= O_EXCL if $wants & 32;
  sysopen my $file, $path, $flags, $a->{mode} // 0666 or return done(0);
  # a directory too may be held open, though not read: clients do so before they ask what it is
  return wrong('It is not a file') if !-f $file && !-d _;
  keep({ file => $file, any => $file });
};
$serve{4} = sub { my $key = text(); my $found = delete $open{$key} or return wrong('No such handle');
  done($found->{file} ? close $found->{file} : closedir $found->{directory}) };
$serve{5} = sub { my $file = handle('file') or return; my ($at, $size) = (offset(), number());
  sysseek $file, $at, 0 or return done(0);
  my $got = sysread $file, my $bytes, $size > $most ? $most : $size;
  return done(0) if !defined $got;
  return $got ? reply(103, pack 'N/a*', $bytes) : status(1, 'End of file');
};
$serve{6} = sub { my $file = handle('file') or return; my ($at, $bytes) = (offset(), text());
  sysseek $file, $at, 0 or return done(0);
  while (length $bytes) { my $n = syswrite $file, $bytes or return done(0); substr($bytes, 0, $n) = '' }
  done(1);
};
sub stats { return @_ ? reply(105, shown(@_)) : done(0) }
$serve{7} = sub { my $path = path() // return done(0); stats(lstat $path) };
$serve{17} = sub { my $path = path() // return done(0); stats(stat $path) };
$serve{8} = sub { my $file = handle('any') or return; stats(stat $file) };
$serve{9} = sub { my ($path, $a) = (path(), attributes()); done(defined $path && set($path, $a)) };
$serve{10} = sub { my $file = handle('any') or return; done(set($file, attributes())) };
$serve{11} = sub { my $path = path() // return done(0); opendir my $directory, $path or return done(0);
  keep({ directory => $directory, any => $directory, path => $path }) };
$serve{12} = sub {
  my $found = $open{text()};
  return wrong('No such handle') if !$found or !$found->{directory};
  my @names;
  while (@names < 100 and defined(my $name = readdir $found->{directory})) {
    push @names, [$name, lstat "$found->{path}/$name"];
  }
  return @names ? named(@names) : status(1, 'End of file');
};
$serve{13} = sub { my $path = path(); done(defined $path && unlink $path) };
$serve{14} = sub { my ($path, $a) = (path(), attributes());
  done(defined $path && mkdir $path, $a->{mode} // 0777) };
$serve{15} = sub { my $path = path(); done(defined $path && rmdir $path) };
# only cleaned: links are followed by whoever uses the path
$serve{16} = sub { my $path = path() // return done(0); my @words;
  for (split m!/+!, $path) { $_ eq '..' ? pop @words : $_ ne '' && $_ ne '.' && push @words, $_ }
  named(['/' . join '/', @words]) };
# plain rename of this version replaces nothing
$serve{18} = sub { my ($from, $to) = paths() or return done(0);
  return wrong('File exists') if lstat $to;
  done(rename $from, $to) };
$serve{19} = sub { my $path = path() // return done(0);
  my $target = readlink $path;
  return defined $target ? named([$target]) : done(0) };
# target first, as OpenSSH has it and everybody with it
$serve{20} = sub { my ($target, $path) = (text(), path());
  done(defined $path && $target !~ /\0/ && symlink $target, $path) };
$serve{200} = sub { my $name = text(); my $hand = $extension{$name};
  return $hand ? $hand->() : status(8, 'Not supported') };
# no more input, or no more container: a session must not keep the root of what has ended
sub await {
  my $bits = '';
  vec($bits, 0, 1) = 1;
  vec($bits, $joined, 1) = 1 if defined $joined;
  select my $ready = $bits, undef, undef, undef;
  exit 0 if defined $joined and vec $ready, $joined, 1;
  sysread STDIN, $in, 524288, length $in or exit 0;
}
sub packet {
  while (length $in < 4) { await() }
  my $size = unpack 'N', $in;
  exit 1 if $size < 5 or $size > $longest;
  while (length $in < 4 + $size) { await() }
  $rest = substr $in, 0, 4 + $size, '';
  (undef, my $type, $id) = unpack 'N C N', substr $rest, 0, 9, '';
  return $type;
}
$do{sftp} = sub {
  $SIG{PIPE} = 'DEFAULT';
  # clients send the widest mode and count on this
  umask 022;
  emit("ready\n");
  packet() == 1 or exit 1;
  emit(pack 'N/a*', pack 'C N (N/a*)*', 2, 3, %version);
  while (1) { my $type = packet(); $serve{$type} ? $serve{$type}->() : status(8, 'Not supported') }
};
`;

/** The walker of these steps, with hands for the last of them. */
export const sftpServer = (steps: readonly Step[]): string => walkerFor(steps, entering + protocol);
