// A door for other programs: node:http or node:https in front, the app behind. These because HTTPS needs client
// certificates that nobody verifies, and SFTP an upgrade that is no websocket; Deno.serve offers neither.

import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { Socket as Connection } from "node:net";
import type { Duplex } from "node:stream";
import type { KeyPair } from "../auth/tls.ts";
import { DreyError } from "../errors.ts";
import type { Socket, StreamProtocol } from "../wire/socket.ts";
import type { App } from "./app.ts";
import type { Caller } from "./call.ts";
import { limitCrowd } from "./crowd.ts";
import { failure, responseOf } from "./envelope.ts";
import type { Visit, Welcome } from "./middleware/origin.ts";

/** What a listener needs of the app. */
export type Answering = Pick<App, "fetch" | "report">;

/** What is particular to one door. */
export interface Door {
  /** who is at the other end; undefined for somebody who may not come in */
  identify(connection: Connection): Caller | undefined;
  /** refuses a request that must not reach the app, or adds to its answer */
  welcome?(visit: Visit): Promise<Welcome>;
  /** `milliseconds` a client has for each step: the head of a request, the next piece of its body, the next request */
  patience?: number;
  /** with it the door speaks TLS, and asks for the client's certificate without judging it */
  tls?: KeyPair;
}

const usualPatience = 60_000;

/** Makes a server that answers with the app. It listens nowhere yet. */
export function createListener(app: Answering, door: Door): Server {
  const server = makeServer(door);
  limitCrowd(server);
  server.on("request", (incoming: IncomingMessage, outgoing: ServerResponse) => {
    const gone = new AbortController();
    outgoing.on("close", () => gone.abort());
    void enter(app, door, incoming, { signal: gone.signal, accept: refuseStream })
      .then((response) =>
        sendResponse(response, incoming, outgoing).catch((fault) => {
          // a client that went away in the middle is no fault
          if (!gone.signal.aborted) return app.report(fault).finally(() => outgoing.destroy());
        })
      )
      .catch(() => outgoing.destroy()); // whoever may not come in, or a log that cannot be written
  });
  server.on("upgrade", (incoming: IncomingMessage, connection: Duplex, head: Uint8Array) => {
    // a client that vanishes is noticed by the stream itself
    connection.on("error", () => {});
    void upgrade(app, door, { request: incoming, connection, head }).catch(() => connection.destroy());
  });
  return server;
}

function makeServer({ tls, patience: wait = usualPatience }: Door): Server {
  const options = {
    keepAliveTimeout: wait,
    headersTimeout: wait,
    // an image may take hours: what counts is that there is progress
    requestTimeout: 0,
    connectionsCheckingInterval: Math.min(wait, 10_000),
  };
  if (tls === undefined) return createServer(options);
  const server = createTlsServer({
    ...options,
    handshakeTimeout: Math.min(wait, 10_000),
    cert: tls.certificate,
    key: tls.key,
    minVersion: "TLSv1.2",
    requestCert: true,
    // the trust store judges, by fingerprint; that the client has the certificate's key is verified all the same
    rejectUnauthorized: false,
  });
  // whoever breaks off or speaks something else is no concern of ours
  server.on("tlsClientError", () => {});
  return server;
}

/** Lets a request through the door. @throws {Error} if it must not even be answered */
async function enter(
  app: Answering,
  door: Door,
  incoming: IncomingMessage,
  arrival: Omit<Arrival, "caller" | "patience">,
): Promise<Response> {
  const caller = door.identify(incoming.socket);
  if (caller === undefined) throw new Error("Somebody came who may not come in");
  const { method = "GET", headers } = incoming;
  const { refusal, headers: more = {} } = await door.welcome?.({ method, headers }) ?? {};
  if (refusal !== undefined) return refusal;
  const response = await answer(app, incoming, {
    ...arrival,
    caller,
    patience: door.patience ?? usualPatience,
  });
  for (const [name, value] of Object.entries(more)) response.headers.set(name, value);
  return response;
}

interface Arrival {
  caller: Caller;
  patience: number;
  signal: AbortSignal;
  accept(protocol: StreamProtocol): Promise<Socket>;
}

async function answer(app: Answering, incoming: IncomingMessage, arrival: Arrival): Promise<Response> {
  const { caller, accept } = arrival;
  let request: Request;
  try {
    request = requestOf(incoming, arrival);
  } catch (error) {
    const unread = new DreyError("BAD_REQUEST", { message: "The request cannot be read", cause: error });
    return responseOf(failure(unread));
  }
  return await app.fetch(request, { caller, accept });
}

function requestOf(
  incoming: IncomingMessage,
  { signal, patience }: Pick<Arrival, "signal" | "patience">,
): Request {
  const method = incoming.method ?? "GET";
  const headers = new Headers();
  for (let at = 0; at + 1 < incoming.rawHeaders.length; at += 2) {
    // Incus' clients say so what LXD's say as X-LXD
    const name = (incoming.rawHeaders[at] ?? "").replace(/^x-incus-/i, "x-lxd-");
    headers.append(name, incoming.rawHeaders[at + 1] ?? "");
  }
  const hasBody = method !== "GET" && method !== "HEAD";
  // the path as it came: what was escaped stays escaped
  const path = (incoming.url ?? "/").replace(/^[a-z]+:\/\/[^/]*/i, "");
  return new Request(`http://drey${path.startsWith("/") ? path : `/${path}`}`, {
    method,
    headers,
    signal,
    ...(hasBody && { body: bodyOf(incoming, patience) }),
  });
}

/** Reads on only as the app does; a client that sends nothing more for too long is let go. */
function bodyOf(incoming: IncomingMessage, patience: number): ReadableStream<Uint8Array> {
  // the connection must survive a body that is left half read: the answer goes over it
  const chunks = incoming.iterator({ destroyOnReturn: false });
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      const late = new DreyError("BAD_REQUEST", {
        message: "The body of the request did not come to its end",
      });
      const timer = setTimeout(() => incoming.destroy(late), patience);
      const { done, value } = await chunks.next().finally(() => clearTimeout(timer));
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

function drained(outgoing: ServerResponse | Duplex): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const done = () => {
    outgoing.off("drain", done).off("close", done);
    resolve();
  };
  outgoing.on("drain", done).on("close", done);
  return promise;
}

async function upgrade(
  app: Answering,
  door: Door,
  arrived: { request: IncomingMessage; connection: Duplex; head: Uint8Array },
): Promise<void> {
  let isAccepted = false;
  const accept = async (protocol: StreamProtocol) => {
    if (arrived.request.headers.upgrade?.toLowerCase() !== protocol) return await refuseStream(protocol);
    const { openRaw, openWebSocket } = await import("./upgrades.ts");
    isAccepted = true;
    return protocol === "sftp" ? openRaw(arrived, protocol) : await openWebSocket(arrived);
  };
  const gone = new AbortController();
  // a stream notices by itself
  arrived.connection.once("close", () => isAccepted || gone.abort());
  const response = await enter(app, door, arrived.request, { signal: gone.signal, accept });
  if (!isAccepted) await sendRaw(response, arrived.connection);
}

/** What node:http does no more for a request that asked for an upgrade; the end of the connection is that of the answer. */
async function sendRaw(response: Response, connection: Duplex): Promise<void> {
  const headers = [...response.headers, ["connection", "close"]];
  const lines = headers.map(([name, value]) => `${name}: ${value}`);
  connection.write(
    `HTTP/1.1 ${response.status} ${response.statusText || "-"}\r\n${lines.join("\r\n")}\r\n\r\n`,
  );
  for await (const chunk of response.body ?? []) {
    if (connection.destroyed) return;
    if (!connection.write(chunk)) await drained(connection);
  }
  connection.end();
}

function refuseStream(protocol: StreamProtocol): Promise<Socket> {
  return Promise.reject(
    new DreyError("BAD_REQUEST", {
      message: "Missing or invalid upgrade header: this address is a stream",
      hint: `Connect to it with Upgrade: ${protocol}`,
    }),
  );
}
