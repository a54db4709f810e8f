// The first steps of a Perl program that becomes root of a user namespace somebody holds, and then is anything else: what
// nsenter(1) does before it becomes a program, in the one that is needed anyway. Starting each takes 2 ms.

/**
 * Takes its own words from `@ARGV`. With all ids changed the kernel takes the process for one with secrets, and nothing of
 * it in /proc could be opened by those it starts; it has none. setns(2), setgroups(2), setresuid(2), prctl(2).
 */
const script = String.raw`
BEGIN { $^H |= 0x602 }
{
  my ($directory, $pid, $how, $setns, $setgroups, $setresgid, $setresuid, $prctl) = splice @ARGV, 0, 8;
  chdir $directory or die "chdir(2) to $directory: $!\n";
  my $file = "/proc/$pid/ns/user";
  open my $namespace, '<', $file or die "open(2) on $file: $!\n";
  syscall($setns + 0, fileno $namespace, 0x10000000) == 0 or die "setns(2): $!\n";
  if ($how ne 'single') {
    syscall($setgroups + 0, 0, 0) == 0 or die "setgroups(2): $!\n";
    syscall($_ + 0, 0, 0, 0) == 0 or die "system call $_: $!\n" for $setresgid, $setresuid;
    syscall($prctl + 0, 4, 1, 0, 0, 0) == 0 or die "prctl(2): $!\n";
  }
}
$SIG{PIPE} = 'DEFAULT';
`;

const calls = {
  x86_64: ["308", "116", "119", "117", "157"],
  aarch64: ["268", "159", "149", "147", "167"],
} as const;

/** A user namespace, by a process that is in it. */
interface Namespace {
  pid: number;
  /** whether its map has one id, which is root there already and may set no groups */
  isSingle: boolean;
}

interface Script {
  then: string;
  /** its `@ARGV` */
  words: readonly string[];
  /** where it begins, if not where it is started: root of the namespace may not be able to go there */
  directory?: string;
}

/** argv of a Perl script that runs as root of a user namespace. */
export function asRootOf({ pid, isSingle }: Namespace, { then, words, directory = "." }: Script): string[] {
  const own = [directory, String(pid), isSingle ? "single" : "all", ...calls[Deno.build.arch]];
  return ["/usr/bin/perl", "-e", script + then, ...own, ...words];
}
