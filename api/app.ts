// The API: the table of routes and their handlers become one app. Nothing here knows how a request arrived.

import { Hono } from "hono/tiny";
import { DreyError } from "../errors.ts";
import type { Context, Requestor } from "../domain/context.ts";
import { emitLogging } from "../domain/events.ts";
import { type Route, type RouteName, routes } from "../wire/routes.ts";
import { readBody } from "./body.ts";
import { type Call, type Caller, Created, type Env, type Handler, type Stream } from "./call.ts";
import { async, failure, refusal, sync } from "./envelope.ts";
import { type HandlerSources, handlerSources } from "./handlers.ts";
import { etagOf, mustMatch, shownBy } from "./middleware/etag.ts";
import { answerOlderPath } from "./middleware/older_paths.ts";
import { mayCall } from "./middleware/permission.ts";
import { projectOf } from "./middleware/project.ts";

export type { Caller, Env } from "./call.ts";

export interface App {
  fetch(request: Request, env: Env): Promise<Response>;
}

/** One request on its way through the app. */
interface Arrived {
  context: Context;
  sources: HandlerSources;
  name: RouteName;
  request: Request;
  env: Env;
  params: Record<string, string>;
}

/**
 * Builds the app over a context.
 *
 * @throws {Error} if a route lacks its handler, or a handler its route
 */
export function createApp(context: Context, sources: HandlerSources = handlerSources): App {
  mustPair(Object.keys(routes), Object.keys(sources));
  const hono = new Hono<{ Bindings: Env }>();
  hono.onError((error) => answerError(context, error));
  hono.notFound(({ req }) => isKnown(req.path) ? refusal(501, "not implemented") : refusal(404, "not found"));
  const ordered = [...Object.entries(routes)].sort(([, a], [, b]) => compare(a.path, b.path));
  for (const [name, route] of ordered) {
    const path = route.path.replace(/\{(\w+)\}/g, ":$1");
    hono.on(route.method, path, ({ req, env }) => {
      const params = req.param() as Record<string, string>;
      return answer({ context, sources, name: name as RouteName, request: req.raw, env, params });
    });
  }
  const fetch = async (request: Request, env: Env) => await hono.fetch(request, env);
  return {
    fetch: (request, env) =>
      answerOlderPath(request, (renamed) => fetch(renamed, env)) ?? fetch(request, env),
  };
}

function mustPair(names: string[], handled: string[]): void {
  const lost = names.filter((name) => !handled.includes(name));
  const extra = handled.filter((name) => !names.includes(name));
  if (lost.length > 0) throw new Error(`Routes without a handler: ${lost.join(", ")}`);
  if (extra.length > 0) throw new Error(`Handlers without a route: ${extra.join(", ")}`);
}

/** Whether a path belongs to a route, with whatever method. */
function isKnown(path: string): boolean {
  const words = path.split("/");
  return Object.values(routes).some((route) => {
    const wanted = route.path.split("/");
    return wanted.length === words.length &&
      wanted.every((word, at) => word.startsWith("{") ? words[at] !== "" : word === words[at]);
  });
}

/** Fixed words before parameters: `/1.0/images/aliases` must not be taken for a fingerprint. */
function compare(a: string, b: string): number {
  return a.replaceAll("{", "\u{ffff}") < b.replaceAll("{", "\u{ffff}") ? -1 : 1;
}

async function answer(arrived: Arrived): Promise<Response> {
  const { name, request, env } = arrived;
  const route: Route = routes[name];
  mayCall(env.caller, route.access);
  const call = await callOf(arrived, route);
  const handler = await handlerOf(arrived, name);
  const wanted = request.headers.get("if-match");
  const shown = shownBy[name];
  if (wanted === null || shown === undefined) return await answered(route, name, await handler(call), env);
  // nobody else who insists on an ETag may come between the look and the change
  await using _alone = await arrived.context.store.lock(["etag", new URL(request.url).pathname]);
  const current = await (await handlerOf(arrived, shown))({ ...call, recursion: 0 });
  mustMatch(wanted, await etagOf(shown, current));
  return await answered(route, name, await handler(call), env);
}

/** What handlers take and give differs per route; {@link Handlers} has checked that each fits its own. */
type AnyHandler = (call: Call) => Promise<unknown>;

async function handlerOf({ sources }: Arrived, name: RouteName): Promise<AnyHandler> {
  const { handlers } = await sources[name]();
  return (handlers as Record<string, Handler<RouteName>>)[name] as AnyHandler;
}

async function callOf(arrived: Arrived, route: Route): Promise<Call> {
  const { context, request, env, params } = arrived;
  const query = new URL(request.url).searchParams;
  const body = route.body === undefined ? undefined : await readBody(request, route.body);
  return {
    context: { ...context, requestor: requestorOf(env.caller) },
    caller: env.caller,
    request,
    params,
    body,
    project: route.query.includes("project") ? await projectOf(context, query, route) : "default",
    recursion: recursionOf(query),
    query(name: string) {
      if (!route.query.includes(name)) throw new Error(`${route.path} does not declare ?${name}=`);
      return query.get(name) ?? undefined;
    },
  } as Call;
}

/** Callers on this machine have no address; LXD shows what Go makes of that. */
function requestorOf({ username, protocol }: Caller): Requestor {
  return { username, protocol, address: "@" };
}

/** As in LXD, what is no number counts as 0. */
function recursionOf(query: URLSearchParams): number {
  const recursion = Number(query.get("recursion") ?? 0);
  return Number.isInteger(recursion) && recursion > 0 ? recursion : 0;
}

async function answered(route: Route, name: RouteName, given: unknown, env: Env): Promise<Response> {
  switch (route.kind) {
    case "async":
      return async(given as Parameters<typeof async>[0]);
    case "raw":
      return given as Response;
    case "socket":
      return await stream(given as Stream, env);
    case "sync": {
      if (given instanceof Created) return sync(null, { location: given.location });
      return sync(given, { etag: await etagOf(name, given) });
    }
  }
}

/** The answer is for those who watch the request; over the stream itself goes what the handler says. */
async function stream({ serve, abandon }: Stream, env: Env): Promise<Response> {
  try {
    const socket = await env.accept(new Request("http://drey"));
    serve(socket).catch(() => socket.close());
  } catch (error) {
    abandon?.();
    throw error;
  }
  return new Response(null, { status: 204 });
}

async function answerError(context: Context, error: unknown): Promise<Response> {
  if (!(error instanceof DreyError)) {
    const stack = error instanceof Error ? error.stack ?? "" : "";
    await emitLogging(context, { level: "error", message: String(error), context: { stack } });
  }
  return failure(error);
}
