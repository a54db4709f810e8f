// What SQLite says of a disk that takes nothing more, as an error people can do something about.

import { DreyError } from "../errors.ts";
import { fileSystemOf } from "../sys/file_systems.ts";

/** `bytes` below which a disk is full for SQLite, which says then that input or output failed */
const next = 1 << 20;

/** The error as that of a full or read-only disk; undefined for any other. */
export function diskError(error: unknown, directory: string): DreyError | undefined {
  if (!(error instanceof Error) || error instanceof DreyError) return undefined;
  const saysFull = /disk is full|SQLITE_FULL/i.test(error.message);
  const isFull = saysFull ||
    /disk I\/O error|unable to open/i.test(error.message) && fileSystemOf(directory).bytes.available < next;
  if (isFull) {
    return new DreyError("NO_SPACE", {
      message: "Cannot write to the database: the disk is full",
      hint: "Free some space in drey's directory",
      cause: error,
    });
  }
  if (!/readonly database/i.test(error.message)) return undefined;
  return new DreyError("KERNEL_REFUSED", {
    message: `Cannot write to the database: "${directory}" is read-only`,
    cause: error,
  });
}
