// Choosing a door: a server that listens on this user's socket, otherwise the API in this process.

import { resolve } from "@std/path";
import { choosePaths, type Paths } from "../sys/paths.ts";
import { exists } from "../sys/present.ts";
import { type Client, type ClientOptions, createClient } from "./client.ts";
import { openInProcess } from "./in_process.ts";
import type { Remote } from "./remotes.ts";
import type { Transport } from "./transport.ts";

/** Which server to connect to, and how. */
export interface ConnectOptions extends ClientOptions {
  /** `auto` takes a listening server if there is one; default */
  door?: "auto" | "in-process" | "unix";
  /**
   * a server on another machine, or another socket; `door` and `socket` do not count then. A name is one that
   * `drey remote list` shows
   */
  remote?: Remote | string;
  /** path of the socket; without it, the one in the state directory */
  socket?: string;
  /** told each request as one line, `GET /1.0/instances` */
  onRequest?: (line: string) => void;
}

/**
 * Opens the API: of this user on this machine, or of a remote. In this process no server needs to run; what an operation
 * does then ends with the process, so wait for it.
 *
 * @throws {DreyError} `NOT_FOUND` for an unknown name of a remote, `NETWORK` or `FORBIDDEN` as servers are
 */
export async function connect(options: ConnectOptions = {}): Promise<Client> {
  const remote = typeof options.remote === "string" ? await remoteOf(options.remote) : options.remote;
  const project = options.project ?? remote?.project;
  const door = await openDoor({ ...options, remote });
  return createClient(options.onRequest ? watched(door, options.onRequest) : door, { project });
}

async function remoteOf(name: string): Promise<Remote> {
  const { findRemote } = await import("./remotes.ts");
  return await findRemote(name);
}

function watched(door: Transport, onRequest: (line: string) => void): Transport {
  // without its short way, every request is one that can be told
  const { call: _short, ...rest } = door;
  return {
    ...rest,
    fetch(request) {
      const { pathname, search } = new URL(request.url);
      onRequest(`${request.method} ${pathname}${search} (${door.kind})`);
      return door.fetch(request);
    },
  };
}

async function openDoor(
  { door = "auto", socket, remote }: ConnectOptions & { remote: Remote | undefined },
): Promise<Transport> {
  if (remote !== undefined && remote.address !== "unix://") {
    return await (await import("./servers.ts")).openRemote(remote);
  }
  if (door === "in-process") return openInProcess();
  const path = socket ?? await defaultSocket();
  // a look at the file spares most commands the code for sockets
  if (door === "auto" && !exists(path)) return openInProcess();
  const { answers, overUnixSocket } = await import("./unix.ts");
  return door === "unix" || await answers(path) ? overUnixSocket(path) : openInProcess();
}

/** Where `drey serve` listens for this user. */
export async function defaultSocket(): Promise<string> {
  return `${(await paths()).state}/unix.socket`;
}

/** Where this user's settings of the command line are. */
export async function configDirectory(): Promise<string> {
  return (await paths()).config;
}

async function paths(): Promise<Paths> {
  const home = Deno.env.get("HOME") ?? (await import("node:os")).homedir();
  const uid = Deno.uid() ?? 0;
  const env = (name: string) => Deno.env.get(name) ? resolve(Deno.env.get(name) as string) : undefined;
  return choosePaths({ env, uid, home, owns: () => false, linkedRun: () => undefined });
}
