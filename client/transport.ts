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

/** Origin of the addresses in requests; no transport so far looks at the host. */
export const origin = "http://drey";
