// Memories of virtual machines that have come as far as all machines of a kind do: kernel and initial ram disk are up, or
// the system of an image until its agent asks who it is. A start that has such a memory goes on from there. They are made
// by the first start of their kind, and count until the host is booted again.

import { basename, join } from "@std/path";
import { describeError, DreyError } from "../../errors.ts";
import { takeMemory } from "../../runtime/vm/door.ts";
import { withoutEmptyPages } from "../../runtime/vm/memory_stream.ts";
import { rootDrive } from "../../runtime/vm/drives.ts";
import { guestAgent } from "../../runtime/vm/guest_agent.pl.ts";
import { type Machine, qemuWords } from "../../runtime/vm/machine.ts";
import { seedDrive } from "../../runtime/vm/seed.ts";
import { beginTaking, takenFile } from "../../runtime/vm/taker.ts";
import { bootId } from "../../sys/lifetimes.ts";
import { findAbandoned, isPartial, partialName } from "../../sys/partial.ts";
import { exists, isDirectory, namesIn, removeIfThere } from "../../sys/present.ts";
import type { Context } from "../context.ts";
import type { BootAssets } from "./assets.ts";
import { memoriesDirectory } from "../images/directories.ts";
import { imageMemoryName, isImageMemory, removeMemory } from "./memories_directory.ts";

/** How many kinds are kept that begin with a booted kernel, some 100 MB each, and with the system of an image. */
const most = { kernels: 4, images: 2 };

/** What a machine can go on from. */
export interface Memory {
  /** file that QEMU loads */
  path: string;
  /** the machine's disk as it was then, where it had one */
  disk?: string;
}

/**
 * The place of the memory of a machine's kind, which may not be there yet: a file, or a directory for one with a disk of
 * its image. Undefined for a machine that is of no kind, since it does not wait to be told who it is, or has a device of
 * the host or a TPM.
 */
export async function memoryOf(
  context: Context,
  machine: Machine,
  from: { assets: BootAssets | undefined; disk: UnusedDisk | undefined },
): Promise<string | undefined> {
  if (machine.host.length > 0 || machine.tpm !== undefined) return undefined;
  const words = qemuWords({ ...machine, name: "", uuid: "", nics: [], shares: [], drives: [] });
  const own = machine.waits ? ramDiskKind(from.assets) : imageKind(machine, from.disk);
  if (own === undefined) return undefined;
  const kind = [
    words,
    own.kind,
    identityOf(words[0] ?? ""),
    // its processors may be others when the host has been off
    bootId(),
  ];
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(JSON.stringify(kind)));
  const name = new Uint8Array(digest).subarray(0, 12).toHex();
  const { image } = own;
  return join(memoriesDirectory(context), image === undefined ? name : imageMemoryName(name, image));
}

/** A disk with nothing on it but what its image has. */
export interface UnusedDisk {
  /** the image's file */
  image: string;
  /** `bytes` it is to have */
  size: number;
}

interface OwnKind {
  kind: unknown;
  /** fingerprint of the image whose memory it is */
  image?: string;
}

const ramDiskKind = (assets: BootAssets | undefined): OwnKind | undefined =>
  assets && { kind: [assets.kernel.version, basename(assets.initrd)] };

/** The kind of a machine with a disk that nobody has used; drives of others stand against it. */
function imageKind({ drives, shares, boot }: Machine, disk: UnusedDisk | undefined): OwnKind | undefined {
  const image = /\/([0-9a-f]{64})-[^/]*\/rootfs\//.exec(disk?.image ?? "")?.[1];
  const isPlain = drives.every(({ id }) => id === rootDrive || id === seedDrive);
  if (disk === undefined || image === undefined || !isPlain || shares.length === 0) return undefined;
  const firmware = boot.kind === "firmware" ? identityOf(boot.code) : [];
  return { kind: [drives, disk.size, identityOf(disk.image), firmware, guestAgent()], image };
}

/** What tells a file from one that has taken its place. */
function identityOf(path: string): unknown[] {
  const { ino, mtime, size } = Deno.statSync(path);
  return [path, ino, mtime?.getTime(), size];
}

/** Whether a machine can go on from what is at the place of its kind. */
export const hasMemory = (place: string | undefined): place is string => place !== undefined && exists(place);

/**
 * What a machine goes on from, held for it in a directory of its own, so that nobody takes it away meanwhile; undefined
 * if somebody was faster.
 */
export function holdMemory(place: string, directory: string): Memory | undefined {
  try {
    if (!isDirectory(place)) return { path: held(place, directory) };
    const path = join(place, loadedName);
    if (!exists(path)) sieve(takenFile(place, "memory"), path);
    return { path: held(path, directory), disk: held(takenFile(place, "disk"), directory) };
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

function held(path: string, directory: string): string {
  const link = join(directory, `held-${basename(path)}`);
  try {
    Deno.linkSync(path, link);
    return link;
  } catch (error) {
    // on another file system it has to do as it is: EXDEV
    if (error instanceof Error && error.message.includes("(os error 18)")) return path;
    throw error;
  }
}

/** In the directory of a memory that was taken, the file that QEMU loads. */
const loadedName = "memory";

/** Who takes a memory leaves it as it came; the first to use it makes of it what is loaded. */
function sieve(raw: string, path: string): void {
  let whole: Uint8Array;
  try {
    whole = Deno.readFileSync(raw);
  } catch (error) {
    // somebody else has just done it
    if (error instanceof Deno.errors.NotFound && exists(path)) return;
    throw error;
  }
  writeWhole(path, withoutEmptyPages(whole));
  removeIfThere(raw);
}

function writeWhole(path: string, pieces: readonly Uint8Array[]): void {
  const unfinished = partialName(path);
  try {
    {
      using file = Deno.openSync(unfinished, { write: true, createNew: true, mode: 0o644 });
      for (const piece of pieces) {
        for (let at = 0; at < piece.length;) at += file.writeSync(piece.subarray(at));
      }
    }
    Deno.renameSync(unfinished, path);
  } catch (error) {
    removeIfThere(unfinished);
    throw error;
  }
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
  try {
    const taken: Uint8Array<ArrayBuffer>[] = [];
    await takeMemory(door, (bytes) => taken.push(bytes.slice()));
    writeWhole(path, withoutEmptyPages(new Uint8Array(await new Blob(taken).arrayBuffer())));
    sweep(directory);
    return undefined;
  } catch (error) {
    // the machine has ended: whoever waits for it says so
    if (error instanceof DreyError && error.code === "INSTANCE_STATE") return undefined;
    return `the next virtual machine starts no faster: ${describeError(error)}`;
  }
}

/** Has the memory of a machine kept whose guest may come to ask who it is; nobody waits for that. */
export async function keepMemoryLater(door: string, place: string, log: string): Promise<void> {
  const directory = join(place, "..");
  Deno.mkdirSync(directory, { recursive: true, mode: 0o700 });
  // there is room for one more
  sweep(directory, { ...most, images: most.images - 1 });
  await beginTaking(door, place, log);
}

function sweep(directory: string, left = most): void {
  const found = namesIn(directory).filter((name) => !isPartial(name)).flatMap((name) => {
    const path = join(directory, name);
    const time = timeOf(path);
    return time === undefined ? [] : [{ path, time, isImages: isImageMemory(name) }];
  }).toSorted((a, b) => b.time - a.time);
  const old = [
    ...found.filter(({ isImages }) => !isImages).slice(left.kernels),
    ...found.filter(({ isImages }) => isImages).slice(left.images),
  ].map(({ path }) => path);
  for (const path of [...old, ...findAbandoned(directory)]) removeMemory(path);
}

function timeOf(path: string): number | undefined {
  try {
    return Deno.statSync(path).mtime?.getTime() ?? 0;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}
