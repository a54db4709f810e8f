// Requests over connections that are held against a server's certificate before anything is said. node:http and not
// fetch(), which trusts every authority beside the one certificate that was accepted, and insists on a name.

import { type ClientRequest, type IncomingMessage, request as ask } from "node:http";
import { Readable } from "node:stream";
import { DreyError } from "../errors.ts";
import type { ServerAgent } from "./connect.ts";

/**
 * Sends a request through an agent's connections; its own host counts for nothing, its path does.
 *
 * @throws {DreyError} `NETWORK`, `FORBIDDEN` if the server is not the one that was accepted
 * @throws the reason of the request's signal if it is aborted first
 */
export async function fetchOver(agent: ServerAgent, address: string, request: Request): Promise<Response> {
  request.signal.throwIfAborted();
  const { host, hostname, port } = new URL(address);
  const { pathname, search } = new URL(request.url);
  const outgoing = ask({
    agent,
    host: hostname,
    port: port || 443,
    method: request.method,
    path: pathname + search,
    headers: { ...Object.fromEntries(request.headers), host, "user-agent": "drey" },
  });
  const stop = () => outgoing.destroy();
  request.signal.addEventListener("abort", stop, { once: true });
  try {
    const [incoming] = await Promise.all([answerOf(outgoing), send(request, outgoing)]);
    return responseOf(incoming);
  } catch (error) {
    outgoing.destroy();
    if (request.signal.aborted) throw request.signal.reason;
    if (error instanceof DreyError) throw error;
    const said = error instanceof Error ? error.message : String(error);
    throw new DreyError("NETWORK", {
      message: `Cannot reach the server at "${address}": ${said}`,
      cause: error,
    });
  }
}

function answerOf(outgoing: ClientRequest): Promise<IncomingMessage> {
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  outgoing.once("response", resolve);
  outgoing.on("error", reject);
  return promise;
}

/** Sends the body, as fast as the server takes it; one that answers early need not take all of it. */
async function send(request: Request, outgoing: ClientRequest): Promise<void> {
  let isAnswered = false;
  outgoing.once("response", () => isAnswered = true);
  for await (const chunk of request.body ?? []) {
    if (isAnswered || outgoing.destroyed) break;
    if (!outgoing.write(chunk)) await drained(outgoing);
  }
  outgoing.end();
}

function drained(outgoing: ClientRequest): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const done = () => {
    outgoing.off("drain", done).off("response", done).off("close", done);
    resolve();
  };
  outgoing.on("drain", done).on("response", done).on("close", done);
  return promise;
}

/** What a server answered, for those who read answers of fetch(). */
export function responseOf(incoming: IncomingMessage): Response {
  const status = incoming.statusCode ?? 502;
  const headers = new Headers();
  for (let at = 0; at + 1 < incoming.rawHeaders.length; at += 2) {
    headers.append(incoming.rawHeaders[at] ?? "", incoming.rawHeaders[at + 1] ?? "");
  }
  const hasBody = ![101, 204, 205, 304].includes(status) && incoming.method !== "HEAD";
  const body = hasBody
    ? Readable.toWeb(incoming) as unknown as ReadableStream<Uint8Array<ArrayBuffer>>
    : null;
  if (!hasBody) incoming.resume();
  return new Response(body, { status, headers });
}
