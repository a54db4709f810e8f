// Operations as records of the store and, where this process runs them, as they stand in memory. Starting and
// ending them is in operations.ts.

import { DreyError } from "../errors.ts";
import type { Entry, Key, Write } from "../store/store.ts";
import type { Operation } from "../wire/operation.ts";
import type { Socket } from "../wire/socket.ts";
import { type OperationStatus, statusCodes } from "../wire/status.ts";
import type { Context } from "./context.ts";
import { expiredEvents, operationWrite } from "./events.ts";
import { isAlive, isThisProcess, type Owner, thisProcess } from "./owner.ts";

/** An operation as the store keeps it. */
export interface OperationRecord {
  project: string;
  owner: Owner;
  operation: Operation;
}

/** `milliseconds` a finished operation stays readable */
const kept = 60_000;
/** How many of them, and of events, one commit looks through: it deletes them in half a millisecond. */
const sweptOperations = 8;
const sweptEvents = 32;

/** An operation of this process. */
export interface LiveOperation {
  readonly context: Context;
  readonly project: string;
  /** as it stands */
  readonly operation: Operation;
  /** the operation at its end; never rejects */
  readonly ended: Promise<Operation>;
  cancel(): void;
  connect?(secret: string, socket: Socket): Promise<void>;
}

/** What this process runs, by id. */
export const liveOperations = new Map<string, LiveOperation>();

/**
 * One operation. If the process that ran it is gone, it has failed, and says so from now on.
 *
 * @throws {DreyError} `NOT_FOUND`
 */
export async function getOperation(context: Context, id: string): Promise<Operation> {
  const running = liveOperations.get(id);
  if (running !== undefined) return running.operation;
  const entry = await context.store.get<OperationRecord>(["operations", id]);
  if (entry === undefined || isOverdue(entry.value.operation, context.now())) throw notFound();
  return await settled(context, entry);
}

/** In which project an operation works. @throws {DreyError} `NOT_FOUND` */
export async function projectOfOperation(context: Context, id: string): Promise<string> {
  const running = liveOperations.get(id);
  if (running !== undefined) return running.project;
  const entry = await context.store.get<OperationRecord>(["operations", id]);
  if (entry === undefined) throw notFound();
  return entry.value.project;
}

/** Operations of one project, or of all; the oldest first. */
export async function listOperations(context: Context, project?: string): Promise<Operation[]> {
  const entries = await context.store.list<OperationRecord>(["operations"]);
  const wanted = entries.filter(({ value }) =>
    (project === undefined || value.project === project) && !isOverdue(value.operation, context.now())
  );
  const operations = await Promise.all(wanted.map((entry) => settled(context, entry)));
  return operations.sort((a, b) => a.created_at < b.created_at ? -1 : a.created_at > b.created_at ? 1 : 0);
}

/** An operation that begins now. */
export function newOperation(
  context: Context,
  { class: kind, description, ...more }: Pick<
    Operation,
    "class" | "description" | "resources" | "metadata" | "may_cancel"
  >,
): Operation {
  const now = context.now().toISOString();
  return {
    id: crypto.randomUUID(),
    class: kind,
    description,
    created_at: now,
    updated_at: now,
    ...statusOf("Running"),
    ...more,
    err: "",
    err_code: 0,
    location: "none",
  };
}

/** Whether nothing more will happen to it. */
export function isFinal(operation: Operation): boolean {
  return operation.status_code >= 200;
}

/** Whether it is a token that is too old to be used. */
export function isOverdue({ class: kind, metadata }: Operation, now: Date): boolean {
  const until = metadata?.expiresAt;
  return kind === "token" && typeof until === "string" && Date.parse(until) <= now.getTime();
}

/** The writes that keep an operation and tell listeners of it. */
export function operationWrites(context: Context, project: string, operation: Operation): Write[] {
  const value: OperationRecord = { project, owner: thisProcess(), operation };
  return [{ key: ["operations", operation.id], value }, operationWrite(context, project, operation)];
}

/** How far what is kept for a while has been looked through. */
interface Swept {
  /** when all of it was, last */
  at: string;
  /** the last one that was looked at since then */
  operation?: Key | undefined;
  event?: Key | undefined;
}

/**
 * Once in a while: what has been kept long enough, to be deleted with the next commit. However much that is, a commit
 * gets a piece of it, and the next ones the rest.
 */
export async function expiredRecords(context: Context): Promise<Write[]> {
  const now = context.now();
  const swept = (await context.store.get<Swept>(["swept"]))?.value;
  if (swept !== undefined && now.getTime() - Date.parse(swept.at) < kept) return [];
  const piece = { after: swept?.operation, limit: sweptOperations };
  const operations = await context.store.list<OperationRecord>(["operations"], piece);
  const old = operations.filter(({ value }) => isExpired(value, now));
  const events = await expiredEvents(context, { after: swept?.event, limit: sweptEvents });
  const isDone = operations.length < sweptOperations && events.length < sweptEvents;
  const value: Swept = isDone ? { at: now.toISOString() } : {
    at: swept?.at ?? "",
    operation: operations.at(-1)?.key ?? swept?.operation,
    event: events.at(-1) ?? swept?.event,
  };
  return [
    { key: ["swept"], value },
    ...[...old.map(({ key }) => key), ...events].map((key): Write => ({ key, delete: true })),
  ];
}

function isExpired({ operation, owner }: OperationRecord, now: Date): boolean {
  if (now.getTime() - Date.parse(operation.updated_at) <= kept) return false;
  if (isFinal(operation)) return true;
  return operation.class === "token" ? isOverdue(operation, now) : !isAlive(owner);
}

/** A status with its number. */
export function statusOf(status: OperationStatus): Pick<Operation, "status" | "status_code"> {
  return { status, status_code: statusCodes[status] };
}

/** The operation of a record; a failed one if its owner died without ending it. */
async function settled(context: Context, entry: Entry<OperationRecord>): Promise<Operation> {
  const { operation, owner, project } = entry.value;
  const running = liveOperations.get(operation.id);
  if (running !== undefined) return running.operation;
  // a token waits in the store, and in no process
  if (isFinal(operation) || operation.class === "token" || (!isThisProcess(owner) && isAlive(owner))) {
    return operation;
  }
  const failed: Operation = {
    ...operation,
    ...statusOf("Failure"),
    err: "The process that ran this operation ended before it was done",
    err_code: 500,
    updated_at: context.now().toISOString(),
  };
  const value: OperationRecord = { ...entry.value, operation: failed };
  const won = await context.store.commit([{ key: entry.key, revision: entry.revision }], [
    { key: entry.key, value },
    { key: ["cancellations", operation.id], delete: true },
    operationWrite(context, project, failed),
  ]);
  // another reader was faster, or it ended between our read and its owner's end
  return won ? failed : await getOperation(context, operation.id);
}

function notFound(): DreyError {
  return new DreyError("NOT_FOUND", { message: "Operation not found" });
}
