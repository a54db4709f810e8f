// User namespaces that stay open to run things in. A process that has execed before its map was written has
// lost its capabilities, so somebody holds the namespace, it is mapped from outside, and others enter it.

import { DreyError } from "../errors.ts";
import { commandFailed, spawn, toolMissing } from "../sys/run.ts";
import { type IdMap, mapText, newidmapArgs } from "./map.ts";

/** A user namespace in which programs run as root of its map; gone when disposed, or when drey is. */
export interface MappedRoot extends AsyncDisposable {
  /** host pid of the process that holds the namespace */
  readonly pid: number;
  /** argv that runs as the namespace's root, in the directory it is started in */
  command(argv: readonly string[]): string[];
}

/**
 * Holds a user namespace: a child outside writes the map, by newuidmap(1) and newgidmap(1) at the same time or directly,
 * and the end of standard input, which is when drey is gone, ends it. One program, since drey takes 2 ms to start one.
 */
const holder = String.raw`use strict;
my ($unshare, $how, $count, @words) = @ARGV;
my $holder = $$;
sub say_so { syswrite STDOUT, "@_\n"; exit 1 }
sub by_tools {
  my %tools;
  for (['newuidmap', @words[0 .. $count - 1]], ['newgidmap', @words[$count .. $#words]]) {
    my ($tool, @ranges) = @$_;
    my $pid = fork;
    if (!$pid) { open STDOUT, '>&', \*STDERR; exec { $tool } $tool, $holder, @ranges; exit 127 }
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
syswrite STDOUT, "ready\n";
1 while sysread STDIN, my $rest, 512;
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

/** Whether a map holds nothing but one id, so that no change of user or group is possible inside. */
export function isSingle(map: IdMap): boolean {
  return [map.uids, map.gids].every((ranges) => ranges.length === 1 && ranges[0]?.count === 1);
}

/** argv that enters the user namespace of `pid` as its root. */
export function enterAsRoot(pid: number, map: IdMap, argv: readonly string[]): string[] {
  // nsenter -S would call setgroups(2), which a single map forbids; there the caller is root inside already
  const identity = isSingle(map) ? ["--preserve-credentials"] : ["-S", "0", "-G", "0"];
  return ["nsenter", "-t", String(pid), "-U", ...identity, "--", ...argv];
}

/**
 * Opens a user namespace with this map for as long as the caller needs it: files made in it belong to the ids of
 * the map. It ends with the process that opened it, however that ends.
 */
export async function openMappedRoot(map: IdMap): Promise<MappedRoot> {
  const child = spawn(["/usr/bin/perl", "-e", holder, String(unshare), ...writing(map)], {
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  });
  const close = async () => {
    await child.stdin.close().catch(ignoreClosed);
    await Promise.all([child.stdout.cancel(), child.stderr.cancel()]);
    await child.status;
  };
  try {
    await waitForMap(child);
  } catch (error) {
    await close();
    throw error;
  }
  return {
    pid: child.pid,
    command: (argv) => enterAsRoot(child.pid, map, argv),
    [Symbol.asyncDispose]: close,
  };
}

/** Waits for the word of a holder: its namespace exists and is mapped, or why not. */
async function waitForMap(child: Deno.ChildProcess): Promise<void> {
  const word = await readText(child.stdout);
  if (word === "ready\n") return;
  const [tool, code] = /^(new[ug]idmap) (\d+)$/m.exec(word)?.slice(1) ?? [];
  if (tool === undefined) throw noNamespaces();
  if (code === "127") throw toolMissing(tool);
  throw commandFailed(tool, { code: Number(code), stderr: await readText(child.stderr) });
}

/** What there is to read from a stream at once. */
async function readText(stream: ReadableStream<Uint8Array>): Promise<string> {
  const reader = stream.getReader();
  const { value } = await reader.read();
  reader.releaseLock();
  return new TextDecoder().decode(value);
}

/** The error of a host that lets its users make no user namespaces. */
export function noNamespaces(): DreyError {
  return new DreyError("KERNEL_REFUSED", {
    message: "Cannot create a user namespace: the kernel refused unshare(2)",
    hint: "Run drey doctor to see which setting of this host forbids it",
  });
}

function ignoreClosed(error: unknown): void {
  // the holder may be gone already
  if (!(error instanceof TypeError) && !(error instanceof Deno.errors.BrokenPipe)) throw error;
}
