// The walker's hand for a file system in a file: fuse2fs(1) serves it from a mount namespace that does not have it, so
// that nothing holds it but the container; when that is gone, the kernel tells fuse2fs, which writes all down and ends.

// Mounts of a shared directory show in both namespaces; then the new one lets go of it: MS_BIND is 4096, MS_SHARED
// 1 << 20, MS_PRIVATE | MS_REC 0x44000, MS_REMOUNT 32. The lock goes with the file's server: others wait until it has
// ended.
export const imageHand = String.raw`sub { my ($file, $at, $how) = @_;
  must(qq(mount(2) of "$at"), 'mount', $at, $at, 'none', 4096, 0);
  must(qq(mount(2) of "$at", shared), 'mount', 'none', $at, 'none', 1 << 20, 0);
  my $keeper = fork; fail('fork(2)') if !defined $keeper;
  if (!$keeper) {
    must('unshare(2)', 'unshare', 0x20000);
    sysopen my $lock, $file, $how eq 'ro' ? 0 : 2 or fail(qq(open "$file"));
    $SIG{ALRM} = sub { print STDERR qq("$file" is in use by another command\n); exit 125 };
    alarm 60;
    flock $lock, $how eq 'ro' ? 1 : 2 or fail(qq(flock(2) of "$file"));
    alarm 0;
    # the container sees what fuse2fs was given: a name, and no path of the host
    my ($directory, $name) = $file =~ m!^(.*)/([^/]+)$!s;
    chdir $directory or fail(qq(chdir "$directory"));
    my $null;
    my $start = sub { my $pid = fork; fail('fork(2)') if !defined $pid;
      return $pid if $pid;
      call('setsid');
      open $null, '+<', '/dev/null' or fail('open "/dev/null"');
      must('dup3(2)', 'dup3', fileno($null), $_, 0) for 0, 1, 2;
      open my $held, '+<&', $lock or fail('dup(2)');
      must('dup3(2)', 'dup3', fileno($held), 3, 0) if fileno($held) != 3;
      call('close_range', 4, 0xffffffff, 0);
      exec { $_[0] } @_;
      exit 127;
    };
    if ($how ne 'ro') {
      # what a killed server has left
      waitpid $start->('e2fsck', '-p', $name), 0;
      my $code = $? >> 8;
      if ($code > 1) { print STDERR qq("$file" must be mended: e2fsck -f -y\n); exit 125 }
    }
    my $before = (stat $at)[0];
    my $options = 'fakeroot,allow_other,default_permissions,suid,dev' . ($how eq 'ro' ? ',ro' : '');
    my $server = $start->('fuse2fs', '-f', '-o', $options, $name, $at);
    while ((stat $at)[0] == $before) {
      if (waitpid($server, 1) == $server) { print STDERR "fuse2fs(1) does not run here: is /dev/fuse there, and open to you?\n"; exit 125 }
      select undef, undef, undef, 0.002;
    }
    must('mount(2), private', 'mount', 'none', '/', 'none', 0x44000, 0);
    must('umount2(2)', 'umount2', $at, 2) for 1, 2;
    exit 0;
  }
  waitpid $keeper, 0;
  exit 125 if $?;
  # programs may change who they are, as in any root
  must(qq(mount(2) of "$at", anew), 'mount', 'none', $at, 'none', 4096 | 32 | ($how eq 'ro' ? 1 : 0), 0);
}`;
