// Which instances and custom volumes a process has changed, so that what lies beside their files can be brought up to
// date. Part of every command, so it only listens to commits.

import type { Key, Store, Write } from "../../store/store.ts";
import type { Config } from "../../wire/instance.ts";

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
      settle: () => store.settle(),
      async commit(checks, writes) {
        const lasting: Write[] = [];
        for (const write of writes) if (!await isMereStart(store, write)) lasting.push(write);
        const done = await store.commit(checks, writes);
        const found = done ? describedIn(lasting) : [];
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

/** What of an instance's record is about its run: whoever recovers it asks the kernel. */
const ofRun = /^volatile\.(last_state\.(power|ready)|idmap\.current|.+\.host_name)$/;

interface Running {
  config: Config;
  last_used_at: string;
}

/**
 * Whether a write says no more than that an instance runs now. Its end is described again, so that its start need not
 * wait for the disk.
 */
async function isMereStart(store: Store, write: Write): Promise<boolean> {
  const [kind, ...path] = write.key;
  if (kind !== "instances" || path.length !== 2 || "delete" in write) return false;
  const now = write.value as Running;
  if (now.config["volatile.last_state.power"] !== "RUNNING") return false;
  const before = await store.get<Running>(write.key);
  return before !== undefined && withoutRun(before.value) === withoutRun(now);
}

function withoutRun({ config, last_used_at: _, ...record }: Running): string {
  const lasting = Object.entries(config).filter(([key]) => !ofRun.test(key)).toSorted();
  return JSON.stringify([record, lasting]);
}

/** What has to be described anew after these writes, apart from what goes with its snapshots. */
function describedIn(writes: readonly Write[]): Described[] {
  const gone = new Set(writes.flatMap((write) => "delete" in write ? [write.key.join("\0")] : []));
  return writes.flatMap(describedBy).filter((key) => !gone.has(key.join("\0")));
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
