// What happened: appended to a short ring in the store, which listeners in any drey process follow.

import { inProject } from "../wire/address.ts";
import type { Event, EventType, Lifecycle, LogLine } from "../wire/event.ts";
import type { Operation } from "../wire/operation.ts";
import type { Key, Piece, Write } from "../store/store.ts";
import type { Context } from "./context.ts";

export interface LifecycleStart {
  project: string;
  /** one of LXD's actions, such as `instance-started` */
  action: string;
  /** address of what it happened to, without its project: `/1.0/instances/c1` */
  source: string;
  context?: Record<string, unknown>;
}

export interface LoggingStart {
  level: LogLine["level"];
  message: string;
  context?: Record<string, string>;
  project?: string;
}

export interface Listening {
  types: readonly EventType[];
  project: string;
  allProjects: boolean;
}

/** `milliseconds` an event stays readable */
const kept = 60_000;
let count = 0;

/** Says that something happened to a resource. */
export async function emitLifecycle(context: Context, start: LifecycleStart): Promise<void> {
  await context.store.commit([], [lifecycleWrite(context, start)]);
}

/** The same as part of a commit that changes the resource. */
export function lifecycleWrite(context: Context, start: LifecycleStart): Write {
  const { project, action } = start;
  const metadata: Lifecycle = {
    action,
    source: addressOf(start),
    ...(start.context === undefined ? {} : { context: start.context }),
    ...(context.requestor === undefined ? {} : { requestor: context.requestor }),
    ...instanceOf(start),
  };
  return write(context, { type: "lifecycle", project, metadata });
}

/**
 * A line of the log, for whoever listens. Where the store takes none, as on a full disk, it is lost: what it tells of has
 * happened all the same, and whoever tells it has other work to go on with.
 */
export async function emitLogging(context: Context, start: LoggingStart): Promise<void> {
  const { level, message, project = "" } = start;
  const metadata: LogLine = { level, message, context: start.context ?? {} };
  await context.store.commit([], [write(context, { type: "logging", project, metadata })]).catch(() => {});
}

/** An operation as it stands, as part of the commit that changes it. */
export function operationWrite(context: Context, project: string, operation: Operation): Write {
  return write(context, { type: "operation", project, metadata: operation });
}

/** Events from now on, whichever process they happen in, until `signal` ends it. */
export function listenEvents(
  context: Context,
  listening: Listening,
  signal: AbortSignal,
): AsyncIterable<Event> {
  const changes = context.store.watch(["events"], signal);
  return (async function* () {
    for await (const change of changes) {
      if ("value" in change && isWanted(change.value as Event, listening)) yield change.value as Event;
    }
  })();
}

/** Keys of events that everybody has had the time to see. */
export async function expiredEvents(context: Context, piece: Piece): Promise<Key[]> {
  const before = idTime(context.now().getTime() - kept);
  const entries = await context.store.list(["events"], piece);
  return entries.map(({ key }) => key).filter((key) => (key[1] ?? "") < before);
}

type Happened<E = Event> = E extends Event ? Pick<E, "type" | "project" | "metadata"> : never;

function write(context: Context, happened: Happened): Write {
  const now = context.now();
  const value = { ...happened, timestamp: now.toISOString(), location: "none" };
  // watchers hear what one commit writes in the order of its keys
  return {
    key: ["events", `${idTime(now.getTime())}-${Deno.pid}-${String(count++).padStart(9, "0")}`],
    value,
  };
}

/** Sorts as text in the order of time, until the year 5188. */
function idTime(milliseconds: number): string {
  return milliseconds.toString(36).padStart(9, "0");
}

function isWanted(event: Event, { types, project, allProjects }: Listening): boolean {
  if (!types.includes(event.type)) return false;
  return allProjects || event.project === "" || event.project === project;
}

/** The address of what an event is about; that of a project stands in none. */
const addressOf = ({ source, project }: LifecycleStart): string =>
  source.includes("?") || source.startsWith("/1.0/projects/") ? source : inProject(source, project);

/** Actions on instances name their instance a second time, as LXD's do. */
function instanceOf({ action, source, project }: LifecycleStart): Pick<Lifecycle, "name" | "project"> {
  const name = /^\/1\.0\/instances\/([^/?]+)$/.exec(source)?.[1];
  if (name === undefined || !action.startsWith("instance-")) return {};
  return { name: decodeURIComponent(name), project };
}
