// Background operations: started here, kept in the store (operation_records.ts), seen by every drey process.

import { describeError, DreyError, explained } from "../errors.ts";
import type { Write } from "../store/store.ts";
import type { Operation } from "../wire/operation.ts";
import type { Socket } from "../wire/socket.ts";
import type { Context } from "./context.ts";
import { emitLogging, lifecycleWrite } from "./events.ts";
import {
  expiredRecords,
  getOperation,
  isFinal,
  type LiveOperation,
  liveOperations,
  newOperation,
  operationWrites,
  projectOfOperation,
  statusOf,
} from "./operation_records.ts";

export { getOperation, isFinal, listOperations, projectOfOperation } from "./operation_records.ts";
export { waitOperation } from "./operation_wait.ts";

/** `milliseconds` after which an operation listens for whoever would cancel it: most have ended by then */
const listenAfter = 250;

/** What the work of an operation is given. */
export interface Task {
  readonly id: string;
  /** aborted when somebody cancels the operation */
  readonly signal: AbortSignal;
  /** merges keys into the operation's metadata and tells listeners; keys ending in `_progress` hold strings */
  update(metadata: Record<string, unknown>): Promise<void>;
  /** replaces the operation's resources, such as `{ instances: ["/1.0/instances/c1"] }` */
  setResources(resources: Record<string, string[]>): Promise<void>;
  /** keeps what has happened, in one commit with the operation if that is not kept yet */
  tell(writes: readonly Write[]): Promise<void>;
}

export interface OperationStart {
  project: string;
  class?: Operation["class"];
  /** LXD's wording, such as `Creating instance` */
  description: string;
  resources?: Record<string, string[]>;
  metadata?: Record<string, unknown>;
  mayCancel?: boolean;
  /**
   * whether the store learns of it by {@link Task.tell}, or else at its end: what waits for it in this process has better
   * to do first, and nobody else knows of it
   */
  isKeptLater?: boolean;
  /** does the work; what it answers is merged into the operation's metadata with its end */
  run(task: Task): Promise<Record<string, unknown> | void>;
  /** takes a stream that proved itself with one of the secrets in `metadata.fds`; throws FORBIDDEN on a wrong one */
  connect?(secret: string, socket: Socket): Promise<void>;
}

/** An operation of this process, with what drives it. */
interface Running extends LiveOperation {
  operation: Operation;
  readonly start: OperationStart;
  readonly abort: AbortController;
  /** whether the store knows of it */
  isKept: boolean;
  /** whether there is nothing left to cancel */
  hasWorked?: boolean;
}

/**
 * Starts the work and answers at once with the operation as it stands in the store. Whoever listens in the project they
 * asked for hears of it, wherever that has the thing from that is changed.
 */
export async function startOperation(context: Context, wanted: OperationStart): Promise<Operation> {
  const start = wanted.project === ""
    ? wanted
    : { ...wanted, project: context.askedProject ?? wanted.project };
  const operation = newOperation(context, {
    class: start.class ?? "task",
    description: start.description,
    resources: start.resources ?? null,
    metadata: start.metadata ?? null,
    may_cancel: start.mayCancel ?? false,
  });
  const { promise: ended, resolve } = Promise.withResolvers<Operation>();
  const abort = new AbortController();
  const cancel = () => void cancelRunning(running);
  const connect = start.connect?.bind(start);
  const running: Running = {
    ...{ context, start, operation, abort, ended, cancel },
    project: start.project,
    isKept: false,
    ...(connect && { connect }),
  };
  // before the commit: a reader that finds it in the store must find it alive
  liveOperations.set(operation.id, running);
  try {
    if (start.isKeptLater !== true) await keep(running);
  } catch (error) {
    liveOperations.delete(operation.id);
    throw error;
  }
  void work(running).then(resolve);
  return operation;
}

/**
 * Asks the operation to end early, whichever process runs it.
 *
 * @throws {DreyError} `NOT_FOUND`, or `BAD_REQUEST` if it has ended or cannot be cancelled
 */
export async function cancelOperation(context: Context, id: string): Promise<void> {
  const operation = await getOperation(context, id);
  if (isFinal(operation)) {
    throw new DreyError("BAD_REQUEST", { message: "Only running operations can be cancelled" });
  }
  if (!operation.may_cancel) {
    throw new DreyError("BAD_REQUEST", { message: "This operation cannot be cancelled" });
  }
  await context.store.commit([], [
    ...await cancellation(context, operation),
    lifecycleWrite(context, { project: "", action: "operation-cancelled", source: `/1.0/operations/${id}` }),
  ]);
  liveOperations.get(id)?.cancel();
}

/** Whoever runs it is asked to end it; a token is run by nobody, and ends at once. */
async function cancellation(context: Context, operation: Operation): Promise<Write[]> {
  const { id } = operation;
  if (operation.class !== "token") return [{ key: ["cancellations", id], value: true }];
  const ended = { ...operation, ...statusOf("Cancelled"), updated_at: context.now().toISOString() };
  return operationWrites(context, await projectOfOperation(context, id), ended);
}

/**
 * Who takes the stream that came with this secret.
 *
 * @throws {DreyError} `NOT_FOUND`, `FORBIDDEN` for a wrong secret, `BAD_REQUEST` if it takes no streams here
 */
export async function findConnection(
  context: Context,
  id: string,
  secret: string,
): Promise<(socket: Socket) => Promise<void>> {
  const operation = await getOperation(context, id);
  if (operation.class !== "websocket") {
    throw new DreyError("BAD_REQUEST", { message: "Only websocket operations can be connected" });
  }
  const live = liveOperations.get(id);
  if (live?.connect === undefined) {
    throw new DreyError("BAD_REQUEST", {
      message: `Cannot connect to operation "${id}": it runs in another process or has ended`,
      hint: "Connect through the server that started it",
    });
  }
  if (!secretsOf(operation).includes(secret)) {
    throw new DreyError("FORBIDDEN", { message: "The secret belongs to no stream of this operation" });
  }
  const connect = live.connect;
  return (socket) => connect(secret, socket);
}

/** Secrets of the streams that an operation takes: a migration has them beside what else it says. */
function secretsOf({ metadata }: Operation): string[] {
  const { fds, control, fs } = (metadata ?? {}) as {
    fds?: Record<string, string>;
    control?: string;
    fs?: string;
  };
  return Object.values(fds ?? { control, fs }).filter((secret) =>
    secret !== undefined && secret !== ""
  ) as string[];
}

/** Whether this process runs any operation. */
export function hasOperations(context: Context): boolean {
  return [...liveOperations.values()].some((live) => live.context.store === context.store);
}

/**
 * Waits for this process's operations, or those of one class, to end, at most `grace` milliseconds; then cancels those
 * that can be cancelled and waits as long again. True if none is left.
 */
export async function finishOperations(
  context: Context,
  grace: number,
  kind?: Operation["class"],
): Promise<boolean> {
  const mine = () =>
    [...liveOperations.values()].filter(({ context: { store }, operation }) =>
      store === context.store && (kind === undefined || operation.class === kind)
    );
  for (const step of ["wait", "cancel"]) {
    const left = mine();
    if (left.length === 0) return true;
    if (step === "cancel") {
      for (const live of left) if (live.operation.may_cancel) live.cancel();
    }
    const late = Promise.withResolvers<void>();
    const timer = setTimeout(late.resolve, Math.min(grace, 2 ** 31 - 1));
    await Promise.race([late.promise, Promise.all(left.map((live) => live.ended))]);
    clearTimeout(timer);
  }
  return mine().length === 0;
}

async function work(running: Running): Promise<Operation> {
  const { start, abort, operation: { id } } = running;
  const ended = await outcome(running);
  try {
    // whoever asked in the last moment has come too late
    const wasAsked = abort.signal.aborted || start.mayCancel === true && await isCancelled(running);
    const forget: Write[] = wasAsked ? [{ key: ["cancellations", id], delete: true }] : [];
    await change(running, ended, forget);
  } catch (error) {
    // the outcome of `start` cannot be kept: whoever waits in this process still learns of it
    const err = `${ended.err || `${start.description}: ${ended.status}`}. ${describeError(error)}`;
    running.operation = { ...running.operation, ...statusOf("Failure"), err, err_code: 500 };
  }
  liveOperations.delete(id);
  return running.operation;
}

async function outcome(running: Running): Promise<Partial<Operation>> {
  const { context, start, abort } = running;
  const listener = start.mayCancel ? listenLater(running) : undefined;
  const [work] = await Promise.allSettled([start.run(taskOf(running))]);
  running.hasWorked = true;
  await listener?.end();
  if (work.status === "fulfilled") {
    const metadata = work.value && { ...running.operation.metadata, ...work.value };
    return { ...statusOf("Success"), ...(metadata && { metadata }) };
  }
  if (abort.signal.aborted) {
    return { ...statusOf("Cancelled"), err: cancelled().message, err_code: cancelled().status };
  }
  return await failure(context, work.reason);
}

/**
 * Listens for requests of other processes to cancel, once the operation has lasted for a while: watching the store takes
 * a launch 5 ms.
 */
function listenLater(running: Running): { end(): Promise<void> } {
  const stop = new AbortController();
  let listening: Promise<void> | undefined;
  const begin = () => {
    listening = listenForCancel(running, stop.signal);
    // a store that fails now fails again at the end, and is reported then
    listening.catch(() => {});
  };
  const clock = AbortSignal.timeout(listenAfter);
  clock.addEventListener("abort", begin, { once: true });
  return {
    async end() {
      clock.removeEventListener("abort", begin);
      if (listening === undefined) return;
      stop.abort();
      // no listener outlives the operation
      await listening.catch(() => {});
    },
  };
}

async function listenForCancel(running: Running, signal: AbortSignal): Promise<void> {
  const { context, operation: { id } } = running;
  const changes = context.store.watch(["cancellations", id], signal);
  if (await isCancelled(running)) running.cancel();
  for await (const change of changes) {
    if ("value" in change) running.cancel();
  }
}

/** Whether somebody has asked for the end of an operation. */
async function isCancelled({ context, operation: { id } }: Running): Promise<boolean> {
  return await context.store.get(["cancellations", id]) !== undefined;
}

async function cancelRunning(running: Running): Promise<void> {
  const { abort } = running;
  if (abort.signal.aborted || running.hasWorked) return;
  abort.abort(cancelled());
  // a store that fails now fails again at the end, and is reported then
  await change(running, statusOf("Cancelling")).catch(() => {});
}

function taskOf(running: Running): Task {
  return {
    id: running.operation.id,
    signal: running.abort.signal,
    // an operation that tells of itself all the time takes away as much as it leaves
    update: async (metadata) =>
      await change(
        running,
        { metadata: { ...running.operation.metadata, ...metadata } },
        await expiredRecords(running.context),
      ),
    setResources: (resources) => change(running, { resources }),
    tell: (writes) => running.isKept ? committed(running, writes) : keep(running, writes),
  };
}

/** Has the store know of an operation, and of what has happened with it. */
async function keep(running: Running, more: readonly Write[] = []): Promise<void> {
  const { context, project, operation } = running;
  const old = await expiredRecords(context);
  await committed(running, [...old, ...operationWrites(context, project, operation), ...more]);
  running.isKept = true;
}

async function committed({ context }: Running, writes: readonly Write[]): Promise<void> {
  await context.store.commit([], writes);
}

/** Only its owner writes an operation, so no check is needed. */
async function change(running: Running, fields: Partial<Operation>, more: Write[] = []): Promise<void> {
  const { context, project } = running;
  running.operation = { ...running.operation, ...fields, updated_at: context.now().toISOString() };
  await committed(running, [...operationWrites(context, project, running.operation), ...more]);
  running.isKept = true;
}

/** A bug also leaves its stack in the log. */
async function failure(context: Context, thrown: unknown): Promise<Partial<Operation>> {
  const error = explained(thrown);
  if (!(error instanceof DreyError)) {
    const stack = error instanceof Error ? error.stack ?? "" : "";
    await emitLogging(context, { level: "error", message: describeError(error), context: { stack } });
  }
  const err_code = error instanceof DreyError ? error.status : 500;
  return { ...statusOf("Failure"), err: describeError(error), err_code };
}

function cancelled(): DreyError {
  return new DreyError("CANCELLED", { message: "The operation was cancelled" });
}
