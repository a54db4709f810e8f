// Memories of virtual machines that have come as far as all machines of a kind do: kernel and initial ram disk are up,
// and the guest waits to be told who it is. A start that has such a memory goes on from there. They are made by the
// first start of their kind, and count until the host is booted again.

import { basename, join } from "@std/path";
import { describeError, DreyError } from "../../errors.ts";
import { takeMemory } from "../../runtime/vm/door.ts";
import { withoutEmptyPages } from "../../runtime/vm/memory_stream.ts";
import { type Machine, qemuWords } from "../../runtime/vm/machine.ts";
import { findAbandoned, isPartial, partialName } from "../../sys/partial.ts";
import { exists, namesIn, readIfThere, removeIfThere } from "../../sys/present.ts";
import type { Context } from "../context.ts";
import type { BootAssets } from "./assets.ts";
import { memoriesDirectory } from "./memories_directory.ts";

/** How many kinds are kept: each has the size of a booted kernel, some 100 MB. */
const most = 4;

/**
 * The file with the memory of a machine's kind, which may not be there yet; undefined for a machine that is of no kind,
 * since it does not wait to be told who it is, or has a device of the host.
 */
export async function memoryOf(
  context: Context,
  machine: Machine,
  { kernel, initrd }: BootAssets,
): Promise<string | undefined> {
  if (!machine.waits || machine.host.length > 0) return undefined;
  const words = qemuWords({ ...machine, name: "", uuid: "", cards: [], shares: [], drives: [] });
  const { mtime, size } = Deno.statSync(words[0] ?? "");
  const kind = [
    words,
    kernel.version,
    basename(initrd),
    [mtime?.getTime(), size],
    // its processors may be others when the host has been off
    readIfThere("/proc/sys/kernel/random/boot_id"),
  ];
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(JSON.stringify(kind)));
  const name = [...new Uint8Array(digest).subarray(0, 12)].map((byte) => byte.toString(16).padStart(2, "0"));
  return join(memoriesDirectory(context), name.join(""));
}

/** Notes that a memory was of use. */
export function touchMemory(path: string): void {
  try {
    Deno.utimeSync(path, new Date(), new Date());
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error; // somebody has pruned it
  }
}

/**
 * Keeps the memory of a machine that has just begun and was not there yet, as soon as its guest waits.
 *
 * @returns why it could not be kept, for people
 */
export async function keepMemory(door: string, path: string): Promise<string | undefined> {
  const directory = join(path, "..");
  Deno.mkdirSync(directory, { recursive: true, mode: 0o700 });
  const unfinished = partialName(path);
  try {
    const taken: Uint8Array<ArrayBuffer>[] = [];
    await takeMemory(door, (bytes) => taken.push(bytes.slice()));
    const whole = new Uint8Array(await new Blob(taken).arrayBuffer());
    {
      using file = Deno.openSync(unfinished, { write: true, createNew: true, mode: 0o644 });
      for (const piece of withoutEmptyPages(whole)) {
        for (let at = 0; at < piece.length;) at += file.writeSync(piece.subarray(at));
      }
    }
    Deno.renameSync(unfinished, path);
    sweep(directory);
    return undefined;
  } catch (error) {
    removeIfThere(unfinished);
    // the machine has ended: whoever waits for it says so
    if (error instanceof DreyError && error.code === "INSTANCE_STATE") return undefined;
    return `the next virtual machine starts no faster: ${describeError(error)}`;
  }
}

function sweep(directory: string): void {
  const found = namesIn(directory).filter((name) => !isPartial(name)).flatMap((name) => {
    const path = join(directory, name);
    const time = timeOf(path);
    return time === undefined ? [] : [{ path, time }];
  });
  const old = found.toSorted((a, b) => b.time - a.time).slice(most).map(({ path }) => path);
  for (const path of [...old, ...findAbandoned(directory)]) removeIfThere(path);
}

function timeOf(path: string): number | undefined {
  try {
    return Deno.statSync(path).mtime?.getTime() ?? 0;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

/** Whether a machine can go on from it. */
export const hasMemory = (path: string | undefined): path is string => path !== undefined && exists(path);
