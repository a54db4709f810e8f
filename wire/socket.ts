// A two-way stream of messages, whatever carries it: a websocket on a listener, a joined pair in process.

/** What an upgraded connection carries: messages in frames, or the bytes of SFTP as they come. */
export type StreamProtocol = "websocket" | "sftp";

export type Message = string | Uint8Array;

export interface Socket {
  /** resolves when the other side may be sent more */
  send(message: Message): Promise<void>;
  /** every message that arrives, in order; ends when the other side closes */
  readonly messages: AsyncIterable<Message>;
  /** idempotent */
  close(): void;
  readonly closed: Promise<void>;
}
