// Two adjacent overlay layers made into one that says the same: a Perl program for root of the layers' ids, since it
// reads attributes of overlayfs and makes whiteouts. Files are hard links: layers are never written again, so the
// third costs names only. perl-base is enough. overlayfs.rst, "whiteouts and opaque directories"

const numbers = {
  x86_64: { lgetxattr: 192, lsetxattr: 189 },
  aarch64: { lgetxattr: 9, lsetxattr: 6 },
};

const program = String.raw`
use strict;
my ($get, $set, $upper, $lower, $made) = @ARGV;
my $name = "user.overlay.opaque\0";
sub fail { print STDERR "$_[0]: $!\n"; exit 1 }
# the value is "y"; newer kernels also know "x", which hides nothing
sub is_opaque { my $path = "$_[0]\0"; my $value = "\0" x 16;
  my $size = syscall($get + 0, $path, $name, $value, 16);
  return $size > 0 && substr($value, 0, 1) eq 'y';
}
sub make_opaque { my $path = "$_[0]\0"; my $value = 'y';
  syscall($set + 0, $path, $name, $value, 1, 0) == 0 or fail("setxattr(2) on $_[0]");
}
sub entries { opendir my $dir, $_[0] or fail("open $_[0]"); return grep { $_ ne '.' && $_ ne '..' } readdir $dir }
sub is_plain_dir { return -d $_[0] && !-l $_[0] }
sub there { return -e $_[0] || -l $_[0] }
# what the lower layer has and the upper one leaves as it is
sub fill { my ($at) = @_;
  my (@missing, @both);
  for my $entry (entries("$lower$at")) {
    my ($above, $below) = ("$upper$at/$entry", "$lower$at/$entry");
    if (!there($above)) { push @missing, $below }
    elsif (is_plain_dir($above) && !is_opaque($above)) {
      if (!is_plain_dir($below)) { make_opaque("$made$at/$entry") }
      else {
        push @both, "$at/$entry";
        make_opaque("$made$at/$entry") if is_opaque($below);
      }
    }
  }
  while (my @some = splice @missing, 0, 500) {
    system('cp', '-al', '-t', "$made$at", '--', @some) == 0 or exit 1;
  }
  fill($_) for @both;
  system('touch', '-r', "$upper$at", '--', "$made$at") == 0 or exit 1;
}
system('cp', '-al', '--', $upper, $made) == 0 or exit 1;
make_opaque($made) if is_opaque($lower);
fill('');
`;

/** argv that makes `made`, which must not exist, out of a layer and the one below it; to be run as root of their ids. */
export function mergeArgv(layers: { upper: string; lower: string; made: string }): string[] {
  const { lgetxattr, lsetxattr } = numbers[Deno.build.arch];
  return [
    "perl",
    "-e",
    program,
    String(lgetxattr),
    String(lsetxattr),
    layers.upper,
    layers.lower,
    layers.made,
  ];
}
