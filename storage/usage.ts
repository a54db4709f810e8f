// How much space things take.

import { fileSystemOf } from "../sys/file_systems.ts";
import { exists } from "../sys/present.ts";
import type { PoolHost, Space } from "./driver.ts";

// From directory to directory, each the one that was looked at; what is linked in several places counts once.
const counting = String.raw`my ($sum, %seen) = (0);
sub count { my ($name, $above) = @_;
  my @there = lstat $name or return;
  my $is_directory = -d _;
  return if !$is_directory && $there[3] > 1 && $seen{"@there[0, 1]"}++;
  $sum += $there[12] * 512;
  return if !$is_directory;
  opendir my $directory, $name or return;
  return if "@{[(stat $directory)[0, 1]]}" ne "@there[0, 1]" or !chdir $directory;
  count($_, $directory) for grep { $_ ne '.' && $_ ne '..' } readdir $directory;
  chdir $above or die "fchdir(2): $!\n";
}
opendir my $here, '.' or die "open the working directory: $!\n";
count($_, $here) for @ARGV;
print "$sum\ttotal\n"`;

// What goes away meanwhile is no reason to fail. du(1) aborts where directories take each other's places, which an instance
// could do for as long as it likes.
const script = `du -s -c --block-size=1 -- "$@"; code=$?
[ $code != 134 ] || exec perl -e '${counting.replaceAll("'", `'\\''`)}' -- "$@"
[ $code -le 1 ]`;

/** Bytes that trees take on disk together; what is linked in several counts once. */
export async function diskUsage(
  { hands }: Pick<PoolHost, "hands">,
  trees: readonly string[],
): Promise<number> {
  const present = trees.filter(exists);
  if (present.length === 0) return 0;
  const text = await hands.output(["sh", "-c", script, "du", ...present]);
  return Number(/^(\d+)\ttotal$/m.exec(text)?.[1] ?? "0");
}

/** Space and inodes of the file system a directory is on. */
export function spaceOf(directory: string): Space {
  const { bytes, inodes } = fileSystemOf(directory);
  return {
    space: { used: bytes.total - bytes.free, total: bytes.total },
    inodes: { used: inodes.total - inodes.free, total: inodes.total },
  };
}
