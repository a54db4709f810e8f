// The contract of a door to the API: requests and two-way streams. In process, over a unix socket and over HTTPS
// the same app is behind it, so nothing above this file knows which one is used.

import type { Method, RouteName } from "../wire/routes.ts";
import type { Socket } from "../wire/socket.ts";
import type { UploadFile } from "../wire/upload.ts";

/** A call of a declared route as plain data. */
export interface RouteCall {
  /** of the route */
  name: RouteName;
  method: Method;
  /** words of its path, by their names */
  params: Record<string, string>;
  /** its address without the query */
  path: string;
  /** what follows the path */
  query: Record<string, string>;
  /** the ETag that what is to be changed must have */
  etag?: string;
  /** JSON */
  body?: string;
  /** files in the place of a body, for doors that have {@link Transport.call} */
  upload?: { files: readonly UploadFile[]; headers: Record<string, string> };
  /** gives the call up */
  signal?: AbortSignal;
}

/** The answer of a declared route as plain data. */
export interface RouteAnswer {
  /** of HTTP */
  status: number;
  /** empty where the thing has none */
  etag: string;
  /** JSON */
  text: string;
}

/** A way to send requests to the API. */
export interface Transport extends AsyncDisposable {
  /** which door this is, for `drey version` and for errors */
  readonly kind: "in-process" | "unix" | "https";
  /** answers with whatever the API answered; rejects only if the API cannot be reached */
  fetch(request: Request): Promise<Response>;
  /** a shorter way to the same answers, where nothing but JSON is asked and answered, or files are named; not every door has one */
  call?(call: RouteCall): Promise<RouteAnswer>;
  /**
   * Opens a stream of messages at a path such as `/1.0/events?type=lifecycle`.
   *
   * @throws {DreyError} what the API answered if it refused the stream
   */
  socket(path: string, signal?: AbortSignal): Promise<Socket>;
  /** The same where the stream has no frames: bytes in pieces of any size. */
  upgrade(call: RouteCall): Promise<Socket>;
}

/**
 * What stands before the path in a request's address; no transport looks at it. A number and not a name: Deno looks
 * names up even for a unix socket, which takes ten seconds where no name server answers.
 */
export const origin = "http://127.0.0.1";

/** A call as a request of HTTP, with a body that is not JSON if there is one. */
export function requestOf(
  { method, path, query, etag, body, signal, upload: named }: RouteCall,
  upload?: { body: BodyInit; headers: Record<string, string> },
): Request {
  const address = `${origin}${addressOf({ path, query })}`;
  const headers = {
    ...(etag === undefined ? {} : { "if-match": etag }),
    ...((upload ?? named)?.headers ?? (body === undefined ? {} : { "content-type": "application/json" })),
  };
  return new Request(address, { method, headers, body: upload?.body ?? body, signal });
}

/** Path and query of a call. */
export function addressOf({ path, query }: Pick<RouteCall, "path" | "query">): string {
  return path + queryString(query);
}

function queryString(query: Record<string, string>): string {
  return Object.keys(query).length === 0 ? "" : `?${new URLSearchParams(query)}`;
}
