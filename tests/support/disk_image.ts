// The smallest disk that a virtual machine starts from: a boot loader, the kernel that drey fetches for machines, and an
// initial ram disk that does what the systems of LXD's images do, which is to start the agent from the machine's share.

import { join } from "@std/path";
import { makeInitrd } from "../../runtime/vm/initrd.ts";
import { formatCpio } from "../../runtime/vm/cpio.ts";
import { findKernel } from "../../runtime/vm/kernel.ts";
import { callNumbers } from "../../runtime/call_numbers.ts";
import { runChecked } from "../../sys/run.ts";
import { exists } from "../../sys/present.ts";

/** Debian package systemd-boot-efi: a boot loader that is one file. */
export const bootLoader = "/usr/lib/systemd/boot/efi/systemd-bootx64.efi";

const numbers = { mount: callNumbers().mount, load: 313, reboot: 169 };

const init = String.raw`#!/usr/bin/perl
$| = 1;
sub attach { my ($source, $target, $type, $data) = @_;
  mkdir $target;
  syscall(${numbers.mount}, $source, $target, $type, 0, $data || 0) >= 0;
}
attach('proc', '/proc', 'proc'); attach('sysfs', '/sys', 'sysfs'); attach('devtmpfs', '/dev', 'devtmpfs');
attach('devpts', '/dev/pts', 'devpts', 'ptmxmode=0666'); attach('tmpfs', '/run', 'tmpfs');
# each may need another one first
opendir my $modules, '/drey/modules';
my @left = grep { /[.]ko$/ } readdir $modules;
for (my $before = 0; @left != $before;) {
  $before = @left;
  my $none = '';
  @left = grep {
    sysopen my $file, "/drey/modules/$_", 0;
    syscall(${numbers.load}, fileno $file, $none, 0) < 0 and $! != 17
  } @left;
}
open my $console, '+<', '/dev/ttyS0' or open $console, '+<', '/dev/console';
open STDIN, '<&', $console; open STDOUT, '>&', $console; open STDERR, '>&', $console;
print "tiny disk started\n";
sub finish { my ($how) = @_; syscall(${numbers.reboot}, 0xfee1dead, 672274793, $how, 0) }
# without a service manager the agent runs programs to end the machine
mkdir '/sbin'; mkdir '/bin';
for my $end ([poweroff => '0x4321fedc'], [reboot => '0x1234567']) {
  open my $file, '>', "/sbin/$end->[0]"; 
  print $file "#!/usr/bin/perl\nsyscall(${numbers.reboot}, 0xfee1dead, 672274793, $end->[1], 0);\n";
  close $file; chmod 0755, "/sbin/$end->[0]";
}
$ENV{PATH} = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
# disks are named in the order in which they answer
for (1 .. 100) {
  for my $disk (qw(sda vda vdb)) {
    open my $file, '<', "/sys/block/$disk/size" or next;
    my $size = <$file>;
    symlink $disk, $size > 1 << 22 ? '/dev/own' : $size > 1 << 19 ? '/dev/seed' : '/dev/extra';
  }
  last if -e '/dev/own' and -e '/dev/seed';
  select undef, undef, undef, 0.05;
}
for (1 .. 100) {
  last if attach('config', '/run/config', 'virtiofs');
  print "mount(2): $!\n" if $_ == 100;
  select undef, undef, undef, 0.05;
}
print "modules that could not be loaded: @left\n" if @left;
if (!fork) { exec '/run/config/lxd-agent'; exit 1 }
# the button of a machine without an agent
if (!fork) {
  opendir my $inputs, '/sys/class/input';
  for my $input (sort grep { /^event/ } readdir $inputs) {
    open my $name, '<', "/sys/class/input/$input/device/name" or next;
    next if <$name> !~ /Power Button/;
    sysopen my $button, "/dev/input/$input", 0 or next;
    sysread $button, my $event, 24 and print "power button\n" and finish(0x4321fedc);
  }
  exit;
}
sleep 1 while waitpid(-1, 0) or 1;
`;

/** Makes the disk's file, below `directory`, unless it is there. */
export async function makeDiskImage(directory: string, machines: string): Promise<string> {
  const path = join(directory, "tiny-disk.qcow2");
  if (exists(path)) return path;
  const kernel = findKernel(join(machines, "kernels"));
  if (kernel === undefined) throw new Error("no kernel has been fetched");
  const work = `${path}.${Deno.pid}`;
  const efi = join(work, "efi");
  await Deno.mkdir(join(efi, "EFI/BOOT"), { recursive: true });
  await Deno.mkdir(join(efi, "loader/entries"), { recursive: true });
  await Deno.copyFile(bootLoader, join(efi, "EFI/BOOT/BOOTX64.EFI"));
  await Deno.copyFile(kernel.image, join(efi, "vmlinuz"));
  const own = formatCpio([{
    path: "init",
    type: "file",
    content: new TextEncoder().encode(init),
    executable: true,
  }]);
  const first = await makeInitrd(kernel.modules, ["sd_mod", "button", "evdev"]);
  // a later archive's files take the place of an earlier one's
  await Deno.writeFile(join(efi, "initrd"), new Uint8Array([...first, ...own]));
  // or the kernel may give a timer up that comes late on a busy host
  const words = "console=ttyS0 quiet panic=-1 no_timer_check";
  await Deno.writeTextFile(
    join(efi, "loader/entries/tiny.conf"),
    `linux /vmlinuz\ninitrd /initrd\noptions ${words}\n`,
  );
  await Deno.writeTextFile(join(efi, "loader/loader.conf"), "timeout 0\n");
  const source = { driver: "raw", file: { driver: "vvfat", dir: efi, "fat-type": 16, label: "TINY" } };
  await runChecked([
    "qemu-img",
    "convert",
    "-q",
    "-c",
    "-O",
    "qcow2",
    `json:${JSON.stringify(source)}`,
    `${work}/disk`,
  ]);
  await Deno.rename(`${work}/disk`, path);
  await Deno.remove(work, { recursive: true });
  return path;
}
