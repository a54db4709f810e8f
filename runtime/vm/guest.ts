// What a guest is told of its root: its first program, which is to mount it, or the agent of a guest that has one. Pure.

export interface Guest {
  /** whether it is to mount a disk as its root */
  hasDisk: boolean;
  /** shares that it mounts below its root */
  mounts: readonly { tag: string; path: string; isReadOnly: boolean }[];
  /** files that it writes before its init runs, or its agent answers; `fresh` ones only where there are none */
  fills: readonly { path: string; text: string; fresh: boolean }[];
}

/** Serial numbers of drives, by which a guest knows them: its root, and its kernel's modules. */
export const guestSerials = { root: "lxd_root", modules: "drey_modules" } as const;

const hex = (text: string): string =>
  [...new TextEncoder().encode(text)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
const flag = (is: boolean): string => is ? "1" : "0";

/** The same as words; nothing for a guest whose root is a share. */
export function guestWords(guest: Guest | undefined): string {
  if (guest === undefined) return "";
  const mounts = guest.mounts.map(({ tag, path, isReadOnly }) =>
    [hex(tag), hex(path), flag(isReadOnly)].join(":")
  );
  const fills = guest.fills.map(({ path, text, fresh }) => [hex(path), hex(text), flag(fresh)].join(":"));
  return `${guest.hasDisk ? " root=disk" : ""} mounts=${mounts.join(",")} fills=${fills.join(",")}`;
}

/** Subroutines of the first program, as Perl; they want `attach`, `say_so`, `release`, `%vm_call`. */
export const guestRootProgram = String.raw`
my $no_data = '';
# the device in /dev of the drive with a serial number, as virtio, nvme and scsi tell it
sub find_drive { my ($serial) = @_;
  # the last thing that a machine waits for, whose host may be busy
  for (1 .. 6000) {
    opendir my $blocks, '/sys/block' or return;
    for my $name (grep { !/^[.]/ } readdir $blocks) {
      for my $place (qw(serial device/serial device/vpd_pg80)) {
        open my $file, '<', "/sys/block/$name/$place" or next;
        local $/;
        my $text = <$file> // '';
        return $name if index($text, $serial) >= 0 and -e "/dev/$name";
      }
    }
    select undef, undef, undef, 0.05;
  }
  return;
}
# ext4: EXT4_IOC_RESIZE_FS with a number of blocks; the superblock counts them at 4 and 336, and their size at 24
sub grow_root { my ($device, $root) = @_;
  open my $file, '<', "/sys/block/$device/size" or return;
  my $size = <$file> * 512;
  sysopen my $disk, "/dev/$device", 0 or return;
  sysseek $disk, 1024, 0;
  sysread $disk, my $block, 1024;
  my ($low, $bits, $high) = unpack 'x4 L x16 L x308 L', $block;
  my $unit = 1024 << $bits;
  my $count = int $size / $unit;
  return if $count <= $low + ($high << 32);
  sysopen my $top, $root, 0 or return;
  my $number = pack 'Q', $count;
  ioctl $top, 0x40086610, $number or say_so("the root cannot grow: $!");
}
sub make_path { my ($root, $path) = @_;
  my $made = $root;
  for my $part (grep { length } split m{/}, $path) { $made .= "/$part"; mkdir $made, 0755 }
  return $made;
}
sub mount_disk { my ($new) = @_;
  my $device = find_drive('${guestSerials.root}') or return;
  attach("/dev/$device", $new, 'ext4', 0) or return;
  grow_root($device, $new);
  # no module is worth a machine that does not start
  my $modules = find_drive('${guestSerials.modules}');
  attach("/dev/$modules", make_path($new, '/lib/modules/' . release()), 'ext4', 7) or say_so("the modules: $!");
  return 1;
}
sub text_of { return pack 'H*', $_[0] }
sub mount_shares { my ($new, @mounts) = @_;
  for (@mounts) {
    my ($tag, $path, $is_read_only) = split /:/;
    attach(text_of($tag), make_path($new, text_of($path)), 'virtiofs', 0 + $is_read_only) or say_so("the share at " . text_of($path) . ": $!");
  }
}
# as root of the guest's own root, where its links lead
sub fill_root { my ($new, @fills) = @_;
  my $pid = fork // return say_so("fork(2): $!");
  if ($pid) { waitpid $pid, 0; return }
  chroot $new and chdir '/' or exit 1;
  for (@fills) {
    my ($path, $text, $fresh) = split /:/, $_, 3;
    ($path, $text) = map { text_of($_) } $path, $text;
    next if $fresh and (-e $path or -l $path);
    (my $directory = $path) =~ s{[^/]*$}{};
    make_path('', $directory);
    # O_WRONLY, O_CREAT, O_TRUNC, O_NOCTTY, O_NONBLOCK: a pipe in its place must not hold us up
    sysopen my $file, $path, 1 | 0100 | 01000 | 0400 | 04000, 0644 or next;
    syswrite $file, $text if -f $file;
  }
  exit 0;
}
`;
