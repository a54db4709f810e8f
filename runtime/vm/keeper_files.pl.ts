// Files that the servers of shared directories hold open, as Perl. A server has a descriptor for each file that the
// guest's kernel remembers, and that remembers as many as fit into its memory: where the host allows few descriptors the
// guest would soon be refused any file. So it is asked to forget those that nobody uses before there are too many.

/** Subroutines for the keeper; they want `%nr`, `%helper`, `$agent_out` and `$is_there`. */
export const keeperFiles = String.raw`
my ($most_files, %server, $files_looked) = (0, undef, 0);
# getrlimit(2): RLIMIT_NOFILE
sub raise_limit {
  my $limits = "\0" x 16;
  syscall($nr{prlimit}, 0, 7, 0, $limits) == 0 or return;
  my ($now, $most) = unpack 'Q Q', $limits;
  my $wanted = pack 'Q Q', $most, $most;
  # what a guest has memory for is less than a million
  syscall($nr{prlimit}, 0, 7, $wanted, 0) if $now < $most;
  $most_files = $most < 500_000 ? $most : 0;
}
# each with the fewest files it has had since its guest was asked
sub watch_files { $server{$_[0]} = 0 if $most_files }
sub files_of { my ($pid) = @_;
  opendir my $all, "/proc/$pid/fd" or return 0;
  my $count = () = readdir $all;
  return $count;
}
# looks, and gives the seconds until it has to look again; none if it never has
sub look_at_files {
  delete @server{grep { !$helper{$_} } keys %server};
  return if !%server;
  my $now = now();
  my $wait = 2;
  return $files_looked - $now if $files_looked > $now;
  for my $pid (keys %server) {
    my $count = files_of($pid);
    $server{$pid} = $count if $count < $server{$pid};
    $wait = 0.5 if $count > $most_files / 8;
    # files in use stay: it is asked again when there are many more
    next if $count < $most_files / 3 or $count < 1.3 * $server{$pid} or !$is_there;
    $agent_out .= frame(0xffffffff, 'power', 'forget');
    $server{$pid} = $count;
  }
  $files_looked = $now + $wait;
  return $wait;
}
`;
