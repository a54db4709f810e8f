// The contract of a door to the API: requests and two-way streams. In process, over a unix socket and, later,
// over HTTPS it is the same app behind it, so nothing above this file knows which one is used.

import type { Socket } from "../wire/socket.ts";

export interface Transport extends AsyncDisposable {
  /** which door this is, for `drey version` and for errors */
  readonly kind: "in-process" | "unix" | "https";
  /** answers with whatever the API answered; rejects only if the API cannot be reached */
  fetch(request: Request): Promise<Response>;
  /**
   * Opens a stream of messages at a path such as `/1.0/events?type=lifecycle`.
   *
   * @throws {DreyError} what the API answered if it refused the stream
   */
  socket(path: string, signal?: AbortSignal): Promise<Socket>;
}

/**
 * What stands before the path in a request's address; no transport looks at it. A number and not a name: Deno looks
 * names up even for a unix socket, which takes ten seconds where no name server answers.
 */
export const origin = "http://127.0.0.1";
