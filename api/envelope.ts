// The bodies of answers: sync, async, error. LXD's shapes, to the letter.

import { describeError, DreyError, explained } from "../errors.ts";
import type { AsyncResponse, ErrorResponse, SyncResponse } from "../wire/envelope.ts";
import type { Operation } from "../wire/operation.ts";

/** What a request comes to, before a door makes bytes of it. */
export interface Answer {
  status: number;
  headers: Record<string, string>;
  /** absent for an answer that has none, such as that of a stream */
  body?: SyncResponse | AsyncResponse | ErrorResponse;
}

/** An answer as HTTP. */
export function responseOf({ status, headers, body }: Answer): Response {
  if (body === undefined) return new Response(null, { status, headers });
  return new Response(`${JSON.stringify(body)}\n`, {
    status,
    headers: { "content-type": "application/json", ...headers },
  });
}

/** 200 with metadata, or 201 with the address of what was made. */
export function sync(metadata: unknown, options: { location?: string; etag?: string } = {}): Answer {
  const { location, etag } = options;
  const body: SyncResponse = {
    type: "sync",
    status: "Success",
    status_code: 200,
    operation: "",
    error_code: 0,
    error: "",
    // as LXD says that there is nothing to say
    metadata: metadata ?? (location === undefined ? {} : null),
  };
  const headers = { ...(location !== undefined && { location }), ...(etag !== undefined && { etag }) };
  return { status: location === undefined ? 200 : 201, headers, body };
}

/** 202 with the operation and its address. */
export function async(operation: Operation): Answer {
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
  return { status: 202, headers: { location }, body };
}

/** An error with its HTTP status; anything but a DreyError is a fault of drey's own, 500. */
export function failure(thrown: unknown): Answer {
  const error = explained(thrown);
  return refusal(error instanceof DreyError ? error.status : 500, describeError(error));
}

/** An error by its HTTP status. */
export function refusal(status: number, message: string): Answer {
  const body: ErrorResponse = {
    type: "error",
    status: "",
    status_code: 0,
    operation: "",
    error_code: status,
    error: message,
    metadata: null,
  };
  return { status, headers: {}, body };
}
