// The three bodies every answer of the API has: sync, async, error.

import type { Operation } from "./operation.ts";

/** The answer of a route that is done. */
export interface SyncResponse<T = unknown> {
  type: "sync";
  status: "Success";
  status_code: 200;
  operation: "";
  error_code: 0;
  error: "";
  /** what was asked for */
  metadata: T;
}

/** The answer of a route that has begun an operation. */
export interface AsyncResponse {
  type: "async";
  status: "Operation created";
  status_code: 100;
  /** address of the operation, `/1.0/operations/<uuid>` */
  operation: string;
  error_code: 0;
  error: "";
  metadata: Operation;
}

/** The answer of a route that has failed. */
export interface ErrorResponse {
  type: "error";
  status: "";
  status_code: 0;
  operation: "";
  /** HTTP status, once more */
  error_code: number;
  /** what is wrong, for people */
  error: string;
  metadata: null;
}
