// Opening the database file, and keeping it open. Closing the last connection makes SQLite write the WAL back, with
// four fsyncs; a process that ends without it leaves the WAL to the next one, which takes it over in no time. So
// connections are not closed but kept, for the next store of the same file or for the kernel.

import { DatabaseSync } from "node:sqlite";
import { DreyError } from "../errors.ts";
import { factsOf } from "../sys/file_facts.ts";
import { diskError } from "./disk_error.ts";
import { lockFile } from "./file_lock.ts";
import { schemaVersion, upgrade, versionOf } from "./upgrades.ts";

/** `milliseconds` a process waits for another one's commit; a commit takes well below one */
const busyTimeout = 15_000;
/** pages in the WAL after which a commit writes them back: what the next process has to look through */
const longestWal = 128;

export interface DatabasePlace {
  directory: string;
  file: string;
  /** directory of lock files */
  locks: string;
}

export interface OpenDatabase extends Disposable {
  database: DatabaseSync;
}

/** Connections nobody uses now, with the inodes of their files. */
const idle = new Map<string, { database: DatabaseSync; inode: number | undefined }>();

/**
 * Opens the database, making it and its directory where they are missing. Disposing gives the connection back.
 *
 * @throws {DreyError} `STATE_BROKEN`
 */
export async function openDatabase(place: DatabasePlace): Promise<OpenDatabase> {
  const database = takeIdle(place.file) ?? await connect(place);
  try {
    database.exec(`PRAGMA busy_timeout = ${busyTimeout}`);
    if (versionOf(database) !== schemaVersion) {
      // SQLite does not wait for others while it changes the mode
      await using _alone = await lockFile(place.locks, "database", {});
      useWal(database, place.file);
      upgrade(database, place.file);
    }
    // WAL needs no fsync to stay consistent; after a power cut the last commits may be missing
    database.exec(`PRAGMA synchronous = NORMAL; PRAGMA wal_autocheckpoint = ${longestWal}`);
    return { database, [Symbol.dispose]: () => putIdle(place.file, database) };
  } catch (error) {
    database.close();
    if (error instanceof DreyError) throw error;
    const known = diskError(error, place.directory);
    if (known !== undefined) throw known;
    throw new DreyError("STATE_BROKEN", {
      message: `Cannot open the database "${place.file}": ${error instanceof Error ? error.message : error}`,
      hint: "Restore the file from a backup, or set DREY_DIR to a new directory",
      cause: error,
    });
  }
}

async function connect({ directory, file }: DatabasePlace): Promise<DatabaseSync> {
  try {
    return new DatabaseSync(file);
  } catch {
    // the first run: only then is there anything to look at but the file
    const { prepareDirectory } = await import("./database_directory.ts");
    await prepareDirectory(directory);
    return new DatabaseSync(file);
  }
}

function takeIdle(file: string): DatabaseSync | undefined {
  const found = idle.get(file);
  if (found === undefined) return undefined;
  idle.delete(file);
  if (found.inode === inodeOf(file)) return found.database;
  found.database.close();
  return undefined;
}

function putIdle(file: string, database: DatabaseSync): void {
  if (idle.has(file)) database.close();
  else idle.set(file, { database, inode: inodeOf(file) });
}

const inodeOf = (file: string): number | undefined => factsOf(file, { follow: true })?.inode;

function useWal(database: DatabaseSync, file: string): void {
  const mode = database.prepare("PRAGMA journal_mode = WAL").get()?.["journal_mode"];
  if (mode === "wal") return;
  throw new DreyError("STATE_BROKEN", {
    message: `Cannot open the database "${file}": SQLite keeps it in mode "${mode}", not in WAL`,
    hint: "Set DREY_DIR to a directory on a local disk",
  });
}
