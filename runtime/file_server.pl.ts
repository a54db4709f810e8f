// The walker with hands for files: a Perl program that joins a container, or mounts the root of a stopped one, and
// then serves one request about one path. The kernel resolves that path as the container does, so no link leads out.
//
// It prints `ready` once it stands inside, then one line of words, `ok …` or `error ERRNO TEXT`, then what was asked
// for. Content to write arrives on standard input.

import type { Step } from "./steps.ts";
import { walkerFor } from "./walker.pl.ts";

/** Ways to the files of a container, and a way to speak; `$joined` is a pidfd of the init of a running one. */
export const entering = String.raw`
use Fcntl;
my $joined;
$do{'join-files'} = sub { my ($pid, $identity) = @_;
  $joined = must("pidfd_open(2) of $pid", 'pidfd_open', $pid + 0, 0);
  must('setns(2) of a container', 'setns', $joined, 0x10000000 | 0x20000);
  be_root($identity);
};
# the end of an instance ends every process inside but those that have only joined its mounts: the next start has them mounted anew
sub end_with_instance {
  return if !defined $joined;
  my $ended = '';
  vec($ended, $joined, 1) = 1;
  kill 9, $$ if select($ended, undef, undef, 0) > 0;
}
$do{chroot} = sub { chdir $_[0] && chroot '.' and chdir '/' or fail(qq(chroot(2) to "$_[0]")) };
sub emit { my ($bytes) = @_;
  while (length $bytes) { my $n = syswrite STDOUT, $bytes or exit 1; substr($bytes, 0, $n) = '' }
}
`;

const fileHands = String.raw`
sub answer { emit(join("\t", map { s/([%\t\n\r\0])/sprintf '%%%02x', ord $1/ger } @_) . "\n") }
my $unowned;
sub refuse { refuse_with($! + 0, "$!") }
# what is new and cannot be given to whom it is for does not stay
sub refuse_with { if (defined $unowned) { unlink $unowned or rmdir $unowned } answer('error', @_); exit 0 }
# EINVAL of chown(2), told apart from that of files that are none by EOVERFLOW
sub refuse_owner { my ($u, $g) = @_;
  refuse() if $! != 22;
  refuse_with(75, 'The instance has no such owner: ' . join ', ', $u < 0 ? () : "user $u", $g < 0 ? () : "group $g");
}
# owner and mode of what is new, or those of the words in $only
sub give { my ($path, $uid, $gid, $mode, $only) = @_;
  my $wants = sub { !defined $only or ",$only," =~ /,$_[0],/ };
  my ($u, $g) = ($wants->('uid') ? $uid + 0 : -1, $wants->('gid') ? $gid + 0 : -1);
  if ($u >= 0 or $g >= 0) { chown $u, $g, $path or refuse_owner($u, $g) }
  if ($wants->('mode') and $mode >= 0) { chmod $mode + 0, $path or refuse() }
}
my %serve;
$serve{get} = sub { my ($path, $wanted) = @_;
  my @stat = lstat $path or refuse();
  my $kind = $stat[2] & 0170000;
  my $file;
  if ($kind == 0100000) {
    # a pipe put in its place meanwhile must not hold us up
    sysopen $file, $path, O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_NOCTTY or refuse();
    @stat = stat $file or refuse();
    $kind = $stat[2] & 0170000;
  }
  my ($type, $content) = ('file', '');
  if ($kind == 0120000) { ($type, $content) = ('symlink', readlink $path); refuse() if !defined $content }
  elsif ($kind == 0040000) {
    opendir my $dir, $path or refuse();
    ($type, $content) = ('directory', join "\0", sort grep { $_ ne '.' and $_ ne '..' } readdir $dir);
  }
  elsif ($kind != 0100000) { $! = 22; refuse() }
  answer('ok', $type, @stat[4, 5], $stat[2] & 07777, $stat[9], $type eq 'file' ? $stat[7] : length $content);
  exit 0 if $wanted eq 'head';
  emit($content);
  if ($type eq 'file') {
    while (my $n = sysread $file, my $bytes, 131072) { emit($bytes) }
  }
};
$serve{file} = sub { my ($path, $write, $uid, $gid, $mode, $only) = @_;
  my $flags = O_WRONLY | O_NONBLOCK | O_NOCTTY | ($write eq 'append' ? O_APPEND : O_TRUNC);
  my ($file, $new);
  if (!sysopen $file, $path, $flags) {
    refuse() if $! != 2;
    sysopen $file, $path, $flags | O_CREAT | O_EXCL, 0600 or refuse();
    $new = 1;
  }
  if (!-f $file) { $! = 22; refuse() }
  $unowned = $path if $new;
  give($file, $uid, $gid, -1) if $new;
  undef $unowned;
  while (1) {
    my $n = sysread STDIN, my $bytes, 131072;
    exit 1 if !defined $n;
    last if !$n;
    end_with_instance();
    while (length $bytes) { my $m = syswrite $file, $bytes or refuse(); substr($bytes, 0, $m) = '' }
  }
  $new ? give($file, -1, -1, $mode) : give($file, $uid, $gid, $mode, $only);
  close $file or refuse();
  answer('ok');
};
$serve{directory} = sub { my ($path, $write, $uid, $gid, $mode, $only) = @_;
  if (-d $path) { give($path, $uid, $gid, $mode, $only) }
  else { mkdir $path, 0700 or refuse(); $unowned = $path; give($path, $uid, $gid, $mode) }
  answer('ok');
};
$serve{symlink} = sub { my ($path, $write, $uid, $gid, $mode, $only, $target) = @_;
  my $now = readlink $path;
  if (!defined $now or $now ne $target) {
    symlink $target, $path or refuse();
    $unowned = $path;
    # AT_FDCWD and AT_SYMLINK_NOFOLLOW: Perl's own chown would follow the link
    call('fchownat', -100, $path, $uid + 0, $gid + 0, 0x100) < 0 and refuse_owner($uid, $gid);
  }
  answer('ok');
};
$serve{delete} = sub { my ($path) = @_;
  my @stat = lstat $path or refuse();
  (($stat[2] & 0170000) == 0040000 ? rmdir $path : unlink $path) or refuse();
  answer('ok');
};
# whether a path is new or a directory, in the file system of the root and with no mounts below, and where that is
sub place_of { my ($path, $where) = @_;
  my @there = lstat $path;
  my $is_new = !@there && $! == 2;
  return 'other' if !$is_new and (!@there or ($there[2] & 0170000) != 0040000);
  my ($directory) = $is_new ? $path =~ m{^(.*/)} : $path;
  chdir $directory or return 'other';
  my ($root, $here) = map { [stat] } '/', '.';
  return 'other' if $$root[0] != $$here[0];
  if ($where eq 'guest' and !$is_new) {
    defined(my $real = readlink '/proc/self/cwd') or return 'other';
    open my $mounts, '<', '/proc/self/mountinfo' or return 'other';
    while (<$mounts>) { return 'other' if index((split / /)[4] =~ s/\\([0-7]{3})/chr oct $1/ger, $real =~ s{/*$}{/}r) == 0 }
    # what has been written to mapped files is in the guest's memory alone
    opendir my $handle, '.' or return 'other';
    call('syncfs', fileno $handle) >= 0 or return 'other';
  }
  return join ' ', $is_new ? 'new' : 'directory', $$here[1];
}
$serve{place} = sub { my $text = place_of(@_); answer('ok', 'file', (0) x 4, length $text); emit($text) };
$do{file} = sub { my ($what, @words) = @_;
  emit("ready\n");
  $serve{$what}->(@words);
  exit 0;
};
`;

/** The walker of these steps, with hands for the last of them, and `more` of them. */
export const fileServer = (steps: readonly Step[], more = ""): string =>
  walkerFor(steps, entering + fileHands + more);
