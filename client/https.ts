// The door to a server on another machine: HTTP and websockets over TLS, with a certificate on both sides. node:http
// and not fetch(), which trusts every authority beside the one certificate that was accepted, and insists on a name.

import { type ClientRequest, type IncomingMessage, request as ask } from "node:http";
import { Readable } from "node:stream";
// @ts-types="./ws.d.ts"
import { WebSocket } from "ws";
import { DreyError } from "../errors.ts";
import type { Socket } from "../wire/socket.ts";
import { throwIfError } from "./answers.ts";
import { connectTo, type HttpsServer, ServerAgent } from "./tls.ts";
import type { Transport } from "./transport.ts";
import { openWebSocket } from "./websocket.ts";

/** `bytes` of one message a server may send */
const maxPayload = 16 * 1024 * 1024;

/** The door to a server. Nothing is sent before its certificate was held against the one that was accepted. */
export function overHttps(server: HttpsServer): Transport {
  const agent = new ServerAgent(server);
  const { host } = new URL(server.address);
  return {
    kind: "https",
    fetch: (request) => fetchOver(agent, server.address, request),
    socket: (path, signal) => socketOver(agent, host, path, signal),
    async upgrade(call) {
      const { openUpgrade } = await import("./upgrade.ts");
      const { connectionOf } = await import("./connection.ts");
      return await openUpgrade(connectionOf(await connectTo(server)), call, host);
    },
    [Symbol.asyncDispose]() {
      agent.destroy();
      return Promise.resolve();
    },
  };
}

async function fetchOver(agent: ServerAgent, address: string, request: Request): Promise<Response> {
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

function responseOf(incoming: IncomingMessage): Response {
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

async function socketOver(
  agent: ServerAgent,
  host: string,
  path: string,
  signal: AbortSignal | undefined,
): Promise<Socket> {
  const headers = { "user-agent": "drey" };
  // not wss: the agent's connections speak TLS already
  const options = { agent, headers, maxPayload, perMessageDeflate: false } as const;
  const webSocket = new WebSocket(`ws://${host}${path}`, options);
  const { promise: refused, reject } = Promise.withResolvers<never>();
  refused.catch(() => {});
  webSocket.once("unexpected-response", (_request, incoming) => {
    throwIfError(responseOf(incoming)).then(
      () => reject(new DreyError("NETWORK", { message: `The server opened no stream at ${path}` })),
      reject,
    );
  });
  return await Promise.race([openWebSocket(webSocket, signal), refused]);
}
