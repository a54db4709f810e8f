// The part of npm's `ws` that drey uses; the package ships no types.

import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";

export class WebSocket {
  on(event: "message", listener: (data: Uint8Array, isBinary: boolean) => void): this;
  on(event: "close" | "pong", listener: () => void): this;
  on(event: "error", listener: (error: Error) => void): this;
  send(data: string | Uint8Array, options: { binary: boolean }, sent: (error?: Error) => void): void;
  /** stops reading from the connection until `resume()` */
  pause(): void;
  resume(): void;
  readonly isPaused: boolean;
  ping(): void;
  close(code?: number, reason?: string): void;
  /** ends the connection without the closing handshake */
  terminate(): void;
}

export class WebSocketServer {
  constructor(options: { noServer: true; maxPayload: number; perMessageDeflate: false });
  handleUpgrade(
    request: IncomingMessage,
    connection: Duplex,
    head: Uint8Array,
    opened: (socket: WebSocket) => void,
  ): void;
}
