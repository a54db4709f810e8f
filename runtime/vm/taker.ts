// Taking what a virtual machine has in its memory when its guest asks who it is, by a process of its own: a guest with a
// system of its own comes to that late, or never, and nobody is to wait for it. It ends with the machine at the latest.

import { dirname, join } from "@std/path";
import { spawn } from "../../sys/run.ts";
import { frames } from "./frames.pl.ts";

/** Files of a memory that was taken: as QEMU wrote it, and the disk of the machine as it was then. */
export const takenNames = { memory: "memory.raw", disk: "disk.qcow2" } as const;

/** `bytes` of both at most */
const most = 1024 ** 3;

/** Its words: directory and name of the door, the place for what it takes, and a log. */
const taker = frames + String.raw`
my ($directory, $door, $place, $log) = @ARGV;
open STDERR, '>>', $log;
$0 = 'drey: keeps the memory of a virtual machine';
chdir $directory or exit 1;
socket my $keeper, 1, 1, 0 or exit 1;
# a machine that has ended has nothing to keep
connect $keeper, pack 'S a*', 1, "$door\0" or exit 0;
open my $stat, '<', '/proc/self/stat' or exit 1;
my $began = (split ' ', <$stat> =~ s/^.*\)//sr)[19];
open my $random, '<', '/dev/urandom' or exit 1;
sysread $random, my $bytes, 4;
my $made = sprintf '%s.partial-%d-%s-%s', $place, $$, $began, unpack 'H8', $bytes;
my (%file, $total);
sub end { my ($why) = @_;
  unlink glob quotemeta($made) . '/*'; rmdir $made;
  print STDERR "The next virtual machine of this image starts no faster: $why\n" if defined $why;
  exit 0;
}
sub open_file { my ($name) = @_;
  mkdir $made, 0700;
  open my $file, '>', "$made/$name" or end("$made/$name: $!");
  binmode $file;
  return $file;
}
my %name = (1 => '${takenNames.memory}', 2 => '${takenNames.disk}');
my ($in, $is_taken) = ('', 0);
syswrite $keeper, frame(0, 'save', '');
while (!$is_taken) {
  my $n = sysread $keeper, $in, 1048576, length $in;
  # it has ended: whoever waits for it says so
  end() if !$n;
  while (my (undef, $kind, $payload) = take_frame(\$in)) {
    if ($kind == $kind{data}) {
      my $number = ord substr $payload, 0, 1, '';
      my $file = $file{$number} //= open_file($name{$number});
      end('it has more in its memory and on its disk than is kept') if ($total += length $payload) > ${most};
      # an empty block takes no room
      if ($payload =~ /[^\0]/) { print $file $payload or end("$made: $!") }
      else { seek $file, length $payload, 1 }
    }
    elsif ($kind == $kind{exit} and unpack('N', $payload) == 0) { $is_taken = 1; last }
    else { end($kind == $kind{refusal} ? $payload : 'it could not be saved') }
  }
}
end('it has no disk') if !$file{1} or !$file{2};
for my $file (values %file) {
  # what ends with an empty block ends there
  truncate $file, tell $file and close $file or end("$made: $!");
}
# programs in boxes are nobody here
chmod 0644, map { "$made/$_" } values %name;
# somebody may have been faster
rename $made, $place or end();
`;

/** Has the memory of a machine taken to a place, once its guest waits: a directory, which is there when it is whole. */
export async function beginTaking(door: string, place: string, log: string): Promise<void> {
  const words = [dirname(door), door.split("/").at(-1) ?? "", place, log];
  const argv = ["setsid", "--fork", "/usr/bin/perl", "-e", taker, ...words];
  await spawn(argv, { stdin: "null", stdout: "null", stderr: "null", cwd: "/" }).status;
}

/** Path of a taken file. */
export const takenFile = (place: string, name: keyof typeof takenNames): string =>
  join(place, takenNames[name]);
