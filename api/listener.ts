// A door for other programs: node:http in front, the app behind. node:http because HTTPS will need client
// certificates that nobody verifies, and SFTP an upgrade that is no websocket; Deno.serve offers neither.

import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import { DreyError } from "../errors.ts";
import type { Socket, StreamProtocol } from "../wire/socket.ts";
import type { App } from "./app.ts";
import type { Caller } from "./call.ts";
import { failure, responseOf } from "./envelope.ts";

/** Makes a server that answers with the app, for callers of one kind. It listens nowhere yet. */
export function createListener(app: Door, caller: Caller): Server {
  const server = createServer({ keepAliveTimeout: 60_000 });
  server.on("request", (incoming: IncomingMessage, outgoing: ServerResponse) => {
    const gone = new AbortController();
    outgoing.on("close", () => gone.abort());
    void answer(app, incoming, { caller, signal: gone.signal, accept: refuseStream })
      .then((response) => sendResponse(response, incoming, outgoing))
      // the client went away in the middle: there is nobody to tell
      .catch(() => outgoing.destroy());
  });
  server.on("upgrade", (incoming: IncomingMessage, connection: Duplex, head: Uint8Array) => {
    // a client that vanishes is noticed by the stream itself
    connection.on("error", () => {});
    void upgrade(app, caller, { request: incoming, connection, head }).catch(() => connection.destroy());
  });
  return server;
}

/** What a listener needs of the app. */
type Door = Pick<App, "fetch">;

interface Arrival {
  caller: Caller;
  signal: AbortSignal;
  accept(protocol: StreamProtocol): Promise<Socket>;
}

async function answer(app: Door, incoming: IncomingMessage, arrival: Arrival): Promise<Response> {
  const { caller, signal, accept } = arrival;
  let request: Request;
  try {
    request = requestOf(incoming, signal);
  } catch (error) {
    const unread = new DreyError("BAD_REQUEST", { message: "The request cannot be read", cause: error });
    return responseOf(failure(unread));
  }
  return await app.fetch(request, { caller, accept });
}

function requestOf(incoming: IncomingMessage, signal: AbortSignal): Request {
  const method = incoming.method ?? "GET";
  const headers = new Headers();
  for (let at = 0; at + 1 < incoming.rawHeaders.length; at += 2) {
    headers.append(incoming.rawHeaders[at] ?? "", incoming.rawHeaders[at + 1] ?? "");
  }
  const hasBody = method !== "GET" && method !== "HEAD";
  // the path as it came: what was escaped stays escaped
  const path = (incoming.url ?? "/").replace(/^[a-z]+:\/\/[^/]*/i, "");
  return new Request(`http://drey${path.startsWith("/") ? path : `/${path}`}`, {
    method,
    headers,
    signal,
    ...(hasBody && { body: bodyOf(incoming) }),
  });
}

/** Reads on only as the app does. */
function bodyOf(incoming: IncomingMessage): ReadableStream<Uint8Array> {
  // the connection must survive a body that is left half read: the answer goes over it
  const chunks = incoming.iterator({ destroyOnReturn: false });
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      const { done, value } = await chunks.next();
      if (done) controller.close();
      else controller.enqueue(Uint8Array.from(value));
    },
    async cancel() {
      await chunks.return?.();
    },
  }, { highWaterMark: 0 });
}

async function sendResponse(
  response: Response,
  incoming: IncomingMessage,
  outgoing: ServerResponse,
): Promise<void> {
  outgoing.writeHead(response.status, Object.fromEntries(response.headers));
  for await (const chunk of response.body ?? []) {
    if (outgoing.destroyed) return;
    if (!outgoing.write(chunk)) await drained(outgoing);
  }
  outgoing.end();
  // what the app did not read stands before the connection's next request; a client that is still sending reads
  // the answer only if it may finish
  incoming.resume();
}

function drained(outgoing: ServerResponse): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const done = () => {
    outgoing.off("drain", done).off("close", done);
    resolve();
  };
  outgoing.on("drain", done).on("close", done);
  return promise;
}

async function upgrade(
  app: Door,
  caller: Caller,
  arrived: { request: IncomingMessage; connection: Duplex; head: Uint8Array },
): Promise<void> {
  let isAccepted = false;
  const accept = async (protocol: StreamProtocol) => {
    if (arrived.request.headers.upgrade?.toLowerCase() !== protocol) return await refuseStream(protocol);
    const { openRaw, openWebSocket } = await import("./upgrades.ts");
    isAccepted = true;
    return protocol === "sftp" ? openRaw(arrived, protocol) : await openWebSocket(arrived);
  };
  const { signal } = new AbortController();
  const response = await answer(app, arrived.request, { caller, signal, accept });
  if (!isAccepted) await sendRaw(response, arrived.connection);
}

/** What node:http does no more for a request that asked for an upgrade. */
async function sendRaw(response: Response, connection: Duplex): Promise<void> {
  const body = new Uint8Array(await response.arrayBuffer());
  const headers = [...response.headers, ["content-length", String(body.length)], ["connection", "close"]];
  const lines = headers.map(([name, value]) => `${name}: ${value}`);
  connection.write(
    `HTTP/1.1 ${response.status} ${response.statusText || "-"}\r\n${lines.join("\r\n")}\r\n\r\n`,
  );
  connection.end(body);
}

function refuseStream(protocol: StreamProtocol): Promise<Socket> {
  return Promise.reject(
    new DreyError("BAD_REQUEST", {
      message: "Missing or invalid upgrade header: this address is a stream",
      hint: `Connect to it with Upgrade: ${protocol}`,
    }),
  );
}
