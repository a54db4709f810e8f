// The store contract: what drey remembers, as keys and JSON values. SQLite implements it on one host; five
// calls are all that etcd needs to do the same for a cluster.

/** A path of words, `["instances", "default", "c1"]`. No word is empty or contains "/". */
export type Key = readonly string[];

export interface Entry<T = unknown> {
  key: Key;
  value: T;
  /** grows with every commit, unique to one; equal revisions mean an unchanged entry */
  revision: number;
}

/** Holds if the entry still has this revision; `0` means: does not exist. */
export interface Check {
  key: Key;
  revision: number;
}

export type Write = { key: Key; value: unknown } | { key: Key; delete: true };

export type Change = { key: Key; value: unknown; revision: number } | {
  key: Key;
  deleted: true;
  revision: number;
};

export interface Piece {
  /** the key before the first one that is wanted; it need not be there any more */
  after?: Key | undefined;
  /** how many at most */
  limit: number;
}

export interface Store extends AsyncDisposable {
  /** what is there, which is nothing for a key with an empty word */
  get<T = unknown>(key: Key): Promise<Entry<T> | undefined>;
  /** entries whose key starts with these words, ordered by key; a piece of them if it is asked for */
  list<T = unknown>(prefix: Key, piece?: Piece): Promise<Entry<T>[]>;
  /** every check holds and every write happens, or nothing does; the answer says which */
  commit(checks: readonly Check[], writes: readonly Write[]): Promise<boolean>;
  /**
   * changes below a prefix from now on, in the order of their revisions, whichever process made them; an entry
   * that changes again before it is read is told once, as it then stands
   */
  watch(prefix: Key, signal: AbortSignal): AsyncIterable<Change>;
  /** does what is to be done now and then and takes a while; for who waits for something else anyway */
  settle(): Promise<void>;
  /** waits for an exclusive lock; the kernel or a lease frees it when the holder dies */
  lock(key: Key, options?: { signal?: AbortSignal }): Promise<AsyncDisposable>;
}
