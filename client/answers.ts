// Reading what the API answers: the three envelopes, and errors as a DreyError.

import { DreyError, type ErrorCode } from "../errors.ts";
import type { AsyncResponse, ErrorResponse, SyncResponse } from "../wire/envelope.ts";

const codesByStatus: Record<number, ErrorCode> = {
  400: "BAD_REQUEST",
  401: "FORBIDDEN",
  403: "FORBIDDEN",
  404: "NOT_FOUND",
  409: "CONFLICT",
  412: "PRECONDITION_FAILED",
  413: "TOO_LARGE",
  501: "NOT_SUPPORTED",
  502: "NETWORK",
  507: "NO_SPACE",
};

/** The error an HTTP status and a message stand for. */
export function apiError(status: number, message: string): DreyError {
  return new DreyError(codesByStatus[status] ?? "SERVER_FAILED", { message });
}

/** The envelope of an answer. A `T` that does not fit is the server's fault and not noticed here. */
export async function readAnswer<T>(response: Response): Promise<SyncResponse<T> | AsyncResponse> {
  const { boundedText } = await import("../sys/bounded_text.ts");
  return openEnvelope<T>(response.status, await boundedText(response));
}

/** The same for an answer that has been read. */
export function openEnvelope<T>(status: number, text: string): SyncResponse<T> | AsyncResponse {
  const body = parse<T>(text);
  if (body === undefined) {
    throw apiError(status, `The server answered ${status} without an LXD envelope`);
  }
  if (body.type === "error") throw apiError(body.error_code, body.error);
  return body;
}

/** Lets a success pass unread. @throws {DreyError} what an error envelope says */
export async function throwIfError(response: Response): Promise<void> {
  if (response.status >= 400) await readAnswer(response);
  else await response.body?.cancel();
}

function parse<T>(text: string): SyncResponse<T> | AsyncResponse | ErrorResponse | undefined {
  try {
    const body = JSON.parse(text);
    return typeof body === "object" && body !== null && "type" in body ? body : undefined;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    return undefined;
  }
}
