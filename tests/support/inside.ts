// What tests run inside containers, and what they read of them from outside.

import { directoryName } from "../../domain/instances/record.ts";
import { endedMeanwhile } from "../../sys/present.ts";
import type { Drey } from "./drey.ts";

const arch = Deno.build.arch;
/** numbers of system calls; asm/unistd.h */
const nr = {
  x86_64: { keyctl: 250, add_key: 248, request_key: 249, ptrace: 101, reboot: 169 },
  aarch64: { keyctl: 219, add_key: 217, request_key: 218, ptrace: 117, reboot: 142 },
}[arch];

/** Perl programs. */
export const snippets = {
  /** puts a key into a new session keyring of this process */
  addKey: `syscall(${nr.keyctl}, 1, 0, 0); my ($t, $d, $v) = ("user", "drey-secret", "word");` +
    `syscall(${nr.add_key}, $t, $d, $v, 4, -3) > 0 or die "add_key: $!"`,
  /** says whether that key can be found in any keyring */
  findKey: `my ($t, $d) = ("user", "drey-secret"); my $got = syscall(${nr.request_key}, $t, $d, 0, 0);` +
    `for my $ring (-1, -2, -3, -4, -5) { my $k = syscall(${nr.keyctl}, 10, $ring, $t, $d, 0); $got = $k if $k > 0 }` +
    `print $got > 0 ? "found\\n" : "nothing\\n"`,
  /**
   * looks at every process that appears, for a way to a path of the host or a hold on the process while it has one,
   * until a file says that it is enough; says when it begins, prints how many it saw, then what it caught
   */
  watchNewcomers: (marker: string, enough: string) =>
    `my (%seen, %caught); opendir my $now, "/proc"; my %old = map { $_ => 1 } readdir $now;
     syswrite STDOUT, "watching\n"; until (-e "${enough}") { opendir my $d, "/proc"; for my $p (grep /^\\d+$/, readdir $d) {
       next if $old{$p}; $seen{$p} = 1;
       for my $way (qw(root cwd)) { $caught{"$p $way"} = 1 if -e "/proc/$p/$way${marker}" }
       opendir my $f, "/proc/$p/fd" or next;
       for my $fd (readdir $f) { my $to = readlink "/proc/$p/fd/$fd" // next;
         $caught{"$p $fd $to"} = 1 if $to =~ m!^/! and $to ne "${enough}" and $to !~ m!^/(dev|proc|usr/lib|etc/ld)! }
     } } print scalar(keys %seen), "\\n", map { "$_\\n" } sort keys %caught`,
  /** asks /dev/lxd/sock; arguments: method, path, body, protocol to upgrade to. Prints the answer as it comes */
  askGuest: `my ($method, $path, $body, $protocol) = (@ARGV, "", "");
     socket my $s, 1, 1, 0 or die "socket: $!"; connect $s, pack "S a108", 1, "/dev/lxd/sock" or die "connect: $!";
     my $way = $protocol ? "Upgrade: $protocol\\r\\nConnection: Upgrade\\r\\nSec-WebSocket-Version: 13\\r\\n" .
       "Sec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==\\r\\n" : "Connection: close\\r\\n";
     syswrite $s, "$method $path HTTP/1.1\\r\\nHost: x\\r\\n$way" .
       ($body ne "" && "Content-Length: " . length($body) . "\\r\\n") . "\\r\\n$body";
     while (sysread $s, my $bytes, 65536) { syswrite STDOUT, $bytes }`,
  /** asks the kernel to end the pid namespace: reboot(2) */
  reboot: `syscall(${nr.reboot}, 0xfee1dead, 0x28121969, 0x01234567, 0)`,
  powerOff: `syscall(${nr.reboot}, 0xfee1dead, 0x28121969, 0x4321fedc, 0)`,
};

/** Host pid of a running instance's init. */
export async function initOf(drey: Drey, name: string): Promise<number> {
  return JSON.parse(await drey`query /1.0/instances/${name}/state`).pid;
}

export interface OurProcess {
  pid: number;
  argv: string;
  /** where its descriptors lead, as far as we may know */
  fds: string[];
}

/** The processes outside a running container that are there for it: supervisor, the parent of init, console logger. */
export async function ourProcesses(drey: Drey, name: string): Promise<OurProcess[]> {
  const init = await initOf(drey, name);
  const run = `${drey.directory}/run/instances/${directoryName({ project: "default", name })}`;
  const parent = parentOf(init);
  const pids = [...Deno.readDirSync("/proc")].map((entry) => entry.name).filter((pid) => /^\d+$/.test(pid));
  return pids.map(Number).flatMap((pid) => {
    const argv = read(`/proc/${pid}/cmdline`).replaceAll("\0", " ");
    if (pid !== parent && !argv.includes(`${run}/`)) return [];
    return [{ pid, argv, fds: descriptors(pid) }];
  });
}

/** A process of the host that should be let alone; it ends with its scope. */
export function sleeper(): AsyncDisposable & { pid: number } {
  const child = new Deno.Command("sleep", { args: ["600"] }).spawn();
  return {
    pid: child.pid,
    async [Symbol.asyncDispose]() {
      try {
        child.kill("SIGKILL");
      } catch (error) {
        if (!(error instanceof TypeError)) throw error; // it has ended already
      }
      await child.status;
    },
  };
}

function parentOf(pid: number): number {
  return Number(/^PPid:\t(\d+)$/m.exec(read(`/proc/${pid}/status`))?.[1]);
}

function descriptors(pid: number): string[] {
  try {
    const names = [...Deno.readDirSync(`/proc/${pid}/fd`)].map((entry) => entry.name);
    return names.map((fd) => Deno.readLinkSync(`/proc/${pid}/fd/${fd}`));
  } catch (error) {
    if (isOutOfReach(error)) return [];
    throw error;
  }
}

function read(path: string): string {
  try {
    return Deno.readTextFileSync(path);
  } catch (error) {
    if (isOutOfReach(error)) return "";
    throw error;
  }
}

/** Whether a process could not be looked into since it is somebody else's, or has ended, be it just now. */
export function isOutOfReach(error: unknown): boolean {
  return error instanceof Deno.errors.PermissionDenied || error instanceof Deno.errors.NotFound ||
    endedMeanwhile(error, "/proc/");
}
