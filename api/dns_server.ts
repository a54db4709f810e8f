// Network zones for other servers of DNS, where `core.dns_address` says: over TCP, and for single questions UDP.

import type { Socket as DatagramSocket } from "node:dgram";
import type { Server, Socket } from "node:net";
import { concat } from "@std/bytes";
import { formatAddress, type ListenAddress } from "../config/addresses.ts";
import { readKey, type Values } from "../config/key.ts";
import { dnsAddress } from "../config/server_keys.ts";
import type { Context } from "../domain/context.ts";
import { describeError, DreyError } from "../errors.ts";
import { limitCrowd } from "./crowd.ts";

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

/** connections at a time: the servers that fetch zones are few, and anybody may knock */
const mostPeers = 64;

async function listen(context: Context, address: ListenAddress): Promise<Listening> {
  const [net, dgram] = await Promise.all([import("node:net"), import("node:dgram")]);
  const host = address.host === "" ? "::" : address.host;
  const open = new Set<Socket>();
  // who has asked may say that it asks no more, and still wait for the answer
  const server = net.createServer({ allowHalfOpen: true }, (socket) => {
    open.add(socket);
    socket.once("close", () => open.delete(socket));
    // a peer that goes away is its own affair
    socket.on("error", () => socket.destroy());
    socket.setTimeout(30_000, () => socket.destroy());
    // the peer is gone, or the log has been told
    converse(context, socket).catch(() => socket.destroy());
  });
  limitCrowd(server, { most: mostPeers });
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

/**
 * On a stream each message has its length before it, two bytes; they are answered in their order. A peer that does not
 * read its answers is not read from either.
 */
async function converse(context: Context, socket: Socket): Promise<void> {
  const peer = socket.remoteAddress ?? "";
  let held: Uint8Array = new Uint8Array();
  for await (const chunk of socket.iterator({ destroyOnReturn: false })) {
    held = concat([held, chunk]);
    while (held.length >= 2 && held.length >= 2 + sizeAt(held)) {
      const end = 2 + sizeAt(held);
      const all = await answers(context, held.slice(2, end), { peer, isStream: true }).catch((error) => {
        logFailure(error);
        throw error;
      });
      for (const said of all) {
        await sent(socket, concat([Uint8Array.from([said.length >> 8, said.length & 0xff]), said]));
      }
      held = held.subarray(end);
    }
  }
  socket.end();
}

/** Gives bytes to a socket, and waits until it has room again; one that is closed has no use for them. */
async function sent(socket: Socket, bytes: Uint8Array): Promise<void> {
  if (socket.destroyed || socket.write(bytes)) return;
  const { promise, resolve } = Promise.withResolvers<void>();
  socket.once("drain", resolve).once("close", resolve);
  await promise;
  socket.off("drain", resolve).off("close", resolve);
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
