// What a process is about to do on disk, noted before it begins and struck out by the commit that makes it count. If
// the process dies in between, the next command reads here what to undo or to finish. An intent names locks: whoever
// acts on it holds them, as the process that wrote it did.

import { DreyError, explained } from "../errors.ts";
import type { Volume } from "../storage/driver.ts";
import type { Entry, Key, Write } from "../store/store.ts";
import type { Config } from "../wire/instance.ts";
import type { Subject } from "./backups/record.ts";
import type { Context, Ref } from "./context.ts";
import { isAlive, type Owner, thisProcess } from "./owner.ts";

export type Intent =
  /** a volume that is being made, `unless` its record is there; or one whose record is gone already */
  | { do: "remove"; pool: string; volume: Volume; unless?: Key }
  /** a volume that is moving to where its record will say; `record` is the key of the record there */
  | { do: "rename"; pool: string; from: Volume; to: Volume; record: Key }
  /** an instance that is going back to a snapshot */
  | { do: "restore"; instance: Ref; snapshot: string; stateful?: boolean }
  /** an instance that is getting another root; `config` is what it will say of its image */
  | { do: "rebuild"; instance: Ref; config: Config }
  /** a running instance whose devices are being changed to what its record will say */
  | { do: "plug"; instance: Ref }
  /** an instance that is frozen while its files are copied */
  | { do: "thaw"; instance: Ref }
  /** things whose backups are being made, renamed or forgotten: files that no record tells of are to go */
  | { do: "backups"; of: Pick<Subject, "directory" | "prefix">[] }
  /** a virtual machine whose memory is being saved */
  | { do: "save"; instance: Ref };

export interface IntentRecord {
  intent: Intent;
  /** keys of locks to hold, in the order to take them */
  locks: Key[];
  /** who works on it; nobody any more if that failed */
  owner: Owner | null;
}

export interface Noted {
  /** puts the intent down, as part of a commit */
  write: Write;
  /** strikes it out */
  done: Write;
}

/** An intent of this process, to be part of commits. */
export function noteIntent(intent: Intent, locks: readonly Key[]): Noted {
  const key: Key = ["intents", crypto.randomUUID()];
  const value: IntentRecord = { intent, locks: [...locks], owner: thisProcess() };
  return { write: { key, value }, done: { key, delete: true } };
}

/**
 * Does what was announced. `work` commits `done` together with what makes it count; if it fails, the intent is acted
 * on at once, as if the process had died.
 */
export async function announced<T>(
  context: Context,
  { intent, locks }: { intent: Intent; locks: readonly Key[] },
  work: (done: Write) => Promise<T>,
): Promise<T> {
  const noted = noteIntent(intent, locks);
  await context.store.commit([], [noted.write]);
  try {
    return await work(noted.done);
  } catch (error) {
    // one that cannot be acted on now is by the next command; why the work failed is what is told
    await settleKey(context, noted.write.key).catch(() => {});
    throw error;
  }
}

/** The same for several intents that come to count together. */
export async function announcedAll<T>(
  context: Context,
  { intents, locks }: { intents: readonly Intent[]; locks: readonly Key[] },
  work: (done: Write[]) => Promise<T>,
): Promise<T> {
  const [intent, ...rest] = intents;
  if (intent === undefined) return await work([]);
  return await announced(
    context,
    { intent, locks },
    (done) => announcedAll(context, { intents: rest, locks }, (more) => work([done, ...more])),
  );
}

/**
 * Work on disk that leaves the old state where there is no room for the new one. Then nothing is left to be finished,
 * and the intent behind `done` is struck out.
 */
export async function orAsBefore(
  context: Context,
  done: Write | undefined,
  work: () => Promise<void>,
): Promise<void> {
  try {
    await work();
  } catch (thrown) {
    const error = explained(thrown);
    if (error instanceof DreyError && error.code === "NO_SPACE" && done !== undefined) {
      await context.store.commit([], [done]);
    }
    throw error;
  }
}

/** Does what is left of something that counts already, and strikes out its intent. */
export async function finishLater(context: Context, noted: Noted, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    await disown(context, noted.write.key);
    throw error;
  }
  await context.store.commit([], [noted.done]);
}

/** Intents that nobody works on any more. */
export async function abandonedIntents(context: Context): Promise<Entry<IntentRecord>[]> {
  const entries = await context.store.list<IntentRecord>(["intents"]);
  return entries.filter(({ value }) => value.owner === null || !isAlive(value.owner));
}

async function settleKey(context: Context, key: Key): Promise<void> {
  const entry = await context.store.get<IntentRecord>(key);
  if (entry === undefined) return;
  const { settleIntent } = await import("./intents_settle.ts");
  await settleIntent(context, entry).catch(() => disown(context, key)); // the next command tries again, and says why
}

async function disown(context: Context, key: Key): Promise<void> {
  const entry = await context.store.get<IntentRecord>(key);
  if (entry === undefined) return;
  await context.store.commit([], [{ key, value: { ...entry.value, owner: null } }]);
}
