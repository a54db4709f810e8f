// The two ends of a tree on this side, as programs of their own: one reads files and writes a stream of entries to a
// pipe, one makes files of such a stream. The format is that of client/tree_stream.ts; both run as the caller.

const common = String.raw`
use strict;
use Fcntl;
sub fail { print STDERR "$_[0]\n"; exit 1 }
sub fail_at { my ($verb, $path) = @_; fail(qq(Cannot $verb "$path": $!)) }
sub escaped { my ($word) = @_; $word =~ s/([%\t\n\r\0])/sprintf '%%%02x', ord $1/ge; return $word }
# F_SETPIPE_SZ: fewer turns between the two ends
sub widen { fcntl $_[0], 1031, 1048576 }
`;

/** Arguments: number of splice(2), owner, group and mode of files or "" for their own, the tree. It writes to its input. */
export const sender = common + String.raw`
my ($splice, $uid, $gid, $mode, $top) = @ARGV;
open my $to, '>&=', 0 or fail("Cannot use the pipe: $!");
widen($to);
$SIG{PIPE} = 'IGNORE';
my $held = '';
# whoever reads no more says why itself
sub flush { while (length $held) { my $n = syswrite($to, $held) // exit 2; substr($held, 0, $n) = '' } }
sub entry { my ($type, $name, $size, $target, $is_file, @s) = @_;
  my @owner = ($uid eq '' ? $s[4] : $uid, $gid eq '' ? $s[5] : $gid);
  my $bits = $is_file && $mode ne '' ? $mode : $s[2] & 07777;
  $held .= join("\t", $type, $bits, @owner, $size, escaped($name), escaped($target)) . "\n";
  flush() if length $held > 65536;
}
# from the page cache into the pipe, without passing through here
sub send_bytes { my ($file, $path, $left) = @_;
  flush();
  while ($left > 0) {
    my $n = syscall($splice + 0, fileno($file), 0, 0, 0, $left, 0);
    if ($n < 0) {
      exit 2 if $! == 32;
      $! == 22 or fail_at('read', $path);
      # a file system that cannot
      $n = sysread $file, $held, $left > 262144 ? 262144 : $left;
      defined $n or fail_at('read', $path);
      flush();
    }
    $n > 0 or fail(qq("$path" became shorter while it was sent));
    $left -= $n;
  }
}
sub walk { my ($path, $name) = @_;
  opendir my $dir, $path or fail_at('read', $path);
  my @below;
  for my $entry (grep { $_ ne '.' && $_ ne '..' } readdir $dir) {
    my ($at, $below) = ("$path/$entry", $name eq '' ? $entry : "$name/$entry");
    my @s = lstat $at or fail_at('read', $at);
    my $kind = $s[2] & 0170000;
    if ($kind == 0040000) { push @below, [$at, $below, @s] }
    elsif ($kind == 0120000) { entry('symlink', $below, 0, readlink $at, 1, @s) }
    elsif ($kind == 0100000) {
      sysopen my $file, $at, O_RDONLY | O_NOFOLLOW | O_NONBLOCK or fail_at('read', $at);
      my $size = (stat $file)[7];
      entry('file', $below, $size, '', 1, @s);
      send_bytes($file, $at, $size) if $size > 0;
    }
    else { fail(qq(Cannot push "$at": it is neither file nor directory)) }
  }
  closedir $dir;
  for (@below) { my ($at, $below, @s) = @$_; entry('directory', $below, 0, '', 0, @s); walk($at, $below) }
}
my @s = stat $top or fail_at('read', $top);
entry('directory', '', 0, '', 0, @s);
walk($top, '');
$held .= "end\t0\t0\t0\t0\t\t\n";
flush();
`;

/**
 * Argument: where the tree goes. It reads its input. Only directories that came in this stream are written into, so that
 * no link of the instance's leads elsewhere; what nobody may write into is closed when all of it is there.
 */
export const receiver = common + String.raw`
my ($top) = @ARGV;
umask 0;
widen(\*STDIN);
my ($in, $at, %made, @closed) = ('', 0);
# one buffer of one size: Perl would ask for memory anew as often as it grows
sub more {
  $in = $at < length $in ? substr $in, $at : '';
  $at = 0;
  my $n = sysread STDIN, $in, 262144, length $in;
  exit 2 if !$n;
}
while (1) {
  my $end;
  while (($end = index $in, "\n", $at) < 0) { more() }
  my $line = substr $in, $at, $end - $at;
  $at = $end + 1;
  my ($type, $mode, $uid, $gid, $size, $name, $target) =
    map { s/%([0-9a-f]{2})/chr hex $1/ger } split /\t/, $line, -1;
  last if $type eq 'end';
  my $parent = $name =~ m{^(.*)/}s ? $1 : '';
  my $is_sane = $name eq '' ? !%made && $type eq 'directory' : $made{$parent};
  fail(qq(The server sent an impossible file name: "$name"))
    if !$is_sane or "/$name/" =~ m{/\.\.?/} or $name =~ /\0/;
  my $path = $name eq '' ? $top : "$top/$name";
  if ($type eq 'directory') {
    mkdir $path, $mode & 0777 | 0700 or $! == 17 && -d $path && !-l $path or fail_at('make', $path);
    $made{$name} = 1;
    push @closed, [$path, $mode & 0777] if ($mode & 0700) != 0700;
  }
  elsif ($type eq 'symlink') {
    my $now = readlink $path;
    next if defined $now and $now eq $target;
    symlink $target, $path or fail_at('make', $path);
  }
  else {
    # a link in its place came from the instance, now or when the tree was fetched before
    my $file;
    if (!sysopen $file, $path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_NOCTTY, $mode & 0777) {
      $! == 40 or fail_at('write', $path);
      fail(qq(Cannot write "$path": it is a link, which may have come from the instance));
    }
    while ($size > 0) {
      more() if $at == length $in;
      my $here = length($in) - $at;
      my $n = syswrite($file, $in, $size < $here ? $size : $here, $at) // fail_at('write', $path);
      ($at, $size) = ($at + $n, $size - $n);
    }
    close $file or fail_at('write', $path);
  }
}
for (reverse @closed) { chmod $_->[1], $_->[0] or fail_at('change', $_->[0]) }
`;
