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

// The tree becomes the root directory: an instance may have it open yet, and put links in the place of what was looked
// at. Nothing may be loaded from in there. lchown(2) takes the bits away that let a program run as its owner: they are put
// back. What no range knows stays.
const script = String.raw`
my ($lchown, $root, @texts) = @ARGV;
my @maps = map { [map { [split / /] } split /\n/] } @texts;
@INC = ();
sub moved { my ($id, $map) = @_;
  for (@$map) { my ($from, $to, $count) = @$_; return $to + $id - $from if $id >= $from && $id < $from + $count }
  return $id;
}
my ($failed, %seen);
# ENOENT, ENOTDIR, ELOOP: what has gone meanwhile needs no owner
sub missed { $failed = "$_[0]: $!" if $! != 2 and $! != 20 and $! != 40 }
sub shift_owner { my ($path) = @_;
  my @s = lstat $path or return missed($path);
  my $kind = $s[2] & 0170000;
  # a file of two names whose new owner has a number that others had before
  if ($kind == 0040000 or $s[3] == 1 or !$seen{"$s[0] $s[1]"}++) {
    my ($uid, $gid) = (moved($s[4], $maps[0]), moved($s[5], $maps[1]));
    if ($uid != $s[4] or $gid != $s[5]) {
      # AT_FDCWD and AT_SYMLINK_NOFOLLOW
      syscall($lchown + 0, -100, $path, $uid, $gid, 0x100) == 0 or missed($path);
      chmod $s[2] & 07777, $path if $s[2] & 06000 and $kind != 0120000;
    }
  }
  return if $kind != 0040000;
  opendir my $directory, $path or return missed($path);
  # a link now: where it leads is come to, or is no part of the tree
  return if "@{[(stat $directory)[0, 1]]}" ne "@s[0, 1]";
  my @names = grep { $_ ne '.' && $_ ne '..' } readdir $directory;
  closedir $directory;
  shift_owner($path eq '/' ? "/$_" : "$path/$_") for @names;
}
chdir $root && chroot '.' and chdir '/' or die "chroot(2) to $root: $!\n";
shift_owner('/');
die "cannot give $failed another owner\n" if $failed;
`;

/** fchownat(2), which Perl knows by its number only */
const lchown = Deno.build.arch === "x86_64" ? 260 : 54;

/**
 * argv that gives the files of a tree other owners; ids are those of the namespace it runs in. Doing it again after it
 * was cut short does the rest.
 */
export function shiftArgv(root: string, { uids, gids }: IdMap): string[] {
  return ["perl", "-e", script, String(lchown), root, mapText(uids), mapText(gids)];
}
