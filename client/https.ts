// The door to a server on another machine: HTTP and websockets over TLS, with a certificate on both sides. node:http
// and not fetch(), which trusts every authority beside the one certificate that was accepted, and insists on a name.

// @ts-types="./ws.d.ts"
import { WebSocket } from "ws";
import { connectTo, type HttpsServer, ServerAgent } from "../auth/connect.ts";
import { fetchOver, responseOf } from "../auth/https_fetch.ts";
import { DreyError } from "../errors.ts";
import type { Socket } from "../wire/socket.ts";
import { throwIfError } from "./answers.ts";

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
