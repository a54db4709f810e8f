// Waiting for, watching and cancelling a background operation.

import { DreyError } from "../errors.ts";
import type { Operation } from "../wire/operation.ts";
import { statusCodes } from "../wire/status.ts";
import type { Client } from "./client.ts";

/** An operation the server has accepted and works on. */
export interface RunningOperation {
  /** as it stood when it was accepted */
  readonly operation: Operation;
  /**
   * Resolves with the operation once it succeeded.
   *
   * @throws {DreyError} `OPERATION_FAILED` with what the server said, or `CANCELLED`
   */
  wait(options?: WaitOptions): Promise<Operation>;
  /** asks for the end of the work; `wait` tells how that went */
  cancel(): Promise<void>;
}

/** How an operation is waited for. */
export interface WaitOptions {
  /** called with the operation when its metadata changed, a few times a second at most */
  onUpdate?: (operation: Operation) => void;
  /** ends the waiting, which rejects with the signal's reason; the operation goes on unless it is cancelled */
  signal?: AbortSignal;
}

/** milliseconds between two looks at an operation somebody wants to watch */
const pollInterval = 200;

/** The handle of an operation known by what the server answered. */
export function runningOperation(client: Client, operation: Operation): RunningOperation {
  const params = { id: operation.id };
  return {
    operation,
    async wait({ onUpdate, signal } = {}) {
      signal?.throwIfAborted();
      using _polling = onUpdate && poll(client, operation, onUpdate);
      const ended = await client.call("operation.wait", { params, query: { timeout: -1 }, signal });
      // a server that is asked no more may answer with the operation as it stands
      if (!isFinal(ended)) signal?.throwIfAborted();
      return succeeded(ended);
    },
    async cancel() {
      await client.call("operation.cancel", { params });
    },
  };
}

/** Name of the instance that an operation creates; older servers tell of containers. */
export function createdInstance({ resources }: Operation): string {
  const address = resources?.instances?.[0] ?? resources?.containers?.[0] ?? "";
  return decodeURIComponent(address.split("/").at(-1) ?? "");
}

/** LXD numbers the ends of operations from here on. */
const isFinal = ({ status_code }: Operation) => status_code >= statusCodes.Success;

/** An ended operation, if it ended well. @throws {DreyError} otherwise */
export function succeeded(operation: Operation): Operation {
  if (operation.status_code === statusCodes.Success) return operation;
  const isCancelled = operation.status_code === statusCodes.Cancelled;
  const fallback = isCancelled
    ? "The operation was cancelled"
    : `The operation ended as ${operation.status || operation.status_code}`;
  throw new DreyError(isCancelled ? "CANCELLED" : "OPERATION_FAILED", {
    message: operation.err === "" ? fallback : operation.err,
  });
}

// Looking again is simpler than listening to events and, in process, as cheap; short operations end before the
// first look, so the fast path pays nothing.
function poll(client: Client, first: Operation, onUpdate: (operation: Operation) => void): Disposable {
  let last = first.updated_at;
  let isBusy = false;
  const timer = setInterval(() => {
    if (isBusy) return;
    isBusy = true;
    client.call("operation.get", { params: { id: first.id } }).then((operation) => {
      isBusy = false;
      if (operation.updated_at === last) return;
      last = operation.updated_at;
      onUpdate(operation);
    }, () => clearInterval(timer)); // `wait` reports why the server stopped answering
  }, pollInterval);
  return { [Symbol.dispose]: () => clearInterval(timer) };
}
