// User namespaces that stay open to run things in. A process that has execed before its map was written has
// lost its capabilities, so somebody holds the namespace, it is mapped from outside, and others enter it.

import { concat } from "@std/bytes";
import { DreyError } from "../errors.ts";
import { exitOf, type PipedProgram, startPiped } from "../sys/posix_spawn.ts";
import { commandFailed, fullPath, run, type RunResult, toolMissing } from "../sys/run.ts";
import { asRootOf } from "./become_root.pl.ts";
import { type IdMap, isSingle, mapText, newidmapArgs } from "./map.ts";

/** A user namespace in which programs run as root of its map; gone when disposed, or when drey is. */
export interface MappedRoot extends AsyncDisposable {
  /** host pid of the process that holds the namespace */
  readonly pid: number;
  /** argv that runs as the namespace's root, in the directory it is started in */
  command(argv: readonly string[]): string[];
  /** the same for a Perl script with its words, which no other program need begin; in another directory, if it is given */
  perl(script: string, words: readonly string[], directory?: string): string[];
  /** runs a program as the namespace's root to its end, in drey's directory and without input */
  run(argv: readonly string[]): Promise<RunResult>;
  /**
   * has a program run as the namespace's root by the process that holds it, which goes on until that is done, whatever
   * becomes of drey; nobody learns how it ended
   */
  leave(argv: readonly string[]): Promise<void>;
}

/**
 * Holds a user namespace: a child outside writes the map, by newuidmap(1) and newgidmap(1) at the same time or directly,
 * and the end of standard input, which is when drey is gone, ends it. One program, since drey takes 2 ms to start one.
 * For the same reason it runs programs by itself: an order is a line with a length and that many bytes of words parted
 * by zeros, an answer a line with a status and two lengths and that many bytes of output and of errors. Where the line
 * of an order has one more word, nobody wants the answer. `rm -rf --` it does without a program; what it cannot remove
 * is left to the real one, which says why.
 */
const holder = String.raw`# what "use strict" does, without its file: reading that takes 0.4 ms of 2
BEGIN { $^H |= 0x602 }
$SIG{PIPE} = 'DEFAULT';
# Ctrl-C goes to every process of the terminal: drey decides what becomes of the work
$SIG{INT} = 'IGNORE';
my ($unshare, $profile, $how, $count, @words) = @ARGV;
my $holder = $$;
sub say_so { syswrite STDOUT, "@_\n"; exit 1 }
sub by_tools {
  my %tools;
  for (['newuidmap', @words[0 .. $count - 1]], ['newgidmap', @words[$count .. $#words]]) {
    my ($tool, @ranges) = @$_;
    my $pid = fork;
    if (!$pid) { exec { $tool } $tool, $holder, @ranges; exit 127 }
    $tools{$pid} = $tool;
  }
  my %failed = map { waitpid $_, 0; $? ? ($tools{$_} => $? >> 8) : () } keys %tools;
  say_so($_, $failed{$_}) for sort keys %failed;
}
sub by_hand {
  while (my ($name, $text) = splice @words, 0, 2) {
    open my $file, '>', "/proc/$holder/$name" or say_so('refused');
    syswrite $file, $text or say_so('refused');
  }
}
pipe my $born, my $cry;
my $writer = fork;
if (!$writer) {
  close $cry;
  exit 1 if !sysread $born, my $x, 1;
  $how eq 'tools' ? by_tools() : by_hand();
  exit 0;
}
say_so('refused') if syscall($unshare + 0, 0x10000000) < 0;
syswrite $cry, 'x';
waitpid $writer, 0;
exit 1 if $?;
# AppArmor of Ubuntu may confine who makes a user namespace to a profile without rights, but not who enters it
my $label;
if (open my $file, '<', $profile) { $label = readline $file }
syswrite STDOUT, ($label // '') =~ /unprivileged_userns/ ? "ready confined\n" : "ready\n";
# from directory to directory, each the one that was looked at: whoever still has a tree open may put links in the place
# of its directories
sub gone {
  my ($name, $above) = @_;
  my @there = lstat $name;
  return $! == 2 unless @there;
  return unlink($name) || $! == 2 unless -d _;
  opendir my $directory, $name or return $! == 2;
  return 0 if "@{[(stat $directory)[0, 1]]}" ne "@there[0, 1]" or !chdir $directory;
  my $is_gone = 1;
  for (grep { $_ ne '.' && $_ ne '..' } readdir $directory) { gone($_, $directory) or $is_gone = 0, last }
  chdir $above or exit 1;
  return $is_gone && (rmdir($name) || $! == 2);
}
sub all_gone {
  opendir my $here, '.' or return 0;
  gone($_, $here) or return 0 for @_;
  return 1;
}
while (defined(my $line = <STDIN>)) {
  my ($size, $left) = split ' ', $line;
  read STDIN, my $order, $size;
  my @argv = split /\0/, $order, -1;
  if ("@argv[0 .. 2]" eq 'rm -rf --' && all_gone(@argv[3 .. $#argv])) {
    syswrite STDOUT, "0 0 0\n" unless $left;
    next;
  }
  open my $out, '+>', undef or exit 1;
  open my $err, '+>', undef or exit 1;
  my $pid = fork;
  if (!$pid) {
    open STDIN, '<', '/dev/null';
    open STDOUT, '>&', $out;
    open STDERR, '>&', $err;
    $) = '0 0'; $( = 0; $> = 0; $< = 0;
    exec { $argv[0] } @argv;
    exit 127;
  }
  waitpid $pid, 0;
  next if $left;
  my $code = $? & 127 ? 128 + ($? & 127) : $? >> 8;
  my @texts = map { seek $_, 0, 0; local $/; my $text = <$_>; defined $text ? $text : '' } $out, $err;
  my $answer = join('', join(' ', $code, map { length } @texts), "\n", @texts);
  for (my $at = 0; $at < length $answer;) { $at += syswrite(STDOUT, $answer, 65536, $at) // exit 1 }
}
`;

/** unshare(2), which perl knows by its number only */
const unshare = Deno.build.arch === "x86_64" ? 272 : 97;

/**
 * How the map of a fresh user namespace is written: directly where the kernel allows it (root, or one's own id alone),
 * else by tools that check /etc/subuid and /etc/subgid.
 */
function writing(map: IdMap): string[] {
  const [uids, gids] = [mapText(map.uids), mapText(map.gids)];
  const direct = ["uid_map", uids, "gid_map", gids];
  if (Deno.uid() === 0) return ["hand", "0", ...direct];
  // a group map without privilege wants setgroups(2) given up first, user_namespaces(7)
  if (isSingle(map)) return ["hand", "0", "setgroups", "deny", ...direct];
  const [uidWords, gidWords] = [newidmapArgs(map.uids), newidmapArgs(map.gids)];
  return ["tools", String(uidWords.length), ...uidWords, ...gidWords];
}

/** argv that enters the user namespace of `pid` as its root. */
function enterAsRoot(pid: number, map: IdMap, argv: readonly string[]): string[] {
  // nsenter -S would call setgroups(2), which a single map forbids; there the caller is root inside already
  const identity = isSingle(map) ? ["--preserve-credentials"] : ["-S", "0", "-G", "0"];
  return ["nsenter", "-t", String(pid), "-U", ...identity, "--", ...argv];
}

/**
 * Opens a user namespace with this map for as long as the caller needs it: files made in it belong to the ids of
 * the map. It ends with the process that opened it, however that ends.
 *
 * @param profile file that names the profile of security that a process is confined to
 */
export async function openMappedRoot(
  map: IdMap,
  profile = "/proc/self/attr/current",
): Promise<MappedRoot> {
  // without messages in other languages, whose files Perl would read first
  const env = { PATH: fullPath(), LC_ALL: "C" };
  const child = startPiped(["/usr/bin/perl", "-e", holder, String(unshare), profile, ...writing(map)], env);
  const close = async () => {
    child[Symbol.dispose]();
    await exitOf(child.pid);
  };
  let isConfined: boolean;
  try {
    ({ isConfined } = await waitForMap(child));
  } catch (error) {
    await close();
    throw error;
  }
  const command = (argv: readonly string[]) => enterAsRoot(child.pid, map, argv);
  let isLeft = false;
  // who is confined can run nothing for others; nor can the root of a single map, who may not set groups
  let isBusy = isConfined || isSingle(map);
  return {
    pid: child.pid,
    command,
    perl: (then, words, directory) =>
      asRootOf({ pid: child.pid, isSingle: isSingle(map) }, { then, words, ...directory && { directory } }),
    async run(argv) {
      // what cannot wait for the other goes its own way
      if (isBusy) return await run(apart(command(argv)));
      isBusy = true;
      await order(child, argv);
      const result = await readAnswer(child.output);
      isBusy = false;
      return result;
    },
    async leave(argv) {
      if (isBusy) return void await run(apart(command(argv)));
      isBusy = isLeft = true;
      await order(child, argv, "left");
      isBusy = false;
    },
    async [Symbol.asyncDispose]() {
      const closed = close();
      if (!isLeft) await closed;
    },
  };
}

/** argv of what Ctrl-C at the terminal does not reach, like the holder and what it runs. */
const apart = (argv: readonly string[]): string[] => ["setsid", ...argv];

/** `bytes` that go into an empty pipe whole; PIPE_BUF of pipe(7) */
const atOnce = 4096;

/** Tells the holder to run a program, and to answer unless it is `left` alone with it. */
async function order(child: PipedProgram, argv: readonly string[], left = ""): Promise<void> {
  const words = new TextEncoder().encode(argv.join("\0"));
  const size = new TextEncoder().encode(`${words.length} ${left}\n`);
  const bytes = concat([size, words]);
  // what a pipe takes at once needs no other thread
  if (bytes.length <= atOnce) child.input.writeSync(bytes);
  else for (let at = 0; at < bytes.length;) at += await child.input.write(bytes.subarray(at));
}

async function readAnswer(output: Deno.FsFile): Promise<RunResult> {
  let bytes = new Uint8Array();
  for (;;) {
    const more = await readSome(output);
    if (more === undefined) throw new Error("The holder of a user namespace has ended");
    bytes = concat([bytes, more]);
    const start = bytes.indexOf(10) + 1;
    if (start === 0) continue;
    const text = (from: number, to: number) => new TextDecoder().decode(bytes.subarray(from, to));
    const [code = 0, out = 0, err = 0] = text(0, start).split(" ").map(Number);
    if (bytes.length < start + out + err) continue;
    return { code, stdout: text(start, start + out), stderr: text(start + out, start + out + err) };
  }
}

/**
 * Waits for the word of a holder: its namespace exists and is mapped, or why not, after what the tools said. It may
 * be confined itself.
 */
async function waitForMap({ output }: PipedProgram): Promise<{ isConfined: boolean }> {
  let said = "";
  for (let more = await readSome(output); more !== undefined; more = await readSome(output)) {
    said += new TextDecoder().decode(more);
    const ready = /^ready( confined)?\n/m.exec(said);
    if (ready !== null) return { isConfined: ready[1] !== undefined };
  }
  const [word, tool, code] = /^(new[ug]idmap) (\d+)$/m.exec(said) ?? [];
  if (word === undefined || tool === undefined) throw noNamespaces();
  if (code === "127") throw toolMissing(tool);
  throw commandFailed(tool, { code: Number(code), stderr: said.replace(word, "") });
}

/** What there is to read at once; nothing at the end. */
async function readSome(output: Deno.FsFile): Promise<Uint8Array<ArrayBuffer> | undefined> {
  const bytes = new Uint8Array(65_536);
  const size = await output.read(bytes);
  return size === null ? undefined : bytes.subarray(0, size);
}

/** The error of a host that lets its users make no user namespaces. */
function noNamespaces(): DreyError {
  return new DreyError("KERNEL_REFUSED", {
    message: "Cannot create a user namespace: the kernel refused unshare(2)",
    hint: "Run drey doctor to see which setting of this host forbids it",
  });
}
