// Streams of messages: two joined ends in memory. What a listener's websockets become is in upgrades.ts.

import type { Message, Socket } from "../wire/socket.ts";

/** `bytes` that may wait for the reader before the writer has to */
const highWater = 256 * 1024;

/** Messages on their way to one reader, with back pressure for the writer. */
export class Inbox {
  readonly #waiting: Message[] = [];
  #size = 0;
  #ended = false;
  #arrival = Promise.withResolvers<void>();
  #room = Promise.withResolvers<void>();

  /** @param most `bytes` that may wait */
  constructor(readonly most = highWater) {}

  /** Adds a message; true if the writer should wait for {@link room}. */
  push(message: Message): boolean {
    if (this.#ended) return false;
    this.#waiting.push(message);
    this.#size += sizeOf(message);
    this.#arrival.resolve();
    return this.isFull;
  }

  get isFull(): boolean {
    return this.#size >= this.most && !this.#ended;
  }

  /** Resolves when more may be added, or nothing more will be read. */
  get room(): Promise<void> {
    return this.isFull ? this.#room.promise : Promise.resolve();
  }

  /** No message follows; those that wait are still read. */
  end(): void {
    this.#ended = true;
    this.#arrival.resolve();
    this.#room.resolve();
  }

  /** Every message in order, until the end. */
  async *read(): AsyncGenerator<Message> {
    while (true) {
      const message = this.#waiting.shift();
      if (message !== undefined) {
        const wasFull = this.isFull;
        this.#size -= sizeOf(message);
        if (wasFull && !this.isFull) this.#makeRoom();
        yield message;
        continue;
      }
      if (this.#ended) return;
      this.#arrival = Promise.withResolvers();
      await this.#arrival.promise;
    }
  }

  #makeRoom(): void {
    this.#room.resolve();
    this.#room = Promise.withResolvers();
  }
}

/** A socket that has been closed takes no more messages. */
export function closedError(): Error {
  return new Deno.errors.BrokenPipe("The stream is closed");
}

/** Two joined sockets: what one is sent, the other receives. */
export function socketPair(): [Socket, Socket] {
  const [left, right] = [new Inbox(), new Inbox()];
  const { promise: closed, resolve } = Promise.withResolvers<void>();
  let isOpen = true;
  const close = () => {
    isOpen = false;
    left.end();
    right.end();
    resolve();
  };
  const end = (inbox: Inbox, other: Inbox): Socket => ({
    messages: inbox.read(),
    closed,
    close,
    async send(message) {
      if (!isOpen) throw closedError();
      // the sender may use its buffer again
      if (other.push(typeof message === "string" ? message : message.slice())) await other.room;
    },
  });
  return [end(left, right), end(right, left)];
}

/** Reads and drops whatever the other side says, so that its end is noticed. */
export async function drain(messages: AsyncIterable<unknown>): Promise<void> {
  for await (const _ of messages);
}

function sizeOf(message: Message): number {
  return message.length + 1;
}
