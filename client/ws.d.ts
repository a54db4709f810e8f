// The part of npm's `ws` that the client uses; the package ships no types. Its sockets have the interface of browsers.

import type { Agent, ClientRequest, IncomingMessage } from "node:http";

interface Options {
  agent: Agent;
  perMessageDeflate: false;
  maxPayload: number;
  headers: Record<string, string>;
}

export class WebSocket extends globalThis.WebSocket {
  constructor(address: string, options: Options);
  /** the server answered, but not with a websocket */
  once(
    event: "unexpected-response",
    listener: (request: ClientRequest, response: IncomingMessage) => void,
  ): this;
}
