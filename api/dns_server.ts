// Network zones for other servers of DNS, where `core.dns_address` says: over TCP, and for single questions UDP.

import type { Socket as DatagramSocket } from "node:dgram";
import type { Server, Socket } from "node:net";
import { formatAddress, type ListenAddress } from "../config/addresses.ts";
import { readKey, type Values } from "../config/key.ts";
import { dnsAddress } from "../config/server_keys.ts";
import type { Context } from "../domain/context.ts";
import { describeError, DreyError } from "../errors.ts";

export interface DnsServer extends Disposable {
  /** listens as these settings say; throws, and goes on as before, if that cannot be */
  follow(config: Values): Promise<void>;
  /** where it listens, `127.0.0.1:53` */
  readonly address: string | undefined;
}

interface Listening extends Disposable {
  address: string;
}

/** A server that listens nowhere yet. */
export function openDnsServer(context: Context): DnsServer {
  let current: Listening | undefined;
  return {
    get address() {
      return current?.address;
    },
    async follow(config) {
      const wanted = readKey(config, dnsAddress);
      if ((wanted && formatAddress(wanted)) === current?.address) return;
      const next = wanted === undefined ? undefined : await listen(context, wanted);
      current?.[Symbol.dispose]();
      current = next;
    },
    [Symbol.dispose]: () => current?.[Symbol.dispose](),
  };
}

async function listen(context: Context, address: ListenAddress): Promise<Listening> {
  const [net, dgram] = await Promise.all([import("node:net"), import("node:dgram")]);
  const host = address.host === "" ? "::" : address.host;
  const open = new Set<Socket>();
  const server = net.createServer((socket) => {
    open.add(socket);
    socket.once("close", () => open.delete(socket));
    // a peer that goes away is its own affair
    socket.on("error", () => socket.destroy());
    socket.setTimeout(30_000, () => socket.destroy());
    converse(context, socket);
  });
  const datagrams = dgram.createSocket(host.includes(":") ? "udp6" : "udp4");
  datagrams.on("message", (message, { address: peer, port }) => {
    answers(context, message, { peer, isStream: false }).then((all) => {
      for (const answer of all) datagrams.send(answer, port, peer);
    }).catch(logFailure);
  });
  try {
    await started(server, () => server.listen({ host, port: address.port }));
    await started(datagrams, () => datagrams.bind({ address: host, port: address.port }));
  } catch (cause) {
    server.close();
    datagrams.close();
    throw new DreyError("BAD_REQUEST", {
      message: `Cannot listen on "${formatAddress(address)}": ${
        cause instanceof Error ? cause.message : cause
      }`,
      hint: "Ports below net.ipv4.ip_unprivileged_port_start are root's: choose a higher one",
      cause,
    });
  }
  for (const listener of [server, datagrams]) listener.on("error", () => {});
  return {
    address: formatAddress(address),
    [Symbol.dispose]() {
      for (const socket of open) socket.destroy();
      server.close();
      datagrams.close();
    },
  };
}

async function started(listener: Server | DatagramSocket, start: () => void): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  listener.once("error", reject);
  listener.once("listening", () => resolve());
  start();
  await promise;
}

/** On a stream each message has its length before it, two bytes; they are answered in their order. */
function converse(context: Context, socket: Socket): void {
  let held = new Uint8Array(0);
  let before = Promise.resolve();
  const peer = socket.remoteAddress ?? "";
  const answer = async (message: Uint8Array) => {
    for (const said of await answers(context, message, { peer, isStream: true })) {
      socket.write(Uint8Array.from([said.length >> 8, said.length & 0xff, ...said]));
    }
  };
  socket.on("data", (chunk: Uint8Array) => {
    held = Uint8Array.from([...held, ...chunk]);
    while (held.length >= 2 && held.length >= 2 + sizeAt(held)) {
      const message = held.slice(2, 2 + sizeAt(held));
      held = held.slice(2 + sizeAt(held));
      before = before.then(() => answer(message)).catch((error) => {
        logFailure(error);
        socket.destroy();
      });
    }
  });
}

/** The peer is told nothing, the log is. */
const logFailure = (error: unknown) => console.error(describeError(error));

const sizeAt = (held: Uint8Array) => (held[0] ?? 0) << 8 | (held[1] ?? 0);

async function answers(
  context: Context,
  message: Uint8Array,
  { peer, isStream }: { peer: string; isStream: boolean },
): Promise<Uint8Array[]> {
  const [{ answerDns }, { zoneContent }] = await Promise.all([
    import("./dns_answer.ts"),
    import("../domain/networks/zone_content.ts"),
  ]);
  const from = peer.replace(/^::ffff:(?=\d+\.)/, "");
  return await answerDns(message, {
    find: (name) => zoneContent(context, name, from),
    isStream,
    now: context.now(),
  });
}
