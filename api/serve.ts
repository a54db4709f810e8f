// `drey serve`: the API on a unix socket, for programs and for other commands. It owns no instance: those that run
// go on when it ends.

import type { Server } from "node:http";
import { dirname, join, resolve } from "@std/path";
import { openContext } from "../domain/open.ts";
import { finishOperations } from "../domain/operations.ts";
import { reconcile } from "../domain/reconcile.ts";
import { describeError, DreyError } from "../errors.ts";
import { type App, createApp } from "./app.ts";
import { createListener } from "./listener.ts";

export interface ServeOptions {
  /** path of the socket; without it, `unix.socket` in the state directory */
  socket?: string;
  /** ends the server; without it, SIGTERM and SIGINT do */
  signal?: AbortSignal;
  /** told where it listens, once it does */
  onReady?: (socket: string) => void;
}

/** `milliseconds` operations have to end after the server was told to */
const grace = 3_000;
/** `milliseconds` between looks for instances that ended with nobody to look after them */
const lookEvery = 1_000;
/** sun_path without its final zero byte; unix(7) */
const longestPath = 107;

/** `drey serve [--socket PATH]` as typed; the exit status. */
export async function serve(argv: readonly string[]): Promise<number> {
  try {
    await runServer({ ...readArguments(argv), onReady: (socket) => console.error(`Listening on ${socket}`) });
    return 0;
  } catch (error) {
    if (!(error instanceof DreyError)) throw error;
    console.error(`Error: ${describeError(error)}`);
    return 1;
  }
}

/**
 * Serves the API until it is told to end.
 *
 * @throws {DreyError} `CONFLICT` if another server listens there
 */
export async function runServer(options: ServeOptions = {}): Promise<void> {
  await using context = await openContext();
  const socket = resolve(options.socket ?? join(context.paths.state, "unix.socket"));
  await using _alone = await takeSocket(context.store, socket);
  await reconcile(context);
  const app = createApp(context);
  const caller = { uid: context.user.uid, protocol: "unix", username: context.user.name } as const;
  const listener = createListener(lookingAfter(app, () => reconcile(context)), caller);
  await listen(listener, socket);
  options.onReady?.(socket);
  await ended(options.signal);
  Deno.removeSync(socket);
  listener.close();
  await finishOperations(context, grace);
  listener.closeAllConnections();
}

function readArguments(argv: readonly string[]): { socket?: string } {
  const [first, second, ...rest] = argv;
  if (first === undefined) return {};
  if (first === "--socket" && second !== undefined && rest.length === 0) return { socket: second };
  if (first.startsWith("--socket=") && second === undefined) {
    return { socket: first.slice("--socket=".length) };
  }
  throw new DreyError("BAD_REQUEST", {
    message: `Cannot serve: unexpected argument "${first}"`,
    hint: "Usage: drey serve [--socket PATH]",
  });
}

/** Makes sure that nobody else serves there, and removes what a dead server has left. */
async function takeSocket(
  store: Awaited<ReturnType<typeof openContext>>["store"],
  socket: string,
): Promise<AsyncDisposable> {
  if (new TextEncoder().encode(socket).length > longestPath) {
    throw new DreyError("BAD_REQUEST", {
      message: `Cannot listen on "${socket}": paths of sockets have at most ${longestPath} bytes`,
      hint: "Choose a shorter one with --socket",
    });
  }
  const lock = await store.lock(["serve", socket], { signal: AbortSignal.timeout(100) }).catch((error) => {
    throw error instanceof DOMException ? inUse(socket) : error;
  });
  try {
    if (await isAnswered(socket)) throw inUse(socket);
    await Deno.mkdir(dirname(socket), { recursive: true, mode: 0o700 });
    removeStale(socket);
    return lock;
  } catch (error) {
    await lock[Symbol.asyncDispose]();
    throw error;
  }
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

/** Nobody but the user may connect, from the socket's first moment on: 0600 less than 0777 is 0177. */
async function listen(listener: Server, path: string): Promise<void> {
  const umask = Deno.umask(0o177);
  try {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    listener.once("error", reject);
    listener.listen(path, resolve);
    await promise;
    Deno.chmodSync(path, 0o600);
  } finally {
    Deno.umask(umask);
  }
}

/** An app that first cleans up after instances that died, now and then. */
function lookingAfter(app: App, look: () => Promise<void>): Pick<App, "fetch"> {
  let last = Date.now();
  return {
    async fetch(request, env) {
      if (Date.now() - last > lookEvery) {
        last = Date.now();
        await look();
      }
      return await app.fetch(request, env);
    },
  };
}

function ended(signal: AbortSignal | undefined): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  if (signal === undefined) {
    for (const name of ["SIGTERM", "SIGINT"] as const) Deno.addSignalListener(name, () => resolve());
  } else if (signal.aborted) resolve();
  else signal.addEventListener("abort", () => resolve(), { once: true });
  return promise;
}

function inUse(socket: string): DreyError {
  return new DreyError("CONFLICT", {
    message: `Cannot serve on "${socket}": another drey does`,
    hint: "Stop it, or choose another path with --socket",
  });
}
