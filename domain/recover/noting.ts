// Which instances and custom volumes a process has changed, so that what lies beside their files can be brought up to
// date. Part of every command, so it only listens to commits.

import type { Key, Store, Write } from "../../store/store.ts";

/** Something that describes itself beside its files: the key of its record. */
export type Described = Key;

export interface Notes {
  /** the store, with an ear to what is committed */
  store: Store;
  /** keys of what changed since the last call */
  take(): Described[];
}

/** Listens to a store; `onChange` is called after each commit that changed something to be described. */
export function noteChanges(store: Store, onChange: () => void): Notes {
  const changed = new Map<string, Described>();
  return {
    store: {
      get: (key) => store.get(key),
      list: (prefix) => store.list(prefix),
      watch: (prefix, signal) => store.watch(prefix, signal),
      lock: (key, options) => store.lock(key, options),
      async commit(checks, writes) {
        const done = await store.commit(checks, writes);
        const found = done ? writes.flatMap(describedBy) : [];
        for (const key of found) changed.set(key.join("\0"), key);
        if (found.length > 0) onChange();
        return done;
      },
      [Symbol.asyncDispose]: () => store[Symbol.asyncDispose](),
    },
    take() {
      const keys = [...changed.values()];
      changed.clear();
      return keys;
    },
  };
}

/** What has to be described anew after a write: what was deleted itself has taken its description along. */
function describedBy(write: Write): Described[] {
  const [kind, ...path] = write.key;
  switch (kind) {
    case "instances":
      return "delete" in write || path.length !== 2 ? [] : [write.key];
    case "volumes":
      return "delete" in write ? [] : [write.key];
    case "instance_snapshots":
      return [["instances", ...path.slice(0, 2)]];
    case "volume_snapshots":
      return [["volumes", ...path.slice(0, 3)]];
    default:
      return [];
  }
}
