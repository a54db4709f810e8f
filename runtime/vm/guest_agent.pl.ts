// The agent as a program by itself, for guests with a disk of their own: images for LXD start whatever is called
// `lxd-agent` on the share that their machine has, others are given it by cloud-init. The guest's own Perl runs it.

import { callNumbers } from "../call_numbers.ts";
import { agent, agentPort } from "./agent.pl.ts";
import { newIdentity } from "./identity.pl.ts";
import { learning } from "./learning.pl.ts";

/** Tag and directory in the box of the share that images for LXD look for, and what they start from it. */
export const agentShare = { tag: "config", directory: "/run/drey/config", program: "lxd-agent" } as const;

/** The program, as text: the same for every machine, since the guest asks who it is. */
export function guestAgent(arch: "x86_64" | "aarch64" = Deno.build.arch): string {
  const { setsid, close_range, mount } = callNumbers(arch);
  return `#!/usr/bin/perl\nuse warnings; use Fcntl;\nno warnings;\n` +
    `my %vm_call = (setsid => ${setsid}, close_range => ${close_range}, mount => ${mount}, ` +
    `clock_settime => ${arch === "x86_64" ? 227 : 112});\n` +
    agent + newIdentity + begin + learning + body;
}

const begin = String.raw`
sub say_so { print STDERR "@_\n" }
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
sub notify { my ($text) = @_;
  my $path = $ENV{NOTIFY_SOCKET} or return;
  $path =~ s/^@/\0/;
  socket my $socket, 1, 2, 0 or return;
  send $socket, "$text\n", 0, pack 'S a*', 1, $path;
}
sub is_mounted { my ($path) = @_;
  open my $table, '<', '/proc/self/mounts' or return;
  return grep { (split ' ')[1] eq $path } <$table>;
}
sub mount_share { my ($tag, $path, $is_read_only, $patience) = @_;
  return if is_mounted($path);
  my $made = '';
  for my $part (grep { length } split m{/}, $path) { $made .= "/$part"; mkdir $made, 0755 }
  my $type = 'virtiofs';
  # one that comes late may not be there yet
  for (my $tries = 0; syscall($vm_call{mount}, $tag, $path, $type, $is_read_only, 0) < 0; $tries++) {
    return say_so("Cannot mount $path: $!") if $tries >= $patience;
    select undef, undef, undef, 0.05;
  }
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
`;

const body = String.raw`
$ENV{PATH} ||= '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
mkdir '/run/drey', 0700;
my $port = find_port() or do { say_so('There is no port for the agent'); exit 1 };
my %word = learn($port);
# it has been halted for as long as its memory was kept
set_time($word{time});
become_another(\%word) if $word{another};
sub text_of { return pack 'H*', $_[0] // '' }
for (split /,/, $word{mounts} || '') {
  my ($tag, $path, $is_read_only) = split /:/;
  mount_share(text_of($tag), text_of($path), 0 + $is_read_only, $word{another} ? 1200 : 0);
}
# one that was started anew does not write over what was changed meanwhile
if (sysopen my $mark, '/run/drey/filled', O_WRONLY | O_CREAT | O_EXCL or $! != 17) {
  for (split /,/, $word{fills} || '') { my ($path, $text, $is_fresh) = split /:/; fill(text_of($path), text_of($text), $is_fresh) }
}
$has_errands = $word{devlxd};
notify('READY=1');
delete $ENV{NOTIFY_SOCKET};
$0 = 'drey: agent of the virtual machine';
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
