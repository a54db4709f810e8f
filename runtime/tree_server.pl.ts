// Further hands of the walker for files: whole trees in one stream, both ways. An entry is a line of words (type, mode,
// user, group, size, name, target of a link; -1 leaves an owner to the kernel), and for a file its bytes. `end` ends it.

export const treeHands = String.raw`
my ($in, $at) = ('', 0);
# F_SETPIPE_SZ: fewer turns between the two ends
sub widen { fcntl $_[0], 1031, 1048576 }
# EBADMSG: what came is no tree
sub no_tree { answer('error', 74, "The tree $_[0]"); exit 0 }
# one buffer of one size: Perl would ask for memory anew as often as it grows
sub more {
  $in = $at < length $in ? substr $in, $at : '';
  $at = 0;
  my $n = sysread STDIN, $in, 262144, length $in;
  no_tree('ends in the middle') if !$n;
  end_with_instance();
}
sub entry_line {
  my $end;
  # a name and a target take 4096 bytes each at most, three times that when escaped
  while (($end = index $in, "\n", $at) < 0) {
    no_tree('has an entry that is too long') if length($in) - $at > 65536;
    more();
  }
  my $line = substr $in, $at, $end - $at;
  $at = $end + 1;
  return map { s/%([0-9a-f]{2})/chr hex $1/ger } split /\t/, $line, -1;
}
sub refuse_at { my ($path) = @_; my ($code, $why) = ($! + 0, "$!"); answer('error', $code, "$path: $why"); exit 0 }
# what exists keeps owner and mode; what is new has no special bits before it has its owner, who would take them away
sub put_file { my ($path, $uid, $gid, $mode, $size) = @_;
  my ($file, $new) = (undef, 1);
  if (!sysopen $file, $path, O_WRONLY | O_CREAT | O_EXCL, $mode < 0 ? 0600 : $mode & 0777) {
    refuse_at($path) if $! != 17;
    sysopen $file, $path, O_WRONLY | O_NONBLOCK | O_NOCTTY | O_TRUNC or refuse_at($path);
    $new = 0;
  }
  while ($size > 0) {
    more() if $at == length $in;
    my $here = length($in) - $at;
    my $n = syswrite $file, $in, $size < $here ? $size : $here, $at;
    refuse_at($path) if !defined $n;
    $at += $n;
    $size -= $n;
  }
  $unowned = $path if $new;
  give($file, $uid, $gid, $mode & 07000 ? $mode : -1) if $new;
  undef $unowned;
  close $file or refuse_at($path);
}
$serve{'put-tree'} = sub { my ($base) = @_;
  widen(\*STDIN);
  umask 0;
  while (1) {
    my ($type, $mode, $uid, $gid, $size, $name, $target) = entry_line();
    last if $type eq 'end';
    no_tree('has an entry that is none') if !defined $target or grep { !/^-?[0-9]{1,18}$/ } $mode, $uid, $gid, $size;
    no_tree("has no file \"$name\" inside") if "/$name/" =~ m!/\.\.?/! or $name =~ /\0/;
    my $path = $name eq '' ? $base : "$base/$name";
    if ($type eq 'directory') {
      next if -d $path;
      mkdir $path, 0700 or refuse_at($path);
      $unowned = $path;
      give($path, $uid, $gid, $mode);
      undef $unowned;
    }
    elsif ($type eq 'symlink') {
      my $now = readlink $path;
      next if defined $now and $now eq $target;
      symlink $target, $path or refuse_at($path);
      $unowned = $path;
      call('fchownat', -100, $path, $uid + 0, $gid + 0, 0x100) < 0 and refuse_owner($uid, $gid);
      undef $unowned;
    }
    elsif ($type eq 'file') { put_file($path, $uid, $gid, $mode, $size) }
    else { no_tree("has an entry \"$type\"") }
  }
  answer('ok');
};
# where a tree goes: to standard output after the answer, or straight into a pipe
my ($out, $sink, $is_pipe) = ('', \*STDOUT, 0);
sub flush_out { while (length $out) { my $n = syswrite $sink, $out or exit 1; substr($out, 0, $n) = '' } }
sub send_out { $out .= $_[0]; flush_out() if length $out > 524288 }
# from the page cache into the pipe, without passing through here; 0 if that cannot be
sub splice_out { my ($file, $left) = @_;
  flush_out();
  my $n = call('splice', fileno($file), 0, fileno($sink), 0, $left, 0);
  return $n > 0 ? $n : 0;
}
sub send_entry { send_out(join("\t", map { s/([%\t\n\r\0])/sprintf '%%%02x', ord $1/ger } @_) . "\n") }
sub send_tree { my ($path, $name) = @_;
  my @s = lstat $path or return;
  my ($kind, $mode) = ($s[2] & 0170000, $s[2] & 07777);
  if ($kind == 0040000) {
    opendir my $dir, $path or return;
    send_entry('directory', $mode, @s[4, 5], 0, $name, '');
    send_tree("$path/$_", $name eq '' ? $_ : "$name/$_") for sort grep { $_ ne '.' and $_ ne '..' } readdir $dir;
  }
  elsif ($kind == 0120000) { send_entry('symlink', $mode, @s[4, 5], 0, $name, readlink $path) }
  elsif ($kind == 0100000) {
    sysopen my $file, $path, O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_NOCTTY or return;
    my $left = (stat $file)[7];
    send_entry('file', $mode, @s[4, 5], $left, $name, '');
    while ($left > 0) {
      if ($is_pipe and my $n = splice_out($file, $left)) { $left -= $n; next }
      my $n = sysread $file, my $bytes, $left > 262144 ? 262144 : $left;
      # a file that shrinks meanwhile ends in zeros
      $bytes = "\0" x ($left > 262144 ? 262144 : $left) if !$n;
      $left -= length $bytes;
      send_out($bytes);
    }
  }
}
$serve{'get-tree'} = sub { my ($base, $to) = @_;
  if ($to eq 'pipe') { open my $pipe, '>&=', 0 or refuse(); ($sink, $is_pipe) = ($pipe, 1) }
  widen($sink);
  my @s = lstat $base or refuse();
  if (($s[2] & 0170000) != 0040000) { $! = 20; refuse() }
  answer('ok', 'directory', @s[4, 5], $s[2] & 07777, $s[9], 0);
  send_tree($base, '');
  send_entry('end', 0, 0, 0, 0, '', '');
  flush_out();
};
`;
