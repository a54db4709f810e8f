// A program at work on the mounted root of a volume, as root of its ids: tar, which makes a tree a stream and a stream
// a tree again. The root is a directory in a jail with nothing of the host but programs: no file of it is ever executed,
// and no link in it or in the stream leads out.

import { DreyError } from "../errors.ts";
import { beginningOf } from "../sys/bounded_text.ts";
import { sealDescriptors } from "../sys/descriptors.ts";
import { commandFailed, fullPath, kill, spawn } from "../sys/run.ts";
import { formatSteps } from "./step_words.ts";
import type { Step } from "./steps.ts";
import { walkerFor } from "./walker.pl.ts";

export interface TreeProgram {
  /** what it prints */
  output: ReadableStream<Uint8Array<ArrayBuffer>>;
  /** what it reads */
  input: WritableStream<Uint8Array<ArrayBuffer>>;
  /** waits for its end. @throws {DreyError} `COMMAND_FAILED`, `NO_SPACE` */
  finish(): Promise<void>;
  /** ends it early */
  kill(): void;
}

const tarAll = ["--numeric-owner", "--xattrs", "--xattrs-include=*", "--acls"];

/** argv that writes a tree as a tar stream, its top as `name`. */
export function packArgv(root: string, name = "."): string[] {
  // targets of symlinks stay as they are, those of hard links follow their files; no name of drey's has a #
  const renamed = name === "." ? [] : [`--transform=flags=rhS;s#^\\.#${name}#`];
  const quiet = ["--warning=no-file-ignored", "--warning=no-xattr-write"];
  return [
    "tar",
    "-C",
    root,
    ...tarAll,
    // the same tree is the same stream
    ...["--sort=name", "--pax-option=delete=atime,delete=ctime"],
    "--sparse",
    "--one-file-system",
    ...quiet,
    ...renamed,
    "-cf",
    "-",
    ".",
  ];
}

/**
 * argv that unpacks such a stream into an empty tree.
 *
 * @param below directory of the stream that becomes the top; the rest is left out
 */
export function unpackArgv(root: string, below?: string): string[] {
  const wanted = below === undefined ? [] : [
    // a container gets its own /dev, and devices could not be made
    ...["--anchored", `--exclude=${literal(below)}/dev/*`, `--strip-components=${below.split("/").length}`],
    ...["--", below],
  ];
  const argv = ["tar", "-C", root, ...tarAll, "-p", "--same-owner", "--warning=no-timestamp", "-xf", "-"];
  return [...argv, ...wanted];
}

/** A name as a pattern that fits no other. */
const literal = (name: string) => name.replace(/[*?[\\]/g, "\\$&");

/**
 * Starts the program that the steps end in, a `run` behind a `ready`.
 *
 * @param onInside called once the process stands inside and needs nothing of the outside any more
 * @param program what it is called where it fails
 * @throws {DreyError} `KERNEL_REFUSED`
 */
export async function startOnTree(
  steps: readonly Step[],
  onInside: () => Promise<void>,
  program = "tar",
): Promise<TreeProgram> {
  sealDescriptors();
  const child = spawn(["/usr/bin/perl", "-e", walkerFor(steps), formatSteps(steps)], {
    env: { PATH: fullPath(), LC_ALL: "C" },
    clearEnv: true,
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  });
  const said = beginningOf(child.stderr);
  const reader = child.stdout.getReader();
  const line = await firstLine(reader);
  try {
    await onInside();
  } catch (error) {
    kill(child, "SIGKILL");
    throw error;
  }
  if (line === undefined) {
    throw new DreyError("KERNEL_REFUSED", {
      message: `Cannot reach the files of the volume: ${(await said).trim().split("\n")[0] ?? ""}`,
    });
  }
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode("go\n"));
  writer.releaseLock();
  return {
    output: rest(reader, line.rest),
    input: child.stdin,
    async finish() {
      const { code } = await child.status;
      if (code !== 0) throw commandFailed(program, { code, stderr: await said });
    },
    kill: () => kill(child, "SIGKILL"),
  };
}

type Reader = ReadableStreamDefaultReader<Uint8Array<ArrayBuffer>>;

/** What comes behind the first line of a stream; undefined if it has none. */
async function firstLine(reader: Reader): Promise<{ rest: Uint8Array<ArrayBuffer> } | undefined> {
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return undefined;
    const end = value.indexOf(10);
    if (end >= 0) return { rest: value.slice(end + 1) };
  }
}

function rest(reader: Reader, first: Uint8Array<ArrayBuffer>): ReadableStream<Uint8Array<ArrayBuffer>> {
  let held: Uint8Array<ArrayBuffer> | undefined = first.length > 0 ? first : undefined;
  return new ReadableStream({
    async pull(control) {
      const { done, value } = held === undefined ? await reader.read() : { done: false, value: held };
      held = undefined;
      if (done || value === undefined) control.close();
      else control.enqueue(value);
    },
    cancel: (reason) => reader.cancel(reason),
  }, { highWaterMark: 0 });
}
