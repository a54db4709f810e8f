// Small files in the box of a virtual machine, written there by a program of its own.

const writer = String.raw`
my ($directory, %text) = @ARGV;
mkdir $directory, 0755;
for my $name (keys %text) {
  open my $file, '>', "$directory/$name" or die "$directory/$name: $!\n";
  print $file $text{$name}; close $file or die "$directory/$name: $!\n";
  chmod 0755, "$directory/$name";
}
`;

/** argv that writes small files into a directory of the box, which is made if need be. */
export const writeFilesArgv = (directory: string, files: Record<string, string>): string[] => [
  "/usr/bin/perl",
  "-e",
  writer,
  directory,
  ...Object.entries(files).flat(),
];
