// The store on one host: a SQLite file in WAL mode, shared by every drey process of the user. Locks are in
// file_lock.ts, changes seen from other processes in database_watch.ts.

import type { DatabaseSync, StatementSync } from "node:sqlite";
import { join } from "@std/path";
import type { Paths } from "../sys/paths.ts";
import { type OpenDatabase, openDatabase } from "./database_file.ts";
import { diskError } from "./disk_error.ts";
import { DatabaseWatch } from "./database_watch.ts";
import { lockFile } from "./file_lock.ts";
import { decodeKey, encodeKey, rangeOf } from "./keys.ts";
import type { Change, Check, Entry, Key, Piece, Store, Write } from "./store.ts";

/** A deleted entry is forgotten after so many further revisions: what a watcher may lag behind. */
const tombstonesKept = 4096;
/** Every so many revisions the tombstones of as many are removed: a few at a time, as every commit waits for it. */
const sweepEvery = 16;

type Row = { key: string; value: string | null; revision: number };

/**
 * Opens the user's database, creating it and its directories (mode 0700) where they are missing.
 *
 * @throws {DreyError} `STATE_BROKEN` if the file is no database, of a newer drey, or on a network file system
 */
export async function openStore(paths: Paths): Promise<Store> {
  const directory = join(paths.state, "database");
  const file = join(directory, "drey.db");
  const locks = join(paths.run, "locks");
  const opened = await openDatabase({ directory, file, locks });
  return new SqliteStore(opened, directory, locks);
}

class SqliteStore implements Store {
  readonly #statements = new Map<string, StatementSync>();
  readonly #watch: DatabaseWatch;
  readonly #locks: string;
  readonly #directory: string;

  #opened: OpenDatabase | undefined;
  /** whether a commit found no room */
  #wasFull = false;

  constructor(opened: OpenDatabase, directory: string, locks: string) {
    this.#opened = opened;
    this.#watch = new DatabaseWatch(directory);
    this.#locks = locks;
    this.#directory = directory;
  }

  get<T = unknown>(key: Key): Promise<Entry<T> | undefined> {
    return promised(() => {
      // nobody can have written it, and names that people make up end here
      if (key.includes("")) return undefined;
      const row = this.#row(encodeKey(key));
      return row === undefined || row.value === null ? undefined : entryOf<T>(row);
    });
  }

  list<T = unknown>(prefix: Key, piece?: Piece): Promise<Entry<T>[]> {
    return promised(() => {
      const { self, from, to } = rangeOf(prefix);
      if (piece !== undefined) return this.#piece({ self, from, to }, piece).map((row) => entryOf<T>(row));
      return this.#rows(
        "SELECT key, value, revision FROM entries " +
          "WHERE (key = ? OR (key >= ? AND key < ?)) AND value IS NOT NULL ORDER BY key",
        self,
        from,
        to,
      ).map((row) => entryOf<T>(row));
    });
  }

  commit(checks: readonly Check[], writes: readonly Write[]): Promise<boolean> {
    return this.#try(checks, writes).catch(async (error) => {
      const known = diskError(error, this.#directory);
      if (known?.code !== "NO_SPACE") throw known ?? error;
      this.#wasFull = true;
      const { giveUpReserve } = await import("./reserve.ts");
      if (!giveUpReserve(this.#directory)) throw known;
      return await this.#try(checks, writes).catch((error) => {
        throw diskError(error, this.#directory) ?? error;
      });
    });
  }

  #try(checks: readonly Check[], writes: readonly Write[]): Promise<boolean> {
    return promised(() => {
      const database = this.#database;
      database.exec("BEGIN IMMEDIATE");
      try {
        const holds = checks.every((check) => this.#revisionOf(check.key) === check.revision);
        if (holds) this.#write(writes);
        database.exec(holds ? "COMMIT" : "ROLLBACK");
        if (holds && writes.length > 0) this.#watch.notify();
        return holds;
      } catch (error) {
        // some failures, such as that of a full disk, have ended the transaction already
        if (database.isTransaction) database.exec("ROLLBACK");
        throw error;
      }
    });
  }

  watch(prefix: Key, signal: AbortSignal): AsyncIterable<Change> {
    const { self, from, to } = rangeOf(prefix);
    let seen = this.#lastRevision();
    return this.#watch.changes(signal, () => {
      const rows = this.#rows(
        "SELECT key, value, revision FROM entries " +
          "WHERE revision > ? AND (key = ? OR (key >= ? AND key < ?)) ORDER BY revision, key",
        seen,
        self,
        from,
        to,
      );
      seen = rows.at(-1)?.revision ?? seen;
      return rows.map(changeOf);
    });
  }

  settle(): Promise<void> {
    // without waiting for anybody; sqlite.org/pragma.html. What cannot be written back stays in the log, and the next
    // commit that tries says why
    return promised(() => void this.#database.exec("PRAGMA wal_checkpoint(PASSIVE)")).catch(() => {});
  }

  lock(key: Key, options: { signal?: AbortSignal } = {}): Promise<AsyncDisposable> {
    return lockFile(this.#locks, encodeKey(key).replaceAll(",", "%2C").replaceAll("/", ","), options);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#watch.close();
    this.#statements.clear();
    this.#opened?.[Symbol.dispose]();
    this.#opened = undefined;
    if (this.#wasFull) (await import("./reserve.ts")).keepReserve(this.#directory);
  }

  /** The connection may by now belong to another store: whoever comes too late must not reach it. */
  get #database(): DatabaseSync {
    if (this.#opened === undefined) throw new Error("The store is closed");
    return this.#opened.database;
  }

  #write(writes: readonly Write[]): void {
    const revision = this.#lastRevision() + 1;
    for (const write of writes) {
      const value = "delete" in write ? null : JSON.stringify(write.value);
      this.#statement(
        "INSERT INTO entries (key, value, revision) VALUES (?, ?, ?) " +
          "ON CONFLICT (key) DO UPDATE SET value = excluded.value, revision = excluded.revision",
      ).run(encodeKey(write.key), value, revision);
    }
    if (writes.length === 0 || revision % sweepEvery !== 0) return;
    const before = revision - tombstonesKept;
    this.#statement("DELETE FROM entries WHERE revision >= ? AND revision < ? AND value IS NULL").run(
      before - sweepEvery,
      before,
    );
  }

  #piece({ self, from, to }: ReturnType<typeof rangeOf>, { after, limit }: Piece): Row[] {
    const last = after === undefined ? "" : encodeKey(after);
    // the signs keep SQLite from looking for the alternatives one by one and sorting what it finds
    return this.#rows(
      "SELECT key, value, revision FROM entries WHERE key >= ? AND key <> ? AND key < ? " +
        "AND (+key = ? OR +key >= ?) AND value IS NOT NULL ORDER BY key LIMIT ?",
      last || self,
      last,
      to,
      self,
      from,
      limit,
    );
  }

  #revisionOf(key: Key): number {
    const row = this.#row(encodeKey(key));
    return row === undefined || row.value === null ? 0 : row.revision;
  }

  #lastRevision(): number {
    return Number(this.#statement("SELECT max(revision) AS last FROM entries").get()?.["last"] ?? 0);
  }

  #row(key: string): Row | undefined {
    return this.#statement("SELECT key, value, revision FROM entries WHERE key = ?").get(key) as
      | Row
      | undefined;
  }

  #rows(sql: string, ...values: (string | number)[]): Row[] {
    return this.#statement(sql).all(...values) as Row[];
  }

  #statement(sql: string): StatementSync {
    const known = this.#statements.get(sql);
    if (known !== undefined) return known;
    const statement = this.#database.prepare(sql);
    this.#statements.set(sql, statement);
    return statement;
  }
}

function entryOf<T>(row: Row): Entry<T> {
  return { key: decodeKey(row.key), value: JSON.parse(row.value ?? "null") as T, revision: row.revision };
}

function changeOf(row: Row): Change {
  const { revision } = row;
  return row.value === null
    ? { key: decodeKey(row.key), deleted: true, revision }
    : { key: decodeKey(row.key), value: JSON.parse(row.value), revision };
}

/** SQLite answers at once; its errors must still arrive as rejections. */
function promised<T>(work: () => T): Promise<T> {
  try {
    return Promise.resolve(work());
  } catch (error) {
    return Promise.reject(error);
  }
}
