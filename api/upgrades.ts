// Upgraded connections of a listener as sockets of the wire: for websockets npm's `ws` does the framing, this file the
// back pressure.

import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
// @ts-types="./ws.d.ts"
import { type WebSocket, WebSocketServer } from "ws";
import { DreyError } from "../errors.ts";
import { isSilent, type TcpPorts } from "../auth/tcp_silence.ts";
import type { Socket } from "../wire/socket.ts";
import { closedError, Inbox } from "./sockets.ts";

/** `bytes` of one message a client may send */
const maxPayload = 16 * 1024 * 1024;
/** `milliseconds` between pings, and between looks for the answer of one */
const pulse = 10_000;
/** `milliseconds` the other side has to answer our goodbye */
const goodbye = 5_000;

/** code of a close that has a reason; RFC 6455, section 7.4.1 */
const policyViolation = 1008;

const server = new WebSocketServer({ noServer: true, maxPayload, perMessageDeflate: false });

/** An upgrade as node:http hands it out. */
export interface Upgrade {
  request: IncomingMessage;
  connection: Duplex;
  head: Uint8Array;
}

/**
 * Answers an upgrade with a websocket.
 *
 * @throws {DreyError} `BAD_REQUEST` if it asks for no proper one
 */
export function openWebSocket({ request, connection, head }: Upgrade): Promise<Socket> {
  const { promise, resolve, reject } = Promise.withResolvers<Socket>();
  // ws answers a request it does not like by itself, and then ends the connection
  connection.once("close", () => {
    reject(new DreyError("BAD_REQUEST", { message: "The websocket could not be opened" }));
  });
  server.handleUpgrade(request, connection, head, (socket) => {
    // the kernel tells of the end of whoever is on this machine
    const { localPort: local, remotePort: remote } = request.socket;
    if (local !== undefined && remote !== undefined) watchOver(socket, { local, remote });
    resolve(wrap(socket));
  });
  return promise;
}

/**
 * Ends a websocket whose other side is gone without a word: it answers no ping, and its host nothing at all. A client
 * that is slow to take what it is sent finds the ping only behind that.
 */
function watchOver(webSocket: WebSocket, ports: TcpPorts): void {
  let isAnswered = true;
  webSocket.on("pong", () => isAnswered = true);
  const look = async () => {
    // what nobody reads at the moment cannot tell
    if (!isAnswered && !webSocket.isPaused && await isSilent(ports)) return webSocket.terminate();
    isAnswered = false;
    // each time, so that there is always something for its host to acknowledge
    webSocket.ping();
  };
  const timer = setInterval(look, pulse);
  webSocket.on("close", () => clearInterval(timer));
}

/** Answers an upgrade with a stream of bytes that has no frames. */
export function openRaw({ connection, head }: Upgrade, protocol: string): Socket {
  connection.write(`HTTP/1.1 101 Switching Protocols\r\nUpgrade: ${protocol}\r\nConnection: Upgrade\r\n\r\n`);
  const inbox = new Inbox();
  const { promise: closed, resolve } = Promise.withResolvers<void>();
  const take = (bytes: Uint8Array) => {
    // a copy: node may use its buffer again
    if (!inbox.push(Uint8Array.from(bytes))) return;
    connection.pause();
    void inbox.room.then(() => connection.resume());
  };
  if (head.length > 0) take(head);
  connection.on("data", take);
  // the other side says no more: what it asked for is still answered
  connection.on("end", () => inbox.end());
  connection.on("close", () => {
    inbox.end();
    resolve();
  });
  return {
    messages: inbox.read(),
    closed,
    close() {
      inbox.end();
      connection.end();
    },
    send(message) {
      if (connection.writableEnded || connection.destroyed) return Promise.reject(closedError());
      const { promise, resolve: sent, reject } = Promise.withResolvers<void>();
      connection.write(message, (error) => error ? reject(closedError()) : sent());
      return promise;
    },
  };
}

function wrap(webSocket: WebSocket): Socket {
  const inbox = new Inbox();
  const { promise: closed, resolve } = Promise.withResolvers<void>();
  let isOpen = true;
  webSocket.on("message", (data, isBinary) => {
    // a copy: ws may use its buffer again
    const message = isBinary ? Uint8Array.from(data) : new TextDecoder().decode(data);
    if (!inbox.push(message)) return;
    webSocket.pause();
    void inbox.room.then(() => webSocket.resume());
  });
  webSocket.on("close", () => {
    isOpen = false;
    inbox.end();
    resolve();
  });
  // "close" follows and says all there is to say
  webSocket.on("error", () => {});
  return {
    messages: inbox.read(),
    closed,
    close(reason) {
      if (!isOpen) return;
      isOpen = false;
      inbox.end();
      if (reason === undefined) webSocket.close();
      else webSocket.close(policyViolation, reason);
      const timer = setTimeout(() => webSocket.terminate(), goodbye);
      void closed.then(() => clearTimeout(timer));
    },
    send(message) {
      if (!isOpen) return Promise.reject(closedError());
      const { promise, resolve: sent, reject } = Promise.withResolvers<void>();
      webSocket.send(message, { binary: typeof message !== "string" }, (error) => {
        if (error === undefined || error === null) sent();
        else reject(closedError());
      });
      return promise;
    },
  };
}
