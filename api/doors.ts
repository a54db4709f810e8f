// The two doors of a server: a unix socket, where the kernel tells who calls, and HTTPS, where a certificate does.

import type { Socket as Connection } from "node:net";
import type { TLSSocket } from "node:tls";
import { fingerprintOf, type KeyPair } from "../auth/tls.ts";
import { type Admission, admit } from "../domain/peers.ts";
import type { Caller } from "./call.ts";
import type { Door } from "./listener.ts";
import { type Pages, welcome } from "./middleware/origin.ts";

/** The door of the users of this machine. */
export function unixDoor(admission: Admission): Door {
  const callers = new WeakMap<Connection, Caller | undefined>();
  return {
    identify: (connection) => remembered(callers, connection, () => peerCaller(connection, admission)),
    // no page of a browser can be at the other end, whatever it claims
    welcome: (visit) => Promise.resolve(welcome(visit, { isOwn: () => false })),
  };
}

function peerCaller(connection: Connection, admission: Admission): Caller | undefined {
  const fd = descriptorOf(connection);
  if (fd === undefined) return undefined;
  const peer = admit(fd, admission);
  return peer === undefined ? undefined : { uid: peer.uid, protocol: "unix", username: peer.name };
}

/** The door of everybody else. */
export function httpsDoor(tls: KeyPair, pages: () => Promise<Pages>): Door {
  const callers = new WeakMap<Connection, Caller | undefined>();
  return {
    tls,
    identify: (connection) => remembered(callers, connection, () => tlsCaller(connection as TLSSocket)),
    welcome: async (visit) => welcome(visit, await pages()),
  };
}

function tlsCaller(connection: TLSSocket): Caller {
  const { raw } = connection.getPeerCertificate();
  const der = raw === undefined ? undefined : Uint8Array.from(raw);
  const { remoteAddress = "", remotePort = 0 } = connection;
  const host = remoteAddress.replace(/^::ffff:(?=\d+\.)/, "");
  return {
    uid: -1,
    protocol: "tls",
    username: "",
    address: `${host.includes(":") ? `[${host}]` : host}:${remotePort}`,
    ...(der !== undefined && { certificate: { der, fingerprint: fingerprintOf(der) } }),
  };
}

function remembered(
  callers: WeakMap<Connection, Caller | undefined>,
  connection: Connection,
  find: () => Caller | undefined,
): Caller | undefined {
  if (!callers.has(connection)) callers.set(connection, find());
  return callers.get(connection);
}

/** The descriptor of a connection. Deno's own listeners hide it; that of node:net is an internal name, guarded by a test. */
export function descriptorOf(connection: Connection): number | undefined {
  const { fd } = (connection as unknown as { _handle?: { fd?: number } })._handle ?? {};
  return typeof fd === "number" && fd >= 0 ? fd : undefined;
}
