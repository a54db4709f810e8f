// The first program of a virtual machine whose root is shared: Perl, in the initial ram disk, with what it needs beside
// it. It loads the modules for the machine's devices, mounts the root, leaves the agent running, and becomes the
// guest's init.

import { agent, agentHome, agentPort } from "./agent.pl.ts";
import { callNumbers } from "../call_numbers.ts";
import { guestRootProgram } from "./guest.ts";
import { newIdentity } from "./identity.pl.ts";
import { waitingWord } from "./frames.pl.ts";

/** Name of depmod's list of devices, `modules.devname`, where guests do not look for it. */
export const deviceNodes = "modules.nodes";

/** Tag of the virtiofs device that holds the root. */
export const rootTag = "drey-root";

const calls = ["mount", "umount2", "setsid", "close_range"] as const;
const more = {
  x86_64: { finit_module: 313, reboot: 169, mknodat: 259, clock_settime: 227 },
  aarch64: { finit_module: 273, reboot: 142, mknodat: 33, clock_settime: 112 },
};

function numbers(arch: "x86_64" | "aarch64"): string {
  const all = callNumbers(arch);
  const wanted = { ...Object.fromEntries(calls.map((name) => [name, all[name]])), ...more[arch] };
  return `my %vm_call = (${
    Object.entries(wanted).map(([name, number]) => `${name} => ${number}`).join(", ")
  });\n`;
}

/** Files of the initial ram disk. */
export interface RamDiskFiles {
  /** kernel modules, each after those it needs */
  modules: readonly string[];
  /** further ones, for guests whose root is a disk */
  diskModules: readonly string[];
  /** and for those that have vsock(7) */
  vsockModules: readonly string[];
  /** the interpreter's files, modules of Perl and libraries among them */
  interpreter: readonly string[];
}

/** The program, as text. */
export function firstProgram(
  { modules, diskModules, vsockModules, interpreter }: RamDiskFiles,
  arch: "x86_64" | "aarch64" = Deno.build.arch,
): string {
  const list = (paths: readonly string[]) => `qw(${paths.join(" ")})`;
  return `#!/usr/bin/perl\n${numbers(arch)}my @modules = ${list(modules)};\n` +
    `my @disk_modules = ${list(diskModules)};\n` +
    `my @vsock_modules = ${list(vsockModules)};\n` +
    `my @files = (@modules, @disk_modules, @vsock_modules, ${list(interpreter)});\n` +
    `${agent}${newIdentity}${guestRootProgram}${begin}`;
}

const begin = String.raw`
use warnings; use Fcntl;
no warnings;
my $new = '${agentHome}/root';
# the device of the console may not be there yet
sub say_so { if (open my $k, '>', '/dev/kmsg') { syswrite $k, "<3>drey: @_\n" } }
sub give_up { say_so("@_"); sleep 3; syscall($vm_call{reboot}, 0xfee1dead, 672274793, 0x4321fedc, 0); exit 1 }
sub attach { my ($source, $target, $type, $flags, $data) = @_;
  mkdir $target;
  return syscall($vm_call{mount}, $source, $target, $type, $flags, $data || 0) >= 0;
}
sub words_of_kernel { open my $file, '<', '/proc/cmdline' or return; return map { /^drey\.(\w+)=(.*)$/ ? ($1, $2) : () } split ' ', <$file> }
sub release { open my $file, '<', '/proc/sys/kernel/osrelease' or return ''; my $name = <$file>; chomp $name; return $name }
sub find_port {
  for (1 .. 200) {
    # no glob: it would want a module
    opendir my $ports, '/sys/class/virtio-ports' or select(undef, undef, undef, 0.05), next;
    for my $device (grep { !/^[.]/ } readdir $ports) {
      open my $name, '<', "/sys/class/virtio-ports/$device/name" or next;
      my $text = <$name>; chomp $text;
      next if $text ne '${agentPort}';
      my $found;
      sysopen $found, "/dev/$device", 2 and return $found;
    }
    select undef, undef, undef, 0.05;
  }
  return;
}
my $init_kind = 'other';
# asks the guest's own init, by the signals that it knows
sub power { my ($how) = @_;
  my $off = $how eq 'off';
  # systemd.special(7), busybox init, sysvinit and others by their own program
  if ($init_kind eq 'systemd') { kill $off ? 38 : 39, 1 }
  elsif ($init_kind eq 'busybox') { kill $off ? 'USR2' : 'TERM', 1 }
  elsif ($init_kind eq 'waiter') { kill $off ? 'PWR' : 'HUP', 1 }
  else {
    my $program = $off ? 'poweroff' : 'reboot';
    my ($path) = grep { -x } map { "$_/$program" } split /:/, $ENV{PATH};
    # what LXC would send; the keeper knows what an init that ends by that has meant
    if (!$path) { kill $off ? 'PWR' : 'INT', 1 }
    elsif (!fork) { exec $path; exit 1 }
  }
}
sub run_agent { my ($port) = @_;
  pipe my $inside, my $tell or return;
  my $pid = fork;
  return if !defined $pid;
  # the root must not move before the agent is in it
  if ($pid) { close $tell; sysread $inside, my $word, 1; return }
  close $inside;
  become_session();
  # systemd leaves alone at the end whoever calls himself so, and takes the rest of us down with the machine
  $0 = '@drey: agent of the virtual machine';
  chdir $new and chroot '.' and chdir '/' or exit 1;
  syswrite $tell, 'x'; close $tell;
  for my $stream (*STDIN, *STDOUT, *STDERR) { open $stream, '+<', '/dev/null' }
  $ENV{PATH} = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
  $SIG{$_} = 'IGNORE' for qw(HUP INT TERM PIPE);
  # an agent that is killed has another after it
  for (;;) {
    my $agent = fork;
    if (defined $agent and !$agent) { $SIG{$_} = 'DEFAULT' for qw(HUP INT TERM); serve_agent($port); exit 0 }
    waitpid $agent, 0;
    select undef, undef, undef, 0.2;
  }
}
sub kind_of { my ($path) = @_;
  for (1 .. 10) {
    return 'systemd' if $path =~ m{(^|/)systemd$};
    return 'busybox' if $path =~ m{(^|/)busybox$};
    my $link = readlink "$new$path";
    return -e "$new$path" ? 'other' : '' if !defined $link;
    if ($link !~ m{^/}) { (my $directory = $path) =~ s{[^/]*$}{}; $link = "$directory$link" }
    while ($link =~ s{[^/]+/\.\./}{}) { }
    # a directory on the way may be a link itself
    $link = "/usr$link" if $link =~ m{^/(lib|bin|sbin)/} and defined readlink "$new/$1";
    $path = $link;
  }
  return 'other';
}
sub waiter {
  $0 = 'drey: stands in for an init';
  my $end;
  $SIG{PWR} = $SIG{TERM} = sub { $end = 0x4321fedc }; $SIG{HUP} = $SIG{INT} = sub { $end = 0x1234567 };
  until ($end) { my $pid = waitpid -1, 0; sleep 3600 if $pid == -1 and !$end }
  syscall($vm_call{reboot}, 0xfee1dead, 672274793, $end, 0);
}
$| = 1;
attach('proc', '/proc', 'proc', 14);
attach('sysfs', '/sys', 'sysfs', 14);
attach('devtmpfs', '/dev', 'devtmpfs', 2, 'mode=0755');
attach('devpts', '/dev/pts', 'devpts', 10, 'mode=0620,gid=5,ptmxmode=0666');
sub load_modules {
  for my $module (@_) {
    sysopen my $file, $module, 0 or next;
    my $none = '';
    # EEXIST, or nothing to drive with it
    syscall($vm_call{finit_module}, fileno $file, $none, 0) >= 0 or $! == 17 or say_so("module $module: $!");
  }
}
load_modules(@modules);
my %word = words_of_kernel();
my $port = find_port() or say_so('there is no port for the agent');
if ($word{waits}) {
  # up to here all machines of a kind are alike: this is where one may go on from another's memory
  $port or give_up('cannot learn who this is');
  syswrite $port, "${waitingWord}\n";
  my $line = '';
  while ($line !~ /\n/) { sysread $port, $line, 4096, length $line or select undef, undef, undef, 0.01 }
  %word = (%word, map { /^(\w+)=(.*)$/ ? ($1, $2) : () } split ' ', $line);
  become_new(\%word);
}
set_up_nics(split /,/, $word{nics} || '');
mkdir $new;
my $has_disk = ($word{root} || '') eq 'disk';
load_modules(@disk_modules) if $has_disk;
load_modules(@vsock_modules) if $word{vsock};
my $mounted = $has_disk && mount_disk($new);
for (1 .. ($has_disk ? 0 : 6000)) {
  $mounted = attach('${rootTag}', $new, 'virtiofs', 0) and last;
  select undef, undef, undef, 0.05;
}
give_up("cannot mount the root: $!") if !$mounted;
# devices whose module the kernel loads when they are opened; -100 is AT_FDCWD, the numbers as new_encode_dev() has them
if (open my $nodes, '<', "$new/lib/modules/" . release() . '/${deviceNodes}') {
  while (<$nodes>) {
    my ($name, $kind, $major, $minor) = m{^\S+ (\S+) ([bc])(\d+):(\d+)$} or next;
    my $path = '/dev';
    for my $part (split m{/}, $name) { mkdir $path if !-d $path; $path .= "/$part" }
    my $device = ($minor & 0xff) | ($major << 8) | (($minor & ~0xff) << 12);
    syscall($vm_call{mknodat}, -100, $path, ($kind eq 'b' ? 0060000 : 0020000) | 0600, $device);
  }
}
mount_shares($new, split /,/, $word{mounts} || '');
fill_root($new, split /,/, $word{fills} || '');
if (open my $name, '>', '/proc/sys/kernel/hostname') { print $name $word{name} || 'localhost' }
my $init = '/sbin/init';
$init_kind = kind_of($init) || 'waiter';
for my $place (qw(proc sys dev)) {
  mkdir "$new/$place";
  syscall($vm_call{mount}, "/$place", "$new/$place", 0 + 0, 8192, 0) >= 0 or say_so("cannot move /$place: $!");
}
$has_errands = $word{devlxd};
run_agent($port) if $port;
# what is open stays; the rest of the ram disk is memory that the guest may use
unlink @files;
close $port if $port;
chdir $new or give_up("cannot enter the root: $!");
my ($dot, $slash) = ('.', '/');
syscall($vm_call{mount}, $dot, $slash, 0 + 0, 8192, 0) >= 0 or give_up("cannot move the root: $!");
chroot '.' or give_up("chroot(2): $!");
chdir '/';
if (open my $console, '+<', '/dev/console') { open STDIN, '<&', $console; open STDOUT, '>&', $console; open STDERR, '>&', $console }
delete $ENV{$_} for grep { !/^(TERM|PATH|HOME|LANG)$/ } keys %ENV;
if ($init_kind eq 'waiter') { waiter() }
exec { $init } $init;
give_up("cannot run $init: $!");
`;
