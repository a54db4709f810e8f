// A two-way stream of messages, whatever carries it: a websocket on a listener, a joined pair in process.

/** What an upgraded connection carries: messages in frames, or the bytes of SFTP as they come. */
export type StreamProtocol = "websocket" | "sftp";

/** Text, or bytes. */
export type Message = string | Uint8Array;

/** One end of a stream. */
export interface Socket {
  /** resolves when the other side may be sent more */
  send(message: Message): Promise<void>;
  /** every message that arrives, in order; ends when the other side closes */
  readonly messages: AsyncIterable<Message>;
  /** idempotent; a websocket tells the other side the reason, if there is one */
  close(reason?: string): void;
  /** resolves once either side has closed it */
  readonly closed: Promise<void>;
}
