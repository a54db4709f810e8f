// A websocket over any connection as a Socket of the wire: what waits for its reader is bounded, and so is what waits to
// be sent.

import { DreyError } from "../errors.ts";
import type { Message, Socket } from "../wire/socket.ts";
import type { Connection } from "./connection.ts";
import { type Frame, frameOf, opcodes, readFrames } from "./frames.ts";
import { askUpgrade, closeAtAbort, closeOnce, isGone, writeAll } from "./upgrade.ts";

/** `bytes` that may wait for their reader before no more are taken from the other side */
const highWater = 1 << 20;
/** `milliseconds` the other side has to answer our goodbye */
const goodbye = 5_000;

/** Where a websocket is asked for. */
export interface WebSocketAddress {
  /** such as `/1.0/events?type=lifecycle` */
  address: string;
  host?: string;
  /** closes it, or gives up asking for it */
  signal?: AbortSignal | undefined;
  /** throws what an answer says that is an error */
  refused?: (answer: Response) => Promise<void>;
}

/**
 * Opens a websocket; the connection is closed with it, or if it is refused.
 *
 * @throws {DreyError} what the server answered if it refused
 * @throws the reason of `signal` if it is aborted first
 */
export async function openWebSocket(
  connection: Connection,
  { address, host, signal, refused }: WebSocketAddress,
): Promise<Socket> {
  using closing = new DisposableStack();
  closing.adopt(connection, closeOnce);
  const key = crypto.getRandomValues(new Uint8Array(16)).toBase64();
  const headers = { "Sec-WebSocket-Key": key, "Sec-WebSocket-Version": "13" };
  const { head, rest } = await askUpgrade(connection, {
    address,
    protocol: "websocket",
    host,
    headers,
    signal,
    refused,
  });
  const accepted = /^sec-websocket-accept:[ \t]*([^\s]+)[ \t]*$/im.exec(head)?.[1];
  if (accepted !== await acceptance(key)) {
    throw new DreyError("NETWORK", { message: `The server opened no proper stream at ${address}` });
  }
  signal?.throwIfAborted();
  closing.move();
  const socket = socketOver(connection, rest);
  closeAtAbort(socket, signal);
  return socket;
}

/** RFC 6455, section 4.2.2 */
async function acceptance(key: string): Promise<string> {
  const bytes = new TextEncoder().encode(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`);
  return new Uint8Array(await crypto.subtle.digest("SHA-1", bytes)).toBase64();
}

function socketOver(connection: Connection, first: Uint8Array): Socket {
  const arrived = new Arrived();
  const closed = Promise.withResolvers<void>();
  let [isClosing, isPongWaiting] = [false, false];
  let sent: Promise<void> = Promise.resolve();
  // one after the other: a frame must not begin within another
  const write = (opcode: number, payload: Uint8Array) => {
    sent = sent.then(() => writeAll(connection, frameOf(opcode, payload)));
    return sent;
  };
  // what cannot be sent any more is told by the end of what is read
  const tell = (opcode: number, payload: Uint8Array) => write(opcode, payload).catch(() => {});
  const close = () => {
    if (isClosing) return;
    isClosing = true;
    arrived.end();
    void tell(opcodes.close, new Uint8Array());
    // the clock of a signal lets a program end that waits for nothing else
    AbortSignal.timeout(goodbye).addEventListener("abort", () => closeOnce(connection));
  };
  const take = async ({ opcode, payload }: Frame) => {
    if (opcode === opcodes.ping && !isPongWaiting) {
      isPongWaiting = true;
      void tell(opcodes.pong, payload).then(() => isPongWaiting = false);
    } else if (opcode === opcodes.text) await arrived.push(new TextDecoder().decode(payload));
    else if (opcode === opcodes.binary) await arrived.push(payload);
  };
  const follow = async () => {
    try {
      for await (const frame of readFrames((buffer) => connection.read(buffer), first)) {
        if (frame.opcode === opcodes.close) {
          if (!isClosing) await Promise.race([tell(opcodes.close, frame.payload), closed.promise]);
          break;
        }
        await take(frame);
      }
      arrived.end();
    } catch (error) {
      arrived.end(isGone(error) ? undefined : error);
    } finally {
      isClosing = true;
      closeOnce(connection);
      closed.resolve();
    }
  };
  void follow();
  return {
    messages: arrived.read(),
    closed: closed.promise,
    close,
    async send(message) {
      try {
        if (isClosing) throw new Deno.errors.BrokenPipe();
        if (typeof message === "string") await write(opcodes.text, new TextEncoder().encode(message));
        else await write(opcodes.binary, message);
      } catch (error) {
        if (!isGone(error)) throw error;
        throw new DreyError("NETWORK", {
          message: "Cannot send: the other side closed the stream",
          cause: error,
        });
      }
    },
  };
}

/** Messages on their way to their reader. */
class Arrived {
  readonly #waiting: Message[] = [];
  #size = 0;
  #isOver = false;
  #failure: unknown;
  #wake = () => {};
  #room = Promise.withResolvers<void>();

  /** Resolves when there is room for more, or nobody will read any more. */
  async push(message: Message): Promise<void> {
    if (this.#isOver) return;
    this.#waiting.push(message);
    this.#size += message.length + 1;
    this.#wake();
    while (this.#size > highWater && !this.#isOver) await this.#room.promise;
  }

  /** Nothing more comes; what waits is still read, and after it the reader meets the failure. */
  end(failure?: unknown): void {
    if (!this.#isOver) this.#failure = failure;
    this.#isOver = true;
    this.#wake();
    this.#room.resolve();
  }

  async *read(): AsyncGenerator<Message> {
    while (true) {
      const next = this.#waiting.shift();
      if (next !== undefined) {
        this.#size -= next.length + 1;
        this.#room.resolve();
        this.#room = Promise.withResolvers();
        yield next;
      } else if (this.#failure !== undefined) throw this.#failure;
      else if (this.#isOver) return;
      else await new Promise<void>((resolve) => this.#wake = resolve);
    }
  }
}
