// From one map's files to another's: which ids of the host become which, when files that one container made shall be
// the same users' files in another.

import { type IdMap, type IdRange, mapText } from "./map.ts";

/**
 * What each host id of `from` becomes in `to`: ranges whose `nsId` is the old host id and whose `hostId` the new one.
 * Ids that only one of them knows are left out.
 */
export function shiftBetween(from: IdMap, to: IdMap): IdMap {
  return { uids: between(from.uids, to.uids), gids: between(from.gids, to.gids) };
}

function between(from: readonly IdRange[], to: readonly IdRange[]): IdRange[] {
  return from.flatMap((old) =>
    to.flatMap((now) => {
      const first = Math.max(old.nsId, now.nsId);
      const count = Math.min(old.nsId + old.count, now.nsId + now.count) - first;
      if (count <= 0) return [];
      return [{ nsId: old.hostId + first - old.nsId, hostId: now.hostId + first - now.nsId, count }];
    })
  ).toSorted((a, b) => a.nsId - b.nsId);
}

/** Whether a shift changes anything. */
export const isIdle = ({ uids, gids }: IdMap): boolean =>
  [...uids, ...gids].every(({ nsId, hostId }) => nsId === hostId);

// lchown(2) takes the bits away that let a program run as its owner: they are put back. What no range knows stays.
const script = String.raw`
use File::Find;
my ($root, @texts) = @ARGV;
my @maps = map { [map { [split / /] } split /\n/] } @texts;
sub moved { my ($id, $map) = @_;
  for (@$map) { my ($from, $to, $count) = @$_; return $to + $id - $from if $id >= $from && $id < $from + $count }
  return $id;
}
my ($failed, %seen);
find({ no_chdir => 1, follow => 0, wanted => sub {
  my @s = lstat $_ or return;
  # a file of two names whose new owner has a number that others had before
  return if $s[3] > 1 && $seen{"$s[0] $s[1]"}++;
  my ($uid, $gid) = (moved($s[4], $maps[0]), moved($s[5], $maps[1]));
  return if $uid == $s[4] && $gid == $s[5];
  my $link = ($s[2] & 0170000) == 0120000;
  if ($link) { system('chown', '-h', '--', "$uid:$gid", $_) == 0 or $failed = $_; return }
  chown $uid, $gid, $_ or $failed = "$_: $!";
  chmod $s[2] & 07777, $_ if $s[2] & 06000;
} }, $root);
die "cannot give $failed another owner\n" if $failed;
`;

/**
 * argv that gives the files of a tree other owners; ids are those of the namespace it runs in. Doing it again after it
 * was cut short does the rest.
 */
export function shiftArgv(root: string, { uids, gids }: IdMap): string[] {
  return ["perl", "-e", script, root, mapText(uids), mapText(gids)];
}
