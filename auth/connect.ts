// Connections to servers that are known by their certificate: it is the one that was accepted, or there is no
// connection. Names and signatures count only for servers whose certificate nobody had to accept.

import { Agent, type ClientRequestArgs } from "node:http";
import { isIP } from "node:net";
import type { Duplex } from "node:stream";
import { connect, type TLSSocket } from "node:tls";
import { fingerprintOf, isSame, type KeyPair, readCertificate } from "./tls.ts";
import { noticeVanished } from "./connection.ts";
import { DreyError } from "../errors.ts";

export interface HttpsServer {
  /** `https://host:port` */
  address: string;
  /** PEM of the server's certificate; without it, an authority must vouch for the server */
  certificate?: string;
  /** who we are */
  identity?: KeyPair;
}

/** What a server shows of itself before anything is said. */
export interface Shown {
  /** PEM */
  certificate: string;
  fingerprint: string;
  /** whether an authority of this system vouches for it, for this name */
  isVouchedFor: boolean;
}

/** `milliseconds` a server has to take a connection */
const patience = 30_000;

/** Looks at a server's certificate. @throws {DreyError} `NETWORK` */
export async function lookAtServer(address: string): Promise<Shown> {
  const socket = await open({ address }, { isJudged: false });
  try {
    const der = shownBy(socket);
    const certificate = readCertificate(der.toBase64());
    const isVouchedFor = await isVouched(address);
    return { certificate: certificate.toString(), fingerprint: fingerprintOf(der), isVouchedFor };
  } finally {
    socket.destroy();
  }
}

async function isVouched(address: string): Promise<boolean> {
  try {
    (await open({ address }, { isJudged: true })).destroy();
    return true;
  } catch (error) {
    if (error instanceof DreyError) return false;
    throw error;
  }
}

/**
 * A connection to a server.
 *
 * @throws {DreyError} `NETWORK` if it cannot be reached, `FORBIDDEN` if it is not the one that was accepted
 * @throws the reason of `signal` if it is aborted first
 */
export async function connectTo(server: HttpsServer, signal?: AbortSignal): Promise<TLSSocket> {
  const isPinned = server.certificate !== undefined;
  // that the server has the key of the certificate it shows is verified in any case
  const socket = await open(server, { isJudged: !isPinned, signal });
  if (!isPinned) return socket;
  const [wanted, found] = [
    fingerprintOf(readCertificate(server.certificate ?? "")),
    fingerprintOf(shownBy(socket)),
  ];
  if (isSame(wanted, found)) return socket;
  socket.destroy();
  throw new DreyError("FORBIDDEN", {
    message: `The server at "${server.address}" has another certificate than the one that was accepted ` +
      `(${found} instead of ${wanted})`,
    hint: "If it was set up anew, remove the remote and add it again; if not, somebody stands in between",
  });
}

async function open(
  { address, identity }: HttpsServer,
  { isJudged, signal }: { isJudged: boolean; signal?: AbortSignal | undefined },
): Promise<TLSSocket> {
  signal?.throwIfAborted();
  const { hostname, port } = new URL(address);
  const host = hostname.replace(/^\[|\]$/g, "");
  const { promise, resolve, reject } = Promise.withResolvers<TLSSocket>();
  const socket = connect({
    host,
    port: Number(port || 443),
    rejectUnauthorized: isJudged,
    ...(isIP(host) === 0 && { servername: host }),
    ...(identity !== undefined && { cert: identity.certificate, key: identity.key }),
  });
  const fail = (said: string, cause?: unknown) =>
    reject(new DreyError("NETWORK", { message: `Cannot reach the server at "${address}": ${said}`, cause }));
  const timer = setTimeout(() => {
    fail("no answer in time");
    socket.destroy();
  }, patience);
  socket.once("secureConnect", () => {
    noticeVanished(socket);
    resolve(socket);
  });
  // after the connection was opened, whoever uses it hears of its errors
  socket.on("error", (error: Error) => fail(error.message, error));
  const abort = () => {
    reject(signal?.reason);
    socket.destroy();
  };
  signal?.addEventListener("abort", abort);
  return await promise.finally(() => {
    clearTimeout(timer);
    signal?.removeEventListener("abort", abort);
  });
}

function shownBy(socket: TLSSocket): Uint8Array {
  const { raw } = socket.getPeerCertificate();
  if (raw !== undefined) return Uint8Array.from(raw);
  throw new DreyError("NETWORK", { message: "The server shows no certificate" });
}

/** Hands {@link connectTo}'s connections to requests of node:http, and keeps them for the next request. */
export class ServerAgent extends Agent {
  readonly #server: HttpsServer;

  constructor(server: HttpsServer) {
    super({ keepAlive: true });
    this.#server = server;
  }

  override createConnection(
    _options: ClientRequestArgs,
    done: (error: Error | null, connection: Duplex) => void = () => {},
  ): Duplex {
    const nothing = undefined as unknown as Duplex;
    connectTo(this.#server).then((socket) => done(null, socket), (error) => done(error, nothing));
    // what counts is what the callback is given
    return nothing;
  }
}
