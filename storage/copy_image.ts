// A plain copy of an unpacked image: for pools and volumes that mount no overlay. An image of several layers is copied
// from the lowest to the uppermost, each taking away what it hides before it adds what it has.

import { dirname } from "@std/path";
import type { Hands } from "./driver.ts";
import { imageTrees } from "./layers.ts";

/** Makes room for a layer: what it hides, or has as another kind of file, goes. overlayfs.rst, "whiteouts" */
const makeRoom = String.raw`
use strict;
my ($get, $layer, $to) = @ARGV;
sub gone { system('rm', '-rf', '--', $_[0]) == 0 or exit 1 }
sub opaque { my ($name, $value) = ("user.overlay.opaque\0", "\0" x 16);
  return syscall($get + 0, "$_[0]\0", $name, $value, 16) > 0 && substr($value, 0, 1) eq 'y' }
sub walk { my ($at) = @_;
  opendir my $dir, "$layer$at" or do { print STDERR "open $layer$at: $!\n"; exit 1 };
  for my $entry (grep { $_ ne '.' && $_ ne '..' } readdir $dir) {
    my ($above, $below) = ("$layer$at/$entry", "$to$at/$entry");
    my ($mine, $theirs) = (-d $above && !-l $above, -d $below && !-l $below);
    gone($below) if (-e $below || -l $below) && (!$mine || !$theirs || opaque($above));
    walk("$at/$entry") if $mine;
  }
}
walk('');`;

const lgetxattr = { x86_64: 192, aarch64: 9 } as const;

/** Copies an image's tree, its root directory included, to a path that does not exist. */
export async function copyImage(hands: Hands, rootfs: string, to: string): Promise<void> {
  const layers = imageTrees(dirname(rootfs)).toReversed();
  const [lowest = rootfs, ...others] = layers;
  await hands.run(["cp", "-a", "--reflink=auto", "--", lowest, to]);
  for (const layer of others) {
    await hands.run(["perl", "-e", makeRoom, String(lgetxattr[Deno.build.arch]), layer, to]);
    await hands.run(["cp", "-a", "--reflink=auto", "--", `${layer}/.`, to]);
  }
  // whiteouts hide nothing in a plain tree
  if (others.length > 0) await hands.run(["find", to, "-xdev", "-type", "c", "-delete"]);
}
