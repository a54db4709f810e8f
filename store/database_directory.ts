// The directory of the database, when it is made: private, and on a file system that WAL works on.

import { DreyError } from "../errors.ts";

/** `f_type` of file systems several hosts may share; statfs(2) */
const networkFileSystems = new Map<number, string>([
  [0x6969, "nfs"],
  [0x517b, "smb"],
  [0xff534d42, "cifs"],
  [0xfe534d42, "smb2"],
  [0x5346414f, "afs"],
  [0x6b414653, "afs"],
  [0x564c, "ncp"],
  [0x73757245, "coda"],
  [0x00c36400, "ceph"],
  [0x01021997, "9p"],
  [0x0bd00bd0, "lustre"],
  [0x47504653, "gpfs"],
]);

/**
 * Makes the directory, with those above it, for its owner alone.
 *
 * @throws {DreyError} `STATE_BROKEN` on a network file system: SQLite's WAL needs shared memory that works
 * between all who open the file
 * @see https://sqlite.org/wal.html
 */
export async function prepareDirectory(directory: string): Promise<void> {
  try {
    await Deno.mkdir(directory, { recursive: true, mode: 0o700 });
  } catch (error) {
    throw new DreyError("STATE_BROKEN", {
      message: `Cannot create the directory "${directory}": ${
        error instanceof Error ? error.message.split(" (os error")[0] : error
      }`,
      hint: "Set DREY_DIR to a directory you may write to",
      cause: error,
    });
  }
  const { statfsSync } = await import("node:fs");
  const name = networkFileSystemName(statfsSync(directory).type);
  if (name !== undefined) throw onNetwork(directory, name);
  (await import("./reserve.ts")).keepReserve(directory);
}

/** The name of a network file system of this `f_type`, or nothing for a local one. */
export function networkFileSystemName(type: number): string | undefined {
  return networkFileSystems.get(type >>> 0);
}

/** The error for a state directory that WAL cannot work on. */
export function onNetwork(directory: string, name: string): DreyError {
  return new DreyError("STATE_BROKEN", {
    message: `Cannot keep the database in "${directory}": it is on a network file system (${name})`,
    hint: "Set DREY_DIR to a directory on a local disk",
  });
}
