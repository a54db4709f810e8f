// The database's schema, one step per version. A released step never changes; what comes later is a new one.

import type { DatabaseSync } from "node:sqlite";
import { DreyError } from "../errors.ts";

/** Step `n` turns schema `n` into schema `n + 1`. `user_version` in the file counts the steps it has seen. */
const upgrades: readonly ((database: DatabaseSync) => void)[] = [
  // a deleted entry stays as a row without a value, so that watchers in other processes see it go
  (database) =>
    database.exec(`
      CREATE TABLE entries (key TEXT PRIMARY KEY, value TEXT, revision INTEGER NOT NULL) WITHOUT ROWID;
      CREATE INDEX entries_revision ON entries (revision);
    `),
];

/** The schema this drey reads and writes. */
export const schemaVersion = upgrades.length;

/** The schema a database file is at; 0 for a new one. */
export function versionOf(database: DatabaseSync): number {
  return Number(database.prepare("PRAGMA user_version").get()?.["user_version"]);
}

/**
 * Brings a database to this drey's schema, in one transaction; two processes may try at once.
 *
 * @throws {DreyError} `STATE_BROKEN` if a newer drey has written it
 */
export function upgrade(database: DatabaseSync, file: string): void {
  database.exec("BEGIN IMMEDIATE");
  try {
    const found = versionOf(database);
    if (found > schemaVersion) throw tooNew(file, found);
    for (const step of upgrades.slice(found)) step(database);
    database.exec(`PRAGMA user_version = ${schemaVersion}`);
    database.exec("COMMIT");
  } catch (error) {
    database.exec("ROLLBACK");
    throw error;
  }
}

function tooNew(file: string, found: number): DreyError {
  return new DreyError("STATE_BROKEN", {
    message:
      `Cannot open the database "${file}": a newer drey has written it (schema ${found}, this drey knows ${schemaVersion})`,
    hint: "Run that newer drey, or set DREY_DIR to a new directory",
  });
}
