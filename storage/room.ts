// Room on a file system, looked at before work that takes some. A reserve stays free, so that a full disk stops new work
// before it stops what is needed to make room: deleting, and writing down that something was deleted.

import { DreyError } from "../errors.ts";
import { dirname } from "@std/path";
import { fileSystemOf } from "../sys/file_systems.ts";
import { exists } from "../sys/present.ts";

const MiB = 2 ** 20;
/** `bytes` at most; on a small disk a twentieth of it */
const mostReserve = 64 * MiB;

/** `bytes` of a file system of a size that work leaves free. */
export const reserveOf = (total: number): number => Math.min(mostReserve, Math.floor(total / 20));

/**
 * Makes sure that a file system has room for so many more bytes.
 *
 * @throws {DreyError} `NO_SPACE`, `KERNEL_REFUSED` if it is read-only
 */
export function mustHaveRoom(directory: string, wanted = 0): void {
  mustTakeWrites(directory);
  const { bytes: { total, available } } = fileSystemOf(directory);
  const reserve = reserveOf(total);
  if (available - reserve >= wanted) return;
  const needs = wanted === 0 ? "" : `${inMiB(wanted)} are needed, `;
  throw new DreyError("NO_SPACE", {
    message: `The disk of "${directory}" is full: ${needs}${inMiB(available)} are free, and ${
      inMiB(reserve)
    } are kept for deleting things`,
    hint: "Make room, for example with: drey image prune",
  });
}

/** Whether so little of a file system is free that whoever deletes something probably wants its room. */
export function isShortOfRoom(directory: string): boolean {
  const { bytes: { total, available } } = fileSystemOf(directory);
  return available < total / 10;
}

/** @throws {DreyError} `KERNEL_REFUSED` if the file system of a directory is read-only */
export function mustTakeWrites(directory: string): void {
  if (!fileSystemOf(directory).isReadOnly) return;
  throw new DreyError("KERNEL_REFUSED", { message: `The file system of "${directory}" is read-only` });
}

const inMiB = (bytes: number): string => `${Math.ceil(bytes / MiB)} MiB`;

/** bytes between two looks at a disk that is being written to */
const lookEvery = 16 * MiB;

/** Passes a stream on as long as the disk it is written to has room. @throws {DreyError} `NO_SPACE` */
export async function* whileRoom<T extends Uint8Array>(
  directory: string,
  stream: AsyncIterable<T>,
): AsyncGenerator<T> {
  let unseen = lookEvery;
  for await (const chunk of stream) {
    unseen += chunk.length;
    if (unseen >= lookEvery) {
      mustHaveRoom(directory, chunk.length);
      unseen = 0;
    }
    yield chunk;
  }
}

const sharing: readonly number[] = [
  0x9123683e, // btrfs
  0x58465342, // xfs
  0xca451a4e, // bcachefs
  0x2fc12fc1, // zfs
];

/** Whether copies within a file system may take no space, so that nobody knows how much one will. */
export const mayShare = (directory: string): boolean => sharing.includes(fileSystemOf(directory).type);

const GiB = 2 ** 30;

/** `bytes` of the file of a pool that nobody gave a size, as LXD has it: a fifth of what is free, from 5 to 30 GiB. */
export function usualFileSize(directory: string): number {
  const { bytes } = fileSystemOf(exists(directory) ? directory : dirname(directory));
  const fifth = Math.floor(bytes.available / 5 / GiB);
  return Math.min(Math.max(fifth, 5), 30) * GiB;
}
