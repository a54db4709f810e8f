// A websocket as a Socket of the wire: messages in order, sends that wait while the line is full.

import { DreyError } from "../errors.ts";
import type { Message, Socket } from "../wire/socket.ts";

/** bytes that may wait in the websocket before `send` does */
const highWater = 1 << 20;

/** Resolves once the websocket is open. @throws {DreyError} `NETWORK` if it does not open */
export async function openWebSocket(webSocket: WebSocket, signal?: AbortSignal): Promise<Socket> {
  webSocket.binaryType = "arraybuffer";
  const socket = wrap(webSocket);
  signal?.addEventListener("abort", () => socket.close(), { once: true });
  await new Promise<void>((resolve, reject) => {
    webSocket.onopen = () => resolve();
    webSocket.onerror = (event) => {
      const said = event instanceof ErrorEvent && event.message !== "" ? `: ${event.message}` : "";
      reject(new DreyError("NETWORK", { message: `Cannot open the stream ${webSocket.url}${said}` }));
    };
  });
  // from here on an error is followed by a close, which ends the messages
  webSocket.onerror = null;
  return socket;
}

function wrap(webSocket: WebSocket): Socket {
  const arrived: Message[] = [];
  const closed = Promise.withResolvers<void>();
  let wake = () => {};
  let isOver = false;
  webSocket.onmessage = ({ data }) => {
    arrived.push(typeof data === "string" ? data : new Uint8Array(data as ArrayBuffer));
    wake();
  };
  webSocket.onclose = () => {
    isOver = true;
    closed.resolve();
    wake();
  };
  async function* messages(): AsyncGenerator<Message> {
    while (true) {
      const next = arrived.shift();
      if (next !== undefined) yield next;
      else if (isOver) return;
      else await new Promise<void>((resolve) => wake = resolve);
    }
  }
  return {
    async send(message) {
      while (webSocket.bufferedAmount > highWater && !isOver) await sleep(2);
      if (webSocket.readyState !== WebSocket.OPEN) {
        throw new DreyError("NETWORK", { message: "Cannot send: the other side closed the stream" });
      }
      webSocket.send(message as string | Uint8Array<ArrayBuffer>);
    },
    messages: messages(),
    close() {
      if (webSocket.readyState < WebSocket.CLOSING) webSocket.close();
    },
    closed: closed.promise,
  };
}

const sleep = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));
