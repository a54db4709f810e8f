// The walker's hands for disks: they clone a tree of the host to a place where the container's root can be shown it, and
// put it where the container wants it. Sources are opened without following links, targets as the container sees them.

/** Calls that have the same number on every architecture. */
export const diskCalls = { open_tree: 428, move_mount: 429, openat2: 437, mount_setattr: 442 } as const;

export type DiskStep = "bind" | "show" | "plug" | "unplug" | "node";

// struct open_how; RESOLVE_NO_SYMLINKS is 4, RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS 18; O_PATH | O_CLOEXEC
const opening = String.raw`
my $o_path = 0x280000;
sub open_how { my ($dir, $path, $flags, $resolve, $mode) = @_;
  my $how = pack 'Q3', $flags, $mode // 0, $resolve;
  # EAGAIN: something was renamed or mounted, anywhere on the host, while the kernel went up by a ".." on the way
  for (my $left = 1000;; $left--) {
    my $fd = call('openat2', $dir, $path, $how, length $how);
    return $fd if $fd >= 0 || $! != 11 || !$left;
    select undef, undef, undef, 0.001;
  }
}
# OPEN_TREE_CLONE | AT_EMPTY_PATH | O_CLOEXEC, and AT_RECURSIVE
sub clone_tree { my ($fd, $recursive, $what) = @_; my $empty = '';
  return must("open_tree(2) of $what", 'open_tree', $fd, $empty, 0x81001 | ($recursive ? 0x8000 : 0));
}
# MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH
sub put_tree { my ($tree, $target, $what) = @_; my ($from, $to) = ('', '');
  must("move_mount(2) to $what", 'move_mount', $tree, $from, $target, $to, 0x44);
}
# a path below a directory that somebody else fills, made where it is missing
sub below { my ($root, $path, $is_directory) = @_;
  my $dir = open_how(-100, $root, $o_path | 0200000, 0);
  fail(qq(open "$root")) if $dir < 0;
  my @names = grep { $_ ne '' && $_ ne '.' } split m!/!, $path;
  my ($done, $last) = ('.', $dir);
  for my $i (0 .. $#names) {
    $done .= "/$names[$i]";
    my $next = open_how($dir, $done, $o_path, 18);
    if ($next < 0 && $! == 2) {
      if ($i < $#names || $is_directory) { must(qq(mkdir(2) of "$path"), 'mkdirat', $last, $names[$i], 0755) }
      # O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC
      elsif (open_how($last, $names[$i], 02000301, 18, 0644) < 0) { fail(qq(create "$path" in the instance)) }
      $next = open_how($dir, $done, $o_path, 18);
    }
    fail(qq(open "$path" in the instance)) if $next < 0;
    $last = $next;
  }
  return $last;
}
`;

// A user namespace with a map, for an idmapped mount: mount_setattr(2), MOUNT_ATTR_IDMAP
const idmapping = String.raw`
sub mapped_namespace { my ($uids, $gids) = @_;
  pipe(my $born, my $cry) or fail('pipe(2)');
  pipe(my $hold, my $release) or fail('pipe(2)');
  my $pid = fork; fail('fork(2)') if !defined $pid;
  if (!$pid) {
    close $born; close $release;
    must('unshare(2) of a user namespace', 'unshare', 0x10000000);
    syswrite $cry, 'x'; sysread $hold, my $x, 1; exit 0;
  }
  close $cry; close $hold;
  sysread($born, my $x, 1) or exit 125;
  for (['uid_map', $uids], ['gid_map', $gids]) {
    open my $map, '>', "/proc/$pid/$_->[0]" or fail("open $_->[0]");
    syswrite($map, $_->[1]) or fail("write $_->[0]");
  }
  open my $ns, '<', "/proc/$pid/ns/user" or fail('open the user namespace');
  close $release; waitpid $pid, 0;
  return $ns;
}
`;

export const diskPrelude = opening + idmapping;

export const diskHands: Record<DiskStep, string> = {
  bind: String.raw`sub { my ($source, $place, $id, $recursive, $set, $uids, $gids, $cover) = @_;
  my $fd = open_how(-100, $source, $o_path, 4);
  fail(qq(open "$source")) if $fd < 0;
  my @stat = stat "/proc/self/fd/$fd" or fail(qq(stat "$source"));
  if ("$stat[0]:$stat[1]" ne $id) { $! = 116; fail(qq("$source" was replaced meanwhile)) }
  my $tree = clone_tree($fd, $recursive, qq("$source"));
  my $ns = $uids eq '' ? undef : mapped_namespace($uids, $gids);
  if ($set > 0 or $ns) {
    my $attr = pack 'Q4', $set | ($ns ? 0x100000 : 0), 0, 0, $ns ? fileno $ns : 0;
    my $empty = '';
    must(qq(mount_setattr(2) of "$source"), 'mount_setattr', $tree, $empty, 0x9000, $attr, length $attr);
  }
  mkdir $place =~ s!/[^/]*$!!r, 0755;
  if (-d "/proc/self/fd/$fd") { mkdir $place, 0755 or -d $place or fail(qq(mkdir "$place")) }
  else { open my $new, '>>', $place or fail(qq(create "$place")) }
  my $target = open_how(-100, $place, $o_path, 4);
  fail(qq(open "$place")) if $target < 0;
  put_tree($tree, $target, qq("$place"));
  # the source is above the place where the root is built: that must not show through
  if ($cover ne '') { call('umount2', $place . $cover, 2) }
}`,
  show: String.raw`sub { my ($place, $root, $path, $propagation) = @_;
  my $fd = open_how(-100, $place, $o_path, 4);
  fail(qq(open "$place")) if $fd < 0;
  my $tree = clone_tree($fd, 1, qq("$place"));
  put_tree($tree, below($root, $path, -d $place), qq("$path" in the instance));
  if ($propagation > 0) {
    my $target = "/proc/self/fd/" . below($root, $path, -d $place);
    must(qq(mount(2) of "$path"), 'mount', 'none', $target, 'none', $propagation + 0, 0);
  }
}`,
  plug: String.raw`sub { my ($place, $pid, $identity, $root, $path, $propagation) = @_;
  open my $mounts, '<', "/proc/$pid/ns/mnt" or fail('open the mount namespace');
  # the copy that another user namespace gets is locked: nobody inside takes back what it may not do
  enter("/proc/$pid/ns/user", 0x10000000);
  be_root($identity);
  must('unshare(2)', 'unshare', 0x20000);
  my $fd = open_how(-100, $place, $o_path, 4);
  fail(qq(open "$place")) if $fd < 0;
  my $is_directory = -d "/proc/self/fd/$fd";
  my $tree = clone_tree($fd, 1, qq("$place"));
  must('setns(2) of the mounts', 'setns', fileno($mounts), 0x20000);
  put_tree($tree, below($root, $path, $is_directory), qq("$path" in the instance));
  my $target = $root eq '/' ? $path : "$root$path";
  must(qq(mount(2) of "$path"), 'mount', 'none', $target, 'none', $propagation + 0, 0) if $propagation > 0;
}`,
  // UMOUNT_NOFOLLOW | MNT_DETACH; the container may have mounted over it, or taken it away itself: EINVAL, ENOENT
  unplug: String.raw`sub { my ($pid, $identity, $root, $path, $is_node) = @_;
  $path = "$root$path" if $root ne '/';
  my $init = must("pidfd_open(2) of $pid", 'pidfd_open', $pid + 0, 0);
  must('setns(2) of a container', 'setns', $init, 0x10000000 | 0x20000);
  be_root($identity);
  for (1 .. 64) { last if call('umount2', $path, 10) < 0 }
  fail(qq(umount2(2) of "$path")) if $! != 22 and $! != 2;
  # the empty file that a node was shown over
  unlink $path if $is_node and -f $path and -z _;
}`,
  // new_encode_dev() of the kernel
  node: String.raw`sub { my ($path, $mode, $major, $minor, $uid, $gid) = @_;
  my $device = ($minor & 0xff) | $major << 8 | ($minor & ~0xff) << 12;
  must(qq(mknod(2) of "$path"), 'mknodat', -100, $path, $mode + 0, $device);
  chown $uid, $gid, $path or fail(qq(chown "$path"));
  chmod $mode & 07777, $path or fail(qq(chmod "$path"));
}`,
};
