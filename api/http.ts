// HTTP around the app: which route a method and a path mean, older paths, what a request says and an answer becomes.

import { Hono } from "hono/tiny";
import { type Route, type RouteName, routes } from "../wire/routes.ts";
import type { App, Env } from "./app.ts";
import { readText } from "./body.ts";
import { failure, responseOf } from "./envelope.ts";
import { answerOlderPath } from "./middleware/older_paths.ts";

/**
 * How requests of HTTP are answered by an app.
 *
 * @param handled names of the routes that have a handler
 */
export function createHttp(answer: App["answer"], handled: readonly string[]): App["fetch"] {
  mustPair(Object.keys(routes), handled);
  const hono = new Hono<{ Bindings: Env }>();
  hono.onError((error) => responseOf(failure(error)));
  hono.notFound(async ({ req, env }) => {
    // loaded for those alone who ask for what is not there
    const { answerUnrouted } = await import("./handlers/absent.ts");
    const { answer, below } = answerUnrouted(req.method, req.path, env.caller);
    if (below === undefined) return responseOf(answer);
    const owner = await hono.fetch(new Request(new URL(below, req.url), { headers: req.raw.headers }), env);
    return owner.status < 400 ? responseOf(answer) : owner;
  });
  for (const [name, route] of inOrder()) {
    const path = route.path.replace(/\{(\w+)\}/g, ":$1");
    hono.on(route.method, path, async ({ req, env }) => {
      const request = req.raw;
      const { pathname, searchParams } = new URL(request.url);
      const given = await answer({
        name,
        params: req.param() as Record<string, string>,
        path: pathname,
        query: searchParams,
        ifMatch: request.headers.get("if-match"),
        contentType: request.headers.get("content-type"),
        text: () => readText(request),
        get signal() {
          return request.signal;
        },
        request,
      }, env);
      return given instanceof Response ? given : responseOf(given);
    });
  }
  const fetch: App["fetch"] = async (request, env) => await hono.fetch(request, env);
  return (request, env) => answerOlderPath(request, (renamed) => fetch(renamed, env)) ?? fetch(request, env);
}

function mustPair(names: readonly string[], handled: readonly string[]): void {
  const [declared, present] = [new Set(names), new Set(handled)];
  const lost = names.filter((name) => !present.has(name));
  const extra = handled.filter((name) => !declared.has(name));
  if (lost.length > 0) throw new Error(`Routes without a handler: ${lost.join(", ")}`);
  if (extra.length > 0) throw new Error(`Handlers without a route: ${extra.join(", ")}`);
}

/** Fixed words before parameters: `/1.0/images/aliases` must not be taken for a fingerprint. */
function inOrder(): [RouteName, Route][] {
  const rank = ([, { path }]: [string, Route]) => path.replaceAll("{", "\u{ffff}");
  const ranked = Object.entries(routes as Record<RouteName, Route>).map((entry) => ({
    entry,
    at: rank(entry),
  }));
  return ranked.sort((a, b) => a.at < b.at ? -1 : 1).map(({ entry }) => entry as [RouteName, Route]);
}
