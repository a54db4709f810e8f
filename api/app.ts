// The API: the table of routes and their handlers. A request comes as its route's name with plain values, and leaves as
// a plain answer; what HTTP adds to that is in http.ts. Nothing here knows how a request arrived.

import { DreyError, explained } from "../errors.ts";
import type { Context } from "../domain/context.ts";
import { findRoute } from "../wire/find_route.ts";
import type { Route, RouteName } from "../wire/routes.ts";
import type { StreamProtocol } from "../wire/socket.ts";
import { checkBody } from "./body.ts";
import {
  type Asked,
  Background,
  type Call,
  Created,
  type Env,
  type Handler,
  type Query,
  type Stream,
} from "./call.ts";
import { type Answer, async, failure, responseOf, sync } from "./envelope.ts";
import { logFault } from "./faults.ts";
import { type HandlerSources, handlerSources } from "./handlers.ts";
import { etagOf, mustMatch, shownBy } from "./middleware/etag.ts";
import { recognized, requestorOf } from "./middleware/caller.ts";
import { mayCall, mayReach, withinReach } from "./middleware/permission.ts";
import { projectOf } from "./middleware/project.ts";
import { refuseTarget } from "./middleware/target.ts";

export type { Asked, Caller, Env } from "./call.ts";

export interface App {
  /** answers a request that is known by its route; only raw routes answer with a response of HTTP */
  answer(asked: Asked, env: Env): Promise<Answer | Response>;
  /** the same for a request of HTTP */
  fetch(request: Request, env: Env): Promise<Response>;
  /** writes down what went wrong once an answer had begun, which could not tell of it any more */
  report(fault: unknown): Promise<void>;
}

/** One request on its way through the app. */
interface Arrived {
  context: Context;
  sources: HandlerSources;
  asked: Asked;
  env: Env;
}

/**
 * Builds the app over a context.
 */
export function createApp(context: Context, sources: HandlerSources = handlerSources): App {
  const answer: App["answer"] = (asked, env) =>
    answerRoute({ context, sources, asked, env }).catch((error) => answerError(context, error));
  let http: Promise<App["fetch"]> | undefined;
  return {
    answer,
    report: (fault) => logFault(context, explained(fault)),
    async fetch(request, { accept, caller }) {
      http ??= import("./http.ts").then(({ createHttp }) => createHttp(answer, Object.keys(sources)));
      const answerHttp = await http;
      try {
        return await answerHttp(request, { accept, caller: await recognized(context, caller) });
      } catch (error) {
        return responseOf(await answerError(context, error));
      }
    },
  };
}

async function answerRoute(arrived: Arrived): Promise<Answer | Response> {
  const { env, asked: { name, path, ifMatch } } = arrived;
  const route = await findRoute(name);
  mayCall(env.caller, route, arrived.asked);
  const call = await callOf(arrived, route);
  const handler = await handlerOf(arrived, name);
  const shown = ifMatch == null ? undefined : await shownBy(name);
  if (ifMatch == null || shown === undefined) return await answered(arrived, route, await handler(call));
  // nobody else who insists on an ETag may come between the look and the change
  await using _alone = await arrived.context.store.lock(["etag", path]);
  const current = await (await handlerOf(arrived, shown))(Object.create(call, { recursion: { value: 0 } }));
  mustMatch(ifMatch, await etagOf(shown, current));
  return await answered(arrived, route, await handler(call));
}

/** What handlers take and give differs per route; {@link Handlers} has checked that each fits its own. */
type AnyHandler = (call: Call) => Promise<unknown>;

async function handlerOf({ sources }: Arrived, name: RouteName): Promise<AnyHandler> {
  const { handlers } = await sources[name]();
  return (handlers as Record<string, Handler<RouteName>>)[name] as AnyHandler;
}

async function callOf({ context, asked, env }: Arrived, route: Route): Promise<Call> {
  const { name, query } = asked;
  if (route.query.includes("target")) refuseTarget(name, query);
  // a file in the place of JSON is for the handler
  const isFile = route.takesFile && /^application\/octet-stream\b/i.test(asked.contentType ?? "");
  const body = route.body === undefined || isFile ? undefined : checkBody(await asked.text(), route.body);
  mayReach(env.caller, body);
  const isInProject = route.query.includes("project");
  const askedProject = query.get("project") || "default";
  return {
    context: { ...context, requestor: requestorOf(env.caller), ...(isInProject && { askedProject }) },
    caller: env.caller,
    // for few of them: making one takes a while
    get request() {
      return asked.request;
    },
    get headers() {
      return asked.headers ?? asked.request.headers;
    },
    files: asked.files,
    get signal() {
      return asked.signal;
    },
    params: asked.params,
    body,
    project: isInProject ? await projectOf(context, query, { route, caller: env.caller }) : "default",
    recursion: recursionOf(query),
    query(name: string) {
      if (!route.query.includes(name)) throw new Error(`${route.path} does not declare ?${name}=`);
      return query.get(name) ?? undefined;
    },
  } as Call;
}

/** As in LXD, what is no number counts as 0. */
function recursionOf(query: Query): number {
  const recursion = Number(query.get("recursion") ?? 0);
  return Number.isInteger(recursion) && recursion > 0 ? recursion : 0;
}

async function answered(
  { context, env, asked: { name } }: Arrived,
  route: Route,
  given: unknown,
): Promise<Answer | Response> {
  const { accept } = env;
  switch (route.kind) {
    case "async":
      return async(given as Parameters<typeof async>[0]);
    case "raw":
      return given as Response;
    case "socket":
      return await stream(context, given as Stream, { accept, protocol: "websocket" });
    case "sftp":
      return await stream(context, given as Stream, { accept, protocol: "sftp" });
    case "sync": {
      if (given instanceof Background) return async(given.operation);
      if (given instanceof Created) return sync(given.metadata, { location: given.location });
      const value = given ?? null;
      const etag = await etagOf(name, value);
      return sync(withinReach(env.caller, value), { etag: etag === undefined ? undefined : `"${etag}"` });
    }
  }
}

/** The answer is for those who watch the request; over the stream itself goes what the handler says. */
async function stream(
  context: Context,
  { serve, abandon }: Stream,
  { accept, protocol }: { accept: Env["accept"]; protocol: StreamProtocol },
): Promise<Answer> {
  try {
    const socket = await accept(protocol);
    serve(socket).catch(async (error) => {
      socket.close();
      // a client that has gone is no failure
      if (!(error instanceof Deno.errors.BrokenPipe)) await answerError(context, error);
    }).catch(() => {}); // nor is one that cannot be logged since the server ends
  } catch (error) {
    await abandon?.();
    throw error;
  }
  return { status: 204, headers: {} };
}

async function answerError(context: Context, thrown: unknown): Promise<Answer> {
  const error = explained(thrown);
  if (!(error instanceof DreyError)) await logFault(context, error);
  return failure(error);
}
