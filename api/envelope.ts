// The bodies of answers: sync, async, error. LXD's shapes, to the letter.

import { describeError, DreyError } from "../errors.ts";
import type { AsyncResponse, ErrorResponse, SyncResponse } from "../wire/envelope.ts";
import type { Operation } from "../wire/operation.ts";

/** 200 with metadata, or 201 with the address of what was made. */
export function sync(metadata: unknown, options: { location?: string; etag?: string } = {}): Response {
  const { location, etag } = options;
  const body: SyncResponse = {
    type: "sync",
    status: "Success",
    status_code: 200,
    operation: "",
    error_code: 0,
    error: "",
    metadata: metadata ?? null,
  };
  return json(location === undefined ? 200 : 201, body, {
    ...(location !== undefined && { location }),
    ...(etag !== undefined && { etag }),
  });
}

/** 202 with the operation and its address. */
export function async(operation: Operation): Response {
  const location = `/1.0/operations/${operation.id}`;
  const body: AsyncResponse = {
    type: "async",
    status: "Operation created",
    status_code: 100,
    operation: location,
    error_code: 0,
    error: "",
    metadata: operation,
  };
  return json(202, body, { location });
}

/** An error with its HTTP status; anything but a DreyError is a fault of drey's own, 500. */
export function failure(error: unknown): Response {
  return refusal(error instanceof DreyError ? error.status : 500, describeError(error));
}

/** An error by its HTTP status. */
export function refusal(status: number, message: string): Response {
  const body: ErrorResponse = {
    type: "error",
    status: "",
    status_code: 0,
    operation: "",
    error_code: status,
    error: message,
    metadata: null,
  };
  return json(status, body, {});
}

function json(status: number, body: unknown, headers: Record<string, string>): Response {
  return new Response(`${JSON.stringify(body)}\n`, {
    status,
    headers: { "content-type": "application/json", ...headers },
  });
}
