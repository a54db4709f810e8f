// Background operations: started here, kept in the store, seen by every drey process.

import type { Operation } from "../wire/operation.ts";
import type { Socket } from "../wire/socket.ts";
import type { Context } from "./context.ts";

/** What the work of an operation is given. */
export interface Task {
  readonly id: string;
  /** aborted when somebody cancels the operation */
  readonly signal: AbortSignal;
  /** merges keys into the operation's metadata and tells listeners; keys ending in `_progress` hold strings */
  update(metadata: Record<string, unknown>): Promise<void>;
  /** replaces the operation's resources, such as `{ instances: ["/1.0/instances/c1"] }` */
  setResources(resources: Record<string, string[]>): Promise<void>;
}

export interface OperationStart {
  project: string;
  class?: Operation["class"];
  /** LXD's wording, such as `Creating instance` */
  description: string;
  resources?: Record<string, string[]>;
  metadata?: Record<string, unknown>;
  mayCancel?: boolean;
  run(task: Task): Promise<void>;
  /** takes a stream that proved itself with one of the secrets in `metadata.fds`; throws FORBIDDEN on a wrong one */
  connect?(secret: string, socket: Socket): Promise<void>;
}

/** Starts the work and answers at once with the operation as it stands in the store. */
export declare function startOperation(context: Context, start: OperationStart): Promise<Operation>;
