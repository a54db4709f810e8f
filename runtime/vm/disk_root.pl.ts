// Hands in the box of a virtual machine with a disk of its own, as Perl: they make the file that is written to, before
// QEMU opens it. What is made appears whole under its name.

import { type DiskPlan, openMark, stateNames } from "./disk_root.ts";

export interface DiskMaking {
  /** directory of the disk */
  directory: string;
  plan: DiskPlan;
  /** `bytes` it is to have at least */
  size: number;
  /** the firmware's variables, and what they begin as; where there is a firmware */
  nvram?: { name: string; template: string };
  /** whether the machine goes on from its memory, so that everything is there */
  isResumed?: boolean;
}

/** argv of the program, to be run in the box. */
export function makeDiskArgv({ directory, plan, size, nvram, isResumed = false }: DiskMaking): string[] {
  const below = "below" in plan ? plan.below : "";
  const base = plan.kind === "short" ? plan.base : plan.kind === "kept" ? plan.from : "";
  const variables = nvram === undefined ? [] : [nvram.name, nvram.template];
  return [
    "/usr/bin/perl",
    "-e",
    program,
    directory,
    plan.kind,
    plan.write,
    openMark(plan.write),
    below,
    base,
    // what goes on knows its disk by its size
    String(isResumed ? 0 : size),
    isResumed ? "1" : "",
    ...variables,
  ];
}

/** The mark goes last: whoever is killed before is followed by another. qemu-img(1) tells of damage by 2. */
const mending = String.raw`sub mend { my ($disk, $mark) = @_;
  my $status = system 'qemu-img', 'check', '-q', '-f', 'qcow2', '-r', 'leaks', $disk;
  fail("The disk $disk is damaged: see qemu-img check") if $status >> 8 == 2;
  fail("qemu-img check: status " . ($status >> 8)) if $status;
  unlink $mark or fail("$mark: $!");
}`;

/** argv of a program that gives back the room that a killed machine has left in a disk; `directory` holds it. */
export const mendDiskArgv = (directory: string, disk: string): string[] => [
  "/usr/bin/perl",
  "-e",
  `sub fail { print STDERR "@_\\n"; exit 1 }
${mending}
chdir $ARGV[0] or fail("$ARGV[0]: $!");
# what is said on the way is for nobody
open STDOUT, '>', '/dev/null';
mend(@ARGV[1, 2]);
`,
  directory,
  disk,
  openMark(disk),
];

const program = String.raw`
use strict;
my @states = qw(${Object.values(stateNames).join(" ")});
my ($directory, $kind, $write, $mark, $below, $base, $size, $resumed, $nvram, $template) = @ARGV;
sub fail { print STDERR "@_\n"; exit 1 }
sub must { system(@_) == 0 or fail("$_[0] $_[1]: status " . ($? >> 8)) }
chdir $directory or fail("$directory: $!");
sub head_of { my ($name) = @_;
  open my $file, '<', $name or fail("Cannot open the disk $name: $!");
  binmode $file;
  read $file, my $head, 4096;
  my ($magic, $version, $at, $length, $bits, $bytes) = unpack 'N N Q> N N Q>', $head;
  my ($needs) = $version > 2 ? unpack 'x72 Q>', $head : 0;
  fail("The disk $name is damaged: it is no qcow2 file") if $magic != 0x514649fb;
  fail("The disk $name has its data in another file") if $needs & 4;
  return ($at ? substr($head, $at, $length) : '', $bytes);
}
# what a header names is opened by QEMU: nothing but our own
sub check_chain { my ($name) = @_;
  for (my $number = 1e9; $name ne '';) {
    my ($next) = $name =~ /^disk\.(\d+)\.qcow2$/ or fail("The disk stands on a foreign file: $name");
    fail('The files of the disk stand on each other in a ring') if $next >= $number;
    $number = $next;
    ($name) = head_of($name);
  }
}
unlink glob '*.new';
# what a machine had in its memory when this disk was another one
unlink @states if !$resumed;
if ($kind ne 'ready') {
  my @image = ('qemu-img');
  # as it was, with what it stands on
  if ($kind eq 'kept') { must('cp', '--sparse=always', '--reflink=auto', '--', $base, "$write.new") }
  elsif ($kind eq 'empty') { must(@image, 'create', '-q', '-f', 'qcow2', "$write.new", $size) }
  else {
    check_chain($below);
    must(@image, 'create', '-q', '-f', 'qcow2', '-F', 'qcow2', '-b', $below, "$write.new");
    # takes over what is not in the base; "convert -B" would take the uppermost file's part alone
    must(@image, 'rebase', '-q', '-f', 'qcow2', '-F', 'qcow2', '-b', $base, "$write.new") if $kind eq 'short';
  }
  rename "$write.new", $write or fail("rename(2): $!");
}
check_chain($write);
# a machine that was killed has left room that nothing uses
${mending}
mend($write, $mark) if -e $mark;
if ($kind eq 'short') {
  # what stands between has been copied
  for my $name (glob 'disk.*.qcow2') { unlink $name, $name =~ s/qcow2$/open/r if $name ne $write and $name ne $base }
}
my (undef, $bytes) = head_of($write);
must('qemu-img', 'resize', '-q', '-f', 'qcow2', $write, $size) if $size > $bytes;
if (defined $nvram and !-e $nvram) {
  must('cp', '--', $template, "$nvram.new");
  rename "$nvram.new", $nvram or fail("rename(2): $!");
}
open my $open, '>', $mark or fail("$mark: $!");
`;
