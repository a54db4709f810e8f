// `drey serve`: the API for other programs, on a unix socket and, where the settings say so, over HTTPS. It owns no
// instance: those that run go on when it ends.

import { join, resolve } from "@std/path";
import { readKey } from "../config/key.ts";
import { shutdownTimeout } from "../config/server_keys.ts";
import type { Context } from "../domain/context.ts";
import { openContext } from "../domain/open.ts";
import { finishOperations, hasOperations } from "../domain/operations.ts";
import { reconcile } from "../domain/reconcile.ts";
import { configKey, followServerConfig, readServerConfig } from "../domain/server_config.ts";
import { describeError, DreyError } from "../errors.ts";
import { createApp } from "./app.ts";
import { unixDoor } from "./doors.ts";
import { type Answering, createListener } from "./listener.ts";
import { type Listeners, openListeners } from "./listeners.ts";
import { readArguments } from "./serve_arguments.ts";
import { type Log, logLostErrors, openLog } from "./serve_log.ts";
import { becomeSparing } from "../domain/server_program.ts";
import { whenIdle } from "./serve_idle.ts";
import { inheritedSocket, mustBeGroup, takeSocket } from "./unix_server.ts";

export interface ServeOptions {
  /** path of the socket; without it, `unix.socket` in the state directory */
  socket?: string;
  /** a group whose members may do what the user may */
  group?: string;
  /** `seconds` without anything to do after which the server ends, if it can be started again by who needs it */
  idle?: number;
  /** ends the server; without it, SIGTERM and SIGINT do */
  signal?: AbortSignal;
  /** told where it listens, once it does */
  onReady?: (socket: string) => void;
  log?: Log;
}

/** `milliseconds` streams have to end after the server was told to, and whatever else is left then */
const grace = 3_000;
/** `milliseconds` between looks for instances that ended with nobody to look after them */
const lookEvery = 1_000;

/** `milliseconds` until images are first looked after, and between looks; what is due then is decided there */
const choresAfter = 20_000;
const choresEvery = 600_000;

const minute = 60_000;

/** `drey serve` as typed; the exit status. */
export async function serve(argv: readonly string[]): Promise<number> {
  try {
    const { units, isVerbose, ...options } = readArguments(argv);
    if (units !== undefined) {
      const { installUnits, uninstallUnits } = await import("./serve_units.ts");
      console.log(units === "install" ? await installUnits(options) : await uninstallUnits());
      return 0;
    }
    becomeSparing(argv);
    const log = openLog({ isVerbose });
    logLostErrors(log);
    await runServer({ ...options, log });
    return 0;
  } catch (error) {
    // thrown, it would be one more lost error, and the server stay, half begun
    const isFault = error instanceof Error && !(error instanceof DreyError);
    console.error(`Error: ${isFault ? error.stack : describeError(error)}`);
    return 1;
  }
}

/**
 * Serves the API until it is told to end.
 *
 * @throws {DreyError} `CONFLICT` if another server listens there
 */
export async function runServer(options: ServeOptions = {}): Promise<void> {
  const { log = () => {}, idle = 60 } = options;
  await using stack = new AsyncDisposableStack();
  const context: Context = { ...stack.use(await openContext()) };
  const path = resolve(options.socket ?? join(context.paths.state, "unix.socket"));
  const socket = stack.use(inheritedSocket() ?? await takeSocket(context.store, path, options.group));
  await reconcile(context);
  const app = logged(lookingAfter(createApp(context), () => lookAfterInstances(context, log)), log);
  const listeners = stack.use(openListeners(context, app, log));
  context.applyConfig = (config) => listeners.follow(config);
  const gid = options.group === undefined ? undefined : mustBeGroup(options.group);
  const listener = createListener(app, unixDoor({ uid: context.user.uid, gid }));
  await socket.listen(listener);
  const stop = new AbortController();
  const unfollowed = (what: string) => (error: unknown) =>
    log("error", `Cannot follow the ${what}`, { error: describeError(error) });
  followSettings(context, listeners, { log, signal: stop.signal }).catch(unfollowed("settings"));
  followTrust(context, listeners, stop.signal).catch(unfollowed("trust store"));
  stack.use(chores(context, log));
  void startInstances(context, { log, signal: stop.signal });
  log("info", "Listening", { socket: socket.name, pid: Deno.pid });
  options.onReady?.(socket.name);
  const canEnd = async () => {
    if (listeners.areOpen || hasOperations(context)) return false;
    const { firstWithTimetable } = await import("../domain/timetables.ts");
    const waiting = await firstWithTimetable(context);
    if (waiting !== undefined) log("debug", "Staying", { why: `snapshots.schedule of ${waiting}` });
    return waiting === undefined;
  };
  const idleEnd = socket.isInherited ? whenIdle(listener, canEnd, idle * 1000) : undefined;
  const why = await ended(options.signal, { idle: idleEnd, hangUp: () => reload(context, listeners, log) });
  log("info", "Ending", { why });
  stop.abort();
  listener.close();
  await finishTasks(context);
  await finishOperations(context, grace);
  listener.closeAllConnections();
}

/** Starts what is to start with the host, beside everything else. */
async function startInstances(
  context: Context,
  { log, signal }: { log: Log; signal: AbortSignal },
): Promise<void> {
  try {
    const { autostart } = await import("../domain/autostart.ts");
    await autostart(context, signal);
  } catch (error) {
    if (!signal.aborted) log("error", "Cannot start instances", { error: describeError(error) });
  }
}

/** What it cannot do now is no reason to refuse the request that comes next. */
async function lookAfterInstances(context: Context, log: Log): Promise<void> {
  try {
    await reconcile(context);
  } catch (error) {
    log("error", "Cannot look after instances", { error: describeError(error) });
  }
}

/** What is to be done now and then while a server runs. */
function chores(context: Context, log: Log): Disposable {
  const work = async () => {
    try {
      const { keepImages } = await import("../domain/images/upkeep.ts");
      await keepImages(context);
    } catch (error) {
      log("error", "Cannot look after the images", { error: describeError(error) });
    }
  };
  // schedules are by the minute
  const due = setInterval(() => lookAfterInstances(context, log), minute);
  // not at once: whoever starts a server wants something else first
  const first = setTimeout(work, choresAfter);
  const timer = setInterval(work, choresEvery);
  return {
    [Symbol.dispose]() {
      clearTimeout(first);
      clearInterval(timer);
      clearInterval(due);
    },
  };
}

/** Background work is given the time the settings say; a second signal ends the wait. */
async function finishTasks(context: Context): Promise<void> {
  if (!hasOperations(context)) return;
  const minutes = readKey(await readServerConfig(context), shutdownTimeout) ?? 5;
  const { promise: again, resolve } = Promise.withResolvers<void>();
  const hurry = () => resolve();
  for (const name of ["SIGTERM", "SIGINT"] as const) Deno.addSignalListener(name, hurry);
  await Promise.race([again, finishOperations(context, minutes * 60_000, "task")]);
  for (const name of ["SIGTERM", "SIGINT"] as const) Deno.removeSignalListener(name, hurry);
}

/** Listens as the settings say, now and whenever another process changes them. */
async function followSettings(
  context: Context,
  listeners: Listeners,
  { log, signal }: { log: Log; signal: AbortSignal },
): Promise<void> {
  const apply = async () => {
    try {
      await followServerConfig(context, (config) => listeners.follow(config));
    } catch (error) {
      log("error", "Cannot follow the settings", { error: describeError(error) });
    }
  };
  const changes = context.store.watch(configKey, signal);
  await apply();
  for await (const _ of changes) await apply();
}

/**
 * Whoever loses trust, or part of it, loses the connections as well, a moment later: it may be they themselves who asked
 * for it. Whoever is trusted for the first time has nothing to lose, and may be at work by then.
 */
async function followTrust(context: Context, listeners: Listeners, signal: AbortSignal): Promise<void> {
  const changes = context.store.watch(trustKey, signal);
  const known = new Set((await context.store.list(trustKey)).map(({ key: [, fingerprint] }) => fingerprint));
  for await (const { key: [, fingerprint = ""], ...change } of changes) {
    if (known.has(fingerprint)) setTimeout(() => listeners.drop(fingerprint), 500);
    if ("deleted" in change) known.delete(fingerprint);
    else known.add(fingerprint);
  }
}

const trustKey = ["certificates"];

async function reload(context: Context, listeners: Listeners, log: Log): Promise<void> {
  try {
    await followServerConfig(context, (config) => listeners.reload(config));
  } catch (error) {
    log("error", "Cannot reload", { error: describeError(error) });
  }
}

/** An app that first cleans up after instances that died, now and then. */
function lookingAfter(app: Answering, look: () => Promise<void>): Answering {
  let last = Date.now();
  return {
    ...app,
    async fetch(request, env) {
      if (Date.now() - last > lookEvery) {
        last = Date.now();
        await look();
      }
      return await app.fetch(request, env);
    },
  };
}

/** An app whose requests are logged. */
function logged(app: Answering, log: Log): Answering {
  return {
    async report(fault) {
      log("error", "An answer broke off", { error: describeError(fault) });
      await app.report(fault);
    },
    async fetch(request, env) {
      const start = performance.now();
      const response = await app.fetch(request, env);
      const { pathname } = new URL(request.url);
      const failed = response.status >= 500 && response.status !== 501;
      log(failed ? "error" : "debug", "Request", {
        method: request.method,
        path: pathname,
        status: response.status,
        ms: Math.round(performance.now() - start),
        door: env.caller.protocol,
        caller: env.caller.certificate?.fingerprint.slice(0, 12) ?? env.caller.username,
        address: env.caller.address,
        ...(failed && { error: await errorIn(response.clone()) }),
      });
      return response;
    },
  };
}

/** What an answer says went wrong: in a log, a status alone helps nobody. */
async function errorIn(response: Response): Promise<string> {
  const text = await response.text();
  try {
    return String(JSON.parse(text).error);
  } catch {
    return text.slice(0, 300);
  }
}

interface Ends {
  idle?: Promise<void>;
  hangUp?: () => Promise<void>;
}

/** Why the server should end, once it should. */
async function ended(signal: AbortSignal | undefined, { idle, hangUp }: Ends): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>();
  void idle?.then(() => resolve("idle"));
  if (signal !== undefined) {
    if (signal.aborted) resolve("asked");
    signal.addEventListener("abort", () => resolve("asked"), { once: true });
    return await promise;
  }
  const ends = (["SIGTERM", "SIGINT"] as const).map((name) => [name, () => resolve(name)] as const);
  const handlers = hangUp === undefined ? ends : [...ends, ["SIGHUP", () => void hangUp()] as const];
  for (const [name, act] of handlers) Deno.addSignalListener(name, act);
  const why = await promise;
  for (const [name, act] of handlers) Deno.removeSignalListener(name, act);
  return why;
}
