// The door to a server on another machine: HTTP and websockets over TLS, with a certificate on both sides. node:http
// and not fetch(), which trusts every authority beside the one certificate that was accepted, and insists on a name.

import { connectTo, type HttpsServer, ServerAgent } from "../auth/connect.ts";
import { fetchOver } from "../auth/https_fetch.ts";
import type { Transport } from "./transport.ts";

/** The door to a server. Nothing is sent before its certificate was held against the one that was accepted. */
export function overHttps(server: HttpsServer): Transport {
  const agent = new ServerAgent(server);
  const { host } = new URL(server.address);
  return {
    kind: "https",
    fetch: (request) => fetchOver(agent, server.address, request),
    async socket(address, signal) {
      const { openWebSocket } = await import("../auth/websocket.ts");
      const { throwIfError } = await import("./answers.ts");
      const { connectionOf } = await import("../auth/connection.ts");
      return await openWebSocket(connectionOf(await connectTo(server, signal)), {
        address,
        host,
        signal,
        refused: throwIfError,
      });
    },
    async upgrade(call) {
      const { openUpgrade } = await import("./upgrade.ts");
      const { connectionOf } = await import("../auth/connection.ts");
      return await openUpgrade(connectionOf(await connectTo(server, call.signal)), call, host);
    },
    [Symbol.asyncDispose]() {
      agent.destroy();
      return Promise.resolve();
    },
  };
}
