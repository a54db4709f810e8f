// The agent as a program by itself, for guests with a disk of their own: images for LXD start whatever is called
// `lxd-agent` on the share that their machine has, others are given it by cloud-init. The guest's own Perl runs it.

import type { Guest } from "./guest.ts";
import { callNumbers } from "../call_numbers.ts";
import { agent, agentPort } from "./agent.pl.ts";

/** Tag and directory in the box of the share that images for LXD look for, and what they start from it. */
export const agentShare = { tag: "config", directory: "/run/drey/config", program: "lxd-agent" } as const;

/** Bytes as a word of Perl's, whatever they are. */
const quoted = (text: string): string =>
  `pack('H*', '${
    [...new TextEncoder().encode(text)].map((byte) => byte.toString(16).padStart(2, "0")).join("")
  }')`;

/**
 * The program, as text. It mounts what the machine is shown before it answers.
 *
 * @param facts `asks` says whether the guest has a socket to ask at; `fills` are written once a boot
 */
export function guestAgent(
  { mounts, fills, asks }: {
    mounts: readonly { tag: string; path: string; isReadOnly: boolean }[];
    fills: Guest["fills"];
    asks: boolean;
  },
  arch: "x86_64" | "aarch64" = Deno.build.arch,
): string {
  const { setsid, close_range, mount } = callNumbers(arch);
  const list = mounts.map(({ tag, path, isReadOnly }) =>
    `[${quoted(tag)}, ${quoted(path)}, ${isReadOnly ? 1 : 0}]`
  );
  const texts = fills.map(({ path, text, fresh }) => `[${quoted(path)}, ${quoted(text)}, ${fresh ? 1 : 0}]`);
  return `#!/usr/bin/perl\nuse warnings; use Fcntl;\nno warnings;\n` +
    `my %vm_call = (setsid => ${setsid}, close_range => ${close_range}, mount => ${mount}, ` +
    `clock_settime => ${arch === "x86_64" ? 227 : 112});\n` +
    `my @mounts = (${list.join(", ")});\nmy @fills = (${texts.join(", ")});\n${agent}$has_errands = ${
      asks ? 1 : 0
    };\n${begin}`;
}

const begin = String.raw`
sub find_port {
  for (1 .. 200) {
    my $found;
    sysopen $found, '/dev/virtio-ports/${agentPort}', 2 and return $found;
    # without udev there is no such link
    if (opendir my $ports, '/sys/class/virtio-ports') {
      for my $device (grep { !/^[.]/ } readdir $ports) {
        open my $name, '<', "/sys/class/virtio-ports/$device/name" or next;
        my $text = <$name>; chomp $text;
        return $found if $text eq '${agentPort}' and sysopen $found, "/dev/$device", 2;
      }
    }
    select undef, undef, undef, 0.05;
  }
  return;
}
# systemd.special(7); others by their own program
sub power { my ($how) = @_;
  my $off = $how eq 'off';
  return kill $off ? 38 : 39, 1 if (readlink '/proc/1/exe' || '') =~ m{/systemd$};
  my $program = $off ? 'poweroff' : 'reboot';
  if (!fork) { exec $program; exec 'busybox', $program, '-f'; exit 1 }
}
# sd_notify(3)
sub tell_ready {
  my $path = delete $ENV{NOTIFY_SOCKET} or return;
  $path =~ s/^@/\0/;
  socket my $socket, 1, 2, 0 or return;
  send $socket, "READY=1\n", 0, pack 'S a*', 1, $path;
}
sub is_mounted { my ($path) = @_;
  open my $table, '<', '/proc/self/mounts' or return;
  return grep { (split ' ')[1] eq $path } <$table>;
}
for (@mounts) {
  my ($tag, $path, $is_read_only) = @$_;
  next if is_mounted($path);
  my $made = '';
  for my $part (grep { length } split m{/}, $path) { $made .= "/$part"; mkdir $made, 0755 }
  my $type = 'virtiofs';
  syscall($vm_call{mount}, $tag, $path, $type, $is_read_only, 0) >= 0 or print STDERR "Cannot mount $path: $!\n";
}
# the hostname was read before its file is written
sub fill { my ($path, $text, $is_fresh) = @_;
  return if $is_fresh and -e $path || -l $path;
  my $made = '';
  for my $part ($path =~ m{([^/]+)/}g) { $made .= "/$part"; mkdir $made, 0755 }
  sysopen my $file, $path, O_WRONLY | O_CREAT | O_TRUNC | O_NOCTTY | O_NONBLOCK, 0644 or return print STDERR "$path: $!\n";
  return if !-f $file;
  syswrite $file, $text;
  return if $path ne '/etc/hostname';
  open my $name, '>', '/proc/sys/kernel/hostname' or return;
  print $name $text =~ s/\s.*//sr;
}
mkdir '/run/drey', 0700;
# one that was started anew does not write over what was changed meanwhile
if (sysopen my $mark, '/run/drey/filled', O_WRONLY | O_CREAT | O_EXCL or $! != 17) { fill(@$_) for @fills }
my $port = find_port() or do { print STDERR "There is no port for the agent\n"; exit 1 };
tell_ready();
$0 = 'drey: agent of the virtual machine';
$ENV{PATH} ||= '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
chdir '/';
# an agent that is killed has another after it
my $child;
$SIG{TERM} = sub { kill 15, $child if $child; exit 0 };
for (;;) {
  $child = fork;
  if (defined $child and !$child) { $SIG{TERM} = 'DEFAULT'; serve_agent($port); exit 0 }
  waitpid $child, 0;
  select undef, undef, undef, 0.2;
}
`;
