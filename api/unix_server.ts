// The unix socket of `drey serve`: made here, or inherited from whoever started us because somebody came.

import type { Server } from "node:http";
import { dirname } from "@std/path";
import type { Context } from "../domain/context.ts";
import { closeOnExec } from "../domain/inherited.ts";
import { groupId, mayGiveTo } from "../domain/peers.ts";
import { DreyError } from "../errors.ts";

/** sun_path without its final zero byte; unix(7) */
const longestPath = 107;
/** the first descriptor that systemd hands over; sd_listen_fds(3) */
const firstInherited = 3;

export interface UnixSocket extends AsyncDisposable {
  /** where it is, as logs name it */
  readonly name: string;
  /** whether whoever made it keeps it when we end */
  readonly isInherited: boolean;
  listen(server: Server): Promise<void>;
}

/** The socket that systemd made for us, if it did. */
export function inheritedSocket(): UnixSocket | undefined {
  const isOurs = Deno.env.get("LISTEN_PID") === String(Deno.pid);
  const count = Number(Deno.env.get("LISTEN_FDS") ?? 0);
  for (const name of ["LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"]) Deno.env.delete(name);
  if (!isOurs || count < 1) return undefined;
  if (count > 1) {
    throw new DreyError("BAD_REQUEST", {
      message: `Cannot serve: ${count} sockets were handed over, one is expected`,
    });
  }
  // instances are started from here, and must not hold the socket open
  closeOnExec(firstInherited);
  return {
    name: `descriptor ${firstInherited}`,
    isInherited: true,
    listen: (server) => listening(server, () => server.listen({ fd: firstInherited })),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

/**
 * Takes a path for a new socket.
 *
 * @throws {DreyError} `CONFLICT` if another server listens there
 */
export async function takeSocket(
  store: Context["store"],
  path: string,
  group: string | undefined,
): Promise<UnixSocket> {
  if (new TextEncoder().encode(path).length > longestPath) {
    throw new DreyError("BAD_REQUEST", {
      message: `Cannot listen on "${path}": paths of sockets have at most ${longestPath} bytes`,
      hint: "Choose a shorter one with --socket",
    });
  }
  const lock = await store.lock(["serve", path], { signal: AbortSignal.timeout(100) }).catch((error) => {
    throw error instanceof DOMException ? inUse(path) : error;
  });
  let gid: number | undefined;
  try {
    if (await isAnswered(path)) throw inUse(path);
    await Deno.mkdir(dirname(path), { recursive: true, mode: 0o700 });
    gid = group === undefined ? undefined : mustBeAbleToLetIn(group, path);
    removeStale(path);
  } catch (error) {
    await lock[Symbol.asyncDispose]();
    throw error;
  }
  let isMade = false;
  return {
    name: path,
    isInherited: false,
    async listen(server) {
      await listenAt(server, path, gid);
      isMade = true;
    },
    async [Symbol.asyncDispose]() {
      // a server of node:http that is closed takes its socket along; one that is not leaves it
      if (isMade) removeStale(path);
      await lock[Symbol.asyncDispose]();
    },
  };
}

/**
 * The number of a group that is let in at a socket.
 *
 * @throws {DreyError} `NOT_FOUND`, `FORBIDDEN` if the socket cannot be given to it, `BAD_REQUEST` if nobody of it would
 * get there
 */
export function mustBeAbleToLetIn(group: string, socket: string): number {
  const gid = mustBeGroup(group);
  if (!mayGiveTo(gid)) {
    throw new DreyError("FORBIDDEN", {
      message: `Cannot let in the group "${group}": you are not in it`,
      hint:
        `Ask an administrator to run: usermod --append --groups ${group} USER. It counts from the next login on`,
    });
  }
  mustReach(dirname(socket), group, gid);
  return gid;
}

/** The number of a group. @throws {DreyError} `NOT_FOUND` */
export function mustBeGroup(name: string): number {
  const gid = groupId(name);
  if (gid !== undefined) return gid;
  throw new DreyError("NOT_FOUND", { message: `Cannot let in a group: there is no group "${name}"` });
}

/** Members need a way to the socket, which begins in a directory that is the user's alone unless told otherwise. */
function mustReach(directory: string, group: string, gid: number): void {
  for (let at = directory; at !== "/"; at = dirname(at)) {
    if (mayEnter(at, gid)) continue;
    throw new DreyError("BAD_REQUEST", {
      message: `Cannot let in the group "${group}": its members cannot enter "${at}"`,
      hint: "Choose another place with --socket",
    });
  }
}

/** What is not there yet is made by systemd, open to everybody. */
function mayEnter(directory: string, gid: number): boolean {
  try {
    const { mode, gid: owner } = Deno.statSync(directory);
    return ((mode ?? 0) & 0o001) !== 0 || (owner === gid && ((mode ?? 0) & 0o010) !== 0);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return true;
    throw error;
  }
}

/** Nobody but the user may connect, from the socket's first moment on: 0600 less than 0777 is 0177. */
async function listenAt(server: Server, path: string, gid: number | undefined): Promise<void> {
  const umask = Deno.umask(0o177);
  try {
    await listening(server, () => server.listen(path));
    if (gid !== undefined) await Deno.chown(path, null, gid);
    Deno.chmodSync(path, gid === undefined ? 0o600 : 0o660);
  } finally {
    Deno.umask(umask);
  }
}

async function listening(server: Server, listen: () => void): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once("error", reject).once("listening", resolve);
  listen();
  await promise;
  server.off("error", reject);
}

async function isAnswered(path: string): Promise<boolean> {
  try {
    (await Deno.connect({ transport: "unix", path })).close();
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.ConnectionRefused) return false;
    throw error;
  }
}

function removeStale(path: string): void {
  try {
    if (!Deno.lstatSync(path).isSocket) {
      throw new DreyError("CONFLICT", { message: `Cannot listen on "${path}": there is something else` });
    }
    Deno.removeSync(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

function inUse(socket: string): DreyError {
  return new DreyError("CONFLICT", {
    message: `Cannot serve on "${socket}": another drey does`,
    hint: "Stop it, or choose another path with --socket",
  });
}
