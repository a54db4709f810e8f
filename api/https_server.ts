// HTTPS as the settings want it: listening where a key such as `core.https_address` says, and somewhere else when it
// changes.

import type { Server } from "node:http";
import type { TLSSocket } from "node:tls";
import { formatAddress, type ListenAddress } from "../config/addresses.ts";
import { readKey, type Values } from "../config/key.ts";
import {
  allowedCredentials,
  allowedHeaders,
  allowedMethods,
  allowedOrigin,
  httpsAddress,
  type ServerKey,
} from "../config/server_keys.ts";
import type { Context } from "../domain/context.ts";
import { readServerConfig } from "../domain/server_config.ts";
import { serverCertificate } from "../domain/server_certificate.ts";
import { describeError, DreyError } from "../errors.ts";
import { noticeVanished } from "../auth/connection.ts";
import { fingerprintOf, hostsOf } from "../auth/tls.ts";
import { httpsDoor } from "./doors.ts";
import { type Answering, createListener } from "./listener.ts";
import { isOwnHost, type Pages } from "./middleware/origin.ts";

export interface HttpsServer extends AsyncDisposable {
  /** listens as these settings say; throws, and goes on as before, if that cannot be */
  follow(config: Values): Promise<void>;
  /** reads the certificate anew */
  reload(): Promise<void>;
  /** ends the connections, streams too, of a client whose trust has changed */
  drop(fingerprint: string): void;
  /** where it listens, `[::]:8443` */
  readonly address: string | undefined;
}

interface Listening {
  address: ListenAddress;
  server: Server;
}

/** An HTTPS server that listens nowhere yet. */
export function openHttpsServer(
  context: Context,
  app: Answering,
  key: ServerKey<ListenAddress> = httpsAddress,
): HttpsServer {
  let current: Listening | undefined;
  const open = new Set<TLSSocket>();
  const moveTo = async (address: ListenAddress | undefined) => {
    const old = current;
    // two addresses of one port may be in each other's way: the old one goes first, and comes back if need be
    current = undefined;
    if (old !== undefined) retire(old.server);
    try {
      if (address !== undefined) current = { address, server: await listen(context, app, address, open) };
    } catch (error) {
      if (old === undefined) throw error;
      try {
        current = { ...old, server: await listen(context, app, old.address, open) };
      } catch (lost) {
        throw nowhere(error, lost);
      }
      throw error;
    }
  };
  return {
    get address() {
      return current && formatAddress(current.address);
    },
    async follow(config) {
      const wanted = readKey(config, key);
      const isSame = (wanted && formatAddress(wanted)) === (current && formatAddress(current.address));
      if (!isSame) await moveTo(wanted);
    },
    reload: () => moveTo(current?.address),
    drop(fingerprint) {
      for (const socket of open) {
        const { raw } = socket.getPeerCertificate();
        if (raw !== undefined && fingerprintOf(Uint8Array.from(raw)) === fingerprint) socket.destroy();
      }
    },
    [Symbol.asyncDispose]() {
      const { server } = current ?? {};
      if (server !== undefined) retire(server);
      server?.closeAllConnections();
      return Promise.resolve();
    },
  };
}

/** Why there is neither the address that was wanted nor the one before. */
const nowhere = (wanted: unknown, before: unknown): DreyError =>
  new DreyError("BAD_REQUEST", {
    message: `${describeError(wanted)}; nor as before: ${describeError(before)}`,
    cause: wanted,
  });

async function listen(
  context: Context,
  app: Answering,
  address: ListenAddress,
  open: Set<TLSSocket>,
): Promise<Server> {
  const pair = await serverCertificate(context);
  const names = [Deno.hostname(), ...hostsOf(pair.certificate)];
  const server = createListener(app, httpsDoor(pair, () => pagesOf(context, names)));
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once("error", reject);
  const host = address.host === "" ? anyHost() : address.host;
  server.listen({ host, port: address.port }, resolve);
  try {
    await promise;
  } catch (error) {
    throw new DreyError("BAD_REQUEST", {
      message: `Cannot listen on "${formatAddress(address)}": ${
        error instanceof Error ? error.message : error
      }`,
      cause: error,
    });
  }
  server.on("secureConnection", (socket: TLSSocket) => {
    noticeVanished(socket);
    open.add(socket);
    socket.once("close", () => open.delete(socket));
  });
  // what happens to a single connection is told to its own listeners
  server.on("error", () => {});
  return server;
}

async function pagesOf(context: Context, names: readonly string[]): Promise<Pages> {
  const config = await readServerConfig(context);
  const origin = readKey(config, allowedOrigin);
  return {
    isOwn: (host) => isOwnHost(host, names),
    ...(origin !== undefined && {
      allowed: {
        origin,
        methods: readKey(config, allowedMethods),
        headers: readKey(config, allowedHeaders),
        credentials: readKey(config, allowedCredentials) ?? false,
      },
    }),
  };
}

/** Both families where the host has both. */
function anyHost(): string {
  return Deno.networkInterfaces().some(({ family }) => family === "IPv6") ? "::" : "0.0.0.0";
}

/** Takes no new connections. Those that do something go on: over one of them came the wish to listen elsewhere. */
function retire(server: Server): void {
  server.close();
  server.closeIdleConnections();
}
