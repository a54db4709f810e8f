// The walker's hands for the last steps of a start: they filter what follows, and become the program that is to run.

export type InitStep = "filter" | "exec" | "serve" | "keep";

/** What these hands share: what the starter reads of them goes on until the program has begun, or says why it has not. */
export const initPrelude = String.raw`
# nothing stays open from this descriptor on but the report, and that until the program begins
sub keep_report { my ($fd) = @_;
  if (fileno $report != $fd) {
    must('dup3(2)', 'dup3', fileno($report), $fd, 0);
    # a handle that is opened again keeps its number
    open my $kept, '>&=', $fd or fail('the report');
    $report = $kept;
  }
  call('close_range', $fd + 1, 0xffffffff, 0);
  # F_SETFD, FD_CLOEXEC
  fcntl $report, 2, 1 or fail('fcntl(2)');
}
`;

export const initHands: Record<InitStep, string> = {
  // SECCOMP_SET_MODE_FILTER with SECCOMP_FILTER_FLAG_SPEC_ALLOW: before Linux 5.16 a filter slowed its processes down, as
  // if they ran code of strangers. struct sock_fprog; EINVAL and ENOSYS of a kernel without filters
  filter: String.raw`sub { my ($optional, $digits) = @_;
  my $program = pack 'H*', $digits;
  my $r = call('seccomp', 1, 4, pack 'S x6 P', length($program) / 8, $program);
  fail('seccomp(2)') if $r < 0 and !($optional and $! == 22 || $! == 38);
}`,
  exec: String.raw`sub { my ($stdio, $count, @rest) = @_;
  %ENV = splice @rest, 0, $count;
  call('setsid');
  if (sysopen my $t, $stdio, 2 | 0400) { must('dup3(2)', 'dup3', fileno($t), $_, 0) for 0, 1, 2; close $t }
  elsif (open my $null, '+<', '/dev/null') { must('dup3(2)', 'dup3', fileno($null), $_, 0) for 0, 1, 2; close $null }
  keep_report(3);
  reset_signals();
  exec { $rest[0] } @rest;
  fail("execve(2) of $rest[0]");
}`,
  serve: String.raw`sub { my ($stdio, $uid, $gid, $cwd, $stop, $count, @rest) = @_;
  %ENV = splice @rest, 0, $count;
  if (sysopen my $t, $stdio, 2 | 0400) { must('dup3(2)', 'dup3', fileno($t), $_, 0) for 0, 1, 2; close $t }
  elsif (open my $null, '+<', '/dev/null') { must('dup3(2)', 'dup3', fileno($null), $_, 0) for 0, 1, 2; close $null }
  keep_report(3);
  my $pid = fork; fail('fork(2)') if !defined $pid;
  if (!$pid) {
    call('setsid');
    my $made = ''; for (split m{/+}, $cwd) { next if $_ eq ''; $made .= "/$_"; mkdir $made, 0755 }
    reset_signals();
    must_be_ids($uid, $gid);
    must('setgroups(2)', 'setgroups', 0, 0) if $uid or $gid;
    must('setresgid(2)', 'setresgid', ($gid + 0) x 3) if $gid;
    must('setresuid(2)', 'setresuid', ($uid + 0) x 3) if $uid;
    chdir $cwd or fail(qq(chdir "$cwd"));
    exec { $rest[0] } @rest;
    fail("execve(2) of $rest[0]");
  }
  # Perl would leave it open, for a handle that had this number before
  call('close_range', 3, 0xffffffff, 0);
  $0 = 'drey: init of an application';
  chdir '/';
  for my $name (qw(HUP INT QUIT USR1 USR2 WINCH)) { $SIG{$name} = sub { kill $name, $pid } }
  $SIG{$_} = sub { kill $stop + 0, $pid } for qw(TERM PWR);
  for (;;) {
    my $done = waitpid -1, 0;
    # without taking itself apart: it would complain of the handles that were closed
    call('exit_group', $? & 127 ? 128 + ($? & 127) : $? >> 8) if $done == $pid;
    call('exit_group', 125) if $done == -1 and $! == 10;
  }
}`,
  keep: String.raw`sub { my ($door, $count, @rest) = @_;
  %ENV = splice @rest, 0, $count;
  call('setsid');
  open my $null, '+<', '/dev/null' or fail('open "/dev/null"');
  must('dup3(2)', 'dup3', fileno($null), $_, 0) for 0, 1;
  must('dup3(2)', 'dup3', $door + 0, 3, 0);
  keep_report(4);
  reset_signals();
  exec { $rest[0] } @rest;
  fail("execve(2) of $rest[0]");
}`,
};
