// What a guest says of itself, by files of its own /proc: one program that its agent becomes.

import { hasAgent } from "./door.ts";
import { runInGuest } from "./guest_program.ts";

export interface GuestFacts {
  /** contents of files below /proc that drey asks for, by path */
  files: Record<string, string>;
  processes: number;
}

const wanted = ["net/dev", "net/fib_trie", "net/route", "net/if_inet6", "meminfo", "stat"];

/** Each file with its path and length in front; then the number of processes. */
const program = String.raw`
for my $path (@ARGV) {
  my $text = '';
  if (open my $file, '<', "/proc/$path") { local $/; $text = <$file> }
  print "$path ", length $text, "\n", $text;
}
opendir my $all, '/proc';
print "processes ", scalar(grep { /^\d+$/ } readdir $all), "\n";
`;

/** `milliseconds` a guest may take to answer: a list must not wait for one that is stuck */
const patience = 3_000;

/** Asks a guest; undefined if its agent does not answer. */
export async function askGuest(door: string): Promise<GuestFacts | undefined> {
  if (!await hasAgent(door).catch(() => false)) return undefined; // it has just ended, or has no agent yet
  const { code, stdout } = await runInGuest(door, ["/usr/bin/perl", "-e", program, ...wanted], { patience });
  return code === 0 ? parse(stdout) : undefined;
}

/** Undefined for what that program would not say. */
function parse(text: string): GuestFacts | undefined {
  const files: Record<string, string> = {};
  let rest = text;
  const numberOf = (name: string): number | undefined => {
    const end = rest.indexOf("\n");
    const [said, number = ""] = rest.slice(0, end).split(" ");
    if (said !== name || !/^\d{1,9}$/.test(number)) return undefined;
    rest = rest.slice(end + 1);
    return Number(number);
  };
  for (const path of wanted) {
    const length = numberOf(path);
    if (length === undefined) return undefined;
    files[path] = rest.slice(0, length);
    rest = rest.slice(length);
  }
  const processes = numberOf("processes");
  return processes === undefined ? undefined : { files, processes };
}

/** `bytes` of memory by /proc/meminfo; proc_meminfo(5). */
export function memoryOf(meminfo: string): { used: number; total: number; swapUsed: number } {
  const bytes = (name: string) =>
    Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, "m").exec(meminfo)?.[1] ?? 0) * 1024;
  return {
    used: bytes("MemTotal") - bytes("MemAvailable"),
    total: bytes("MemTotal"),
    swapUsed: bytes("SwapTotal") - bytes("SwapFree"),
  };
}

/** Nanoseconds that processors were busy, by /proc/stat; proc_stat(5). */
export function busyTime(stat: string): number {
  const [user = 0, nice = 0, system = 0, , , interrupts = 0, soft = 0] =
    (/^cpu\s+(.*)$/m.exec(stat)?.[1] ?? "").split(" ").map(Number);
  return (user + nice + system + interrupts + soft) * 10_000_000;
}

/** A processor that was plugged in does nothing until somebody in the guest says so; not every image has udev. */
const waking = String.raw`
my ($wanted) = @ARGV;
for (1 .. 50) {
  opendir my $all, '/sys/devices/system/cpu' or exit 1;
  my $busy = 1;
  for my $name (grep { /^cpu[1-9]\d*$/ } readdir $all) {
    open my $file, '+<', "/sys/devices/system/cpu/$name/online" or next;
    my $state = <$file>;
    if ($state =~ /^0/) { seek $file, 0, 0; syswrite $file, '1' }
    $busy++;
  }
  exit 0 if $busy >= $wanted;
  select undef, undef, undef, 0.1;
}
exit 1;
`;

/** netdevice(7): SIOCGIFFLAGS, SIOCSIFFLAGS, IFF_UP */
const raising = String.raw`
my ($address) = @ARGV;
for (1 .. 300) {
  opendir my $links, '/sys/class/net' or exit 1;
  for my $name (grep { !/^[.]/ } readdir $links) {
    open my $file, '<', "/sys/class/net/$name/address" or next;
    my $text = <$file> // ''; chomp $text;
    next if lc $text ne $address;
    socket my $any, 2, 2, 0 or exit 1;
    my $request = pack 'a16 S x22', $name, 0;
    ioctl $any, 0x8913, $request or exit 1;
    $request = pack 'a16 S x22', $name, unpack('x16 S', $request) | 1;
    exit(ioctl($any, 0x8914, $request) ? 0 : 1);
  }
  select undef, undef, undef, 0.1;
}
exit 1;
`;

/** Sets a NIC up that a guest has been given; false if it does not answer. */
export async function raiseNic(door: string, hwaddr: string): Promise<boolean> {
  if (!await hasAgent(door)) return false;
  const argv = ["/usr/bin/perl", "-e", raising, hwaddr.toLowerCase()];
  return (await runInGuest(door, argv)).code === 0;
}

/** Lets a guest use the processors it has been given; false if it does not answer, and does so by itself or not at all. */
export async function wakeProcessors(door: string, count: number): Promise<boolean> {
  if (!await hasAgent(door)) return false;
  const argv = ["/usr/bin/perl", "-e", waking, String(count)];
  return (await runInGuest(door, argv)).code === 0;
}
