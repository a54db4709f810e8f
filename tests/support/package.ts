// Makes the two forms drey is handed out in: `bundle`, one file for `deno`, and `compile`, one binary without it.

import $ from "@david/dax";
import { join } from "@std/path";
import { cutApart, putTogether } from "./bundle_pieces.ts";
import entered from "./entered.json" with { type: "json" };
import { quickFlag } from "../../domain/open.ts";
import { countUsing, markUsing, unmarkUsing } from "./kept_using.ts";
import { deferBuiltins } from "./lazy_builtins.ts";
import warm from "./warm.json" with { type: "json" };
import { warmWords } from "./warm_functions.ts";

const root = join(import.meta.dirname!, "../..");

/**
 * How Deno's memory is had from the kernel: in large pieces that are kept, instead of page by page and given back in
 * between. 3 to 4 ms of each start, Deno's own among them. See "Memory Allocation Tunables" of the GNU C library.
 */
const tunables = "GLIBC_TUNABLES=" + [
  "hugetlb=1",
  // threads that live for a moment would each begin with a large piece of their own
  "arena_max=1",
  "mmap_threshold=0x2000000",
  "trim_threshold=0x4000000",
  "top_pad=0x800000",
].map((word) => `glibc.malloc.${word}`).join(":");

/** Modules that a command enters, by its first word: those that can have a program of their own. */
const modulesOf: Record<string, string[]> = {};
for (const [words, modules] of Object.entries(entered)) {
  for (const word of words.split(" ")) (modulesOf[word] ??= []).push(...modules);
}

/**
 * The first lines are a program for the shell, which starts as fast as env(1) and takes more than the 255 bytes that the
 * kernel reads of a first line. To JavaScript they are a comment, a string and a comment. They take the part of the bundle
 * that is made for the command, if it is there and the user's own: `word` is where the bundle is then, or else where its
 * parts would be.
 */
const prelude = (fingerprint: string): string =>
  "#!/bin/sh\n" + [
    `':' //; file=$0 word=`,
    `case $1 in ${
      Object.keys(modulesOf).join("|")
    }) parts=\${XDG_CACHE_HOME:-$HOME/.cache}/drey/${fingerprint}`,
    `if [ -O "$parts/$1.mjs" ] && [ -O "$parts/whole.js" ]`,
    // with a cache of compiled programs to itself: Deno reads the log of what others do from beginning to end
    `then file=$parts/$1.mjs word=$0`,
    `export DREY_DENO_DIR="$DENO_DIR" DENO_DIR="$parts/deno"`,
    // nobody's cache is at the top of the file system
    `elif [ "\${XDG_CACHE_HOME:-$HOME}" ]`,
    `then word=$parts`,
    `fi`,
    `esac`,
    // a command that lasts would have Deno ask its server for a newer Deno
    `DREY_BUNDLE=$word DENO_NO_UPDATE_CHECK=1 ${tunables} exec deno run -A --no-config --no-lock --quiet ${quickFlag} "$file" "$@"\n`,
  ].join("; ");

const exitLine = /if \(import\.meta\.main\) Deno\.exit\(await \w+\(Deno\.args\)\);/;
const bundleEntrance = /^async function (enterBundle\w*)\(/m;
/** Commands that wait for other programs where they succeed, and so turn the loop. */
const turning = ["delete", "exec", "launch", "start", "stop"];
/**
 * At the end, one more turn of the loop, in which Deno keeps the compiled code: the next start saves 5 ms of parsing. By a
 * system call and not a timer, the first of which takes 5 ms.
 */
const exitLater = (enter: string) =>
  `if (import.meta.main) {
  const status = await ${enter}(Deno.args);
  if (status !== 0 || !${JSON.stringify(turning)}.includes(Deno.args[0])) await Deno.lstat("/");
  Deno.exit(status);
}`;

type Built = { path: string } | { problem: string };

/** Writes one self-contained, executable file that needs `deno` and nothing else. */
export async function bundle(path: string): Promise<Built> {
  const raw = await Deno.makeTempFile({ prefix: "drey-bundle-", suffix: ".js" });
  try {
    const built = await rawBundle(raw);
    if ("problem" in built) return built;
    const text = await Deno.readTextFile(raw);
    if (!exitLine.test(text)) return { problem: `cli.ts no longer ends in: ${exitLine}` };
    const [, enter] = bundleEntrance.exec(text) ?? [];
    if (enter === undefined) return { problem: "cli.ts has no enterBundle() any more" };
    const pieces = cutApart(deferBuiltins(text).replace(exitLine, exitLater(enter)), warm);
    const marked = markUsing(pieces.text);
    await Deno.writeTextFile(raw, marked);
    // half the text is half the loading, 5 ms of each command; after the rest, which looks for whole lines
    const small = await deno("bundle", "--quiet", "--minify", "--output", path, raw);
    if (small.code !== 0) return { problem: small.stderr };
    const shortened = unmarkUsing(await Deno.readTextFile(path));
    const lost = countUsing(marked) - countUsing(shortened);
    if (lost !== 0) return { problem: `${lost} declarations with "using" are lost` };
    const commands = { modules: Object.keys(warm), entered: modulesOf, words: warmWords(warm) };
    const program = putTogether(pieces, shortened, commands);
    await Deno.writeTextFile(path, prelude(await fingerprintOf(program)) + program);
    await Deno.chmod(path, 0o755);
    return { path };
  } finally {
    await Deno.remove(raw);
  }
}

/** So many letters of it that no two bundles of a user have the same. */
async function fingerprintOf(text: string): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  return new Uint8Array(digest).toHex().slice(0, 16);
}

/** The bundle as the bundler makes it, without a first line for the shell. */
export async function rawBundle(path: string): Promise<Built> {
  const built = await deno("bundle", "--quiet", "--output", path, "cli.ts");
  if (built.code !== 0) return { problem: built.stderr };
  const text = await Deno.readTextFile(path);
  await Deno.writeTextFile(path, text.replace(/^#!.*\n/, ""));
  return { path };
}

/** Writes one binary. Deno downloads the base of it once, which is the usual reason for a problem. */
export async function compile(path: string): Promise<Built> {
  const built = await deno("compile", "--quiet", "-A", "--output", path, "cli.ts");
  if (built.code === 0) return { path };
  const isOffline = /denort|error sending request|dns error/.test(built.stderr);
  return {
    problem: isOffline
      ? `Cannot compile: the base binary cannot be downloaded from dl.deno.land\n${built.stderr}`
      : built.stderr,
  };
}

async function deno(...args: string[]): Promise<{ code: number; stderr: string }> {
  const { code, stderr } = await $`${Deno.execPath()} ${args}`.cwd(root).env("NO_COLOR", "1").stdin("null")
    .stdout("null").stderr("piped").noThrow();
  return { code, stderr: stderr.split("\nStack backtrace")[0]!.trim() };
}

if (import.meta.main) {
  const builders = { bundle: () => bundle("dist/drey.js"), compile: () => compile("dist/drey") };
  const build = builders[Deno.args[0] as keyof typeof builders];
  if (build === undefined) {
    console.error("Usage: package.ts bundle|compile");
    Deno.exit(2);
  }
  Deno.chdir(root);
  await Deno.mkdir("dist", { recursive: true });
  const built = await build();
  if ("problem" in built) {
    console.error(built.problem);
    Deno.exit(1);
  }
  const { size } = await Deno.stat(built.path);
  console.log(`${built.path} (${Math.round(size / 1000)} kB)`);
}
