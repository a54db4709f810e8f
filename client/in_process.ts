// The default door: the API lives in this very process, so a request is a function call. The house is
// imported dynamically, so that a program that only talks to servers never loads it.

import type { App, Asked, Env } from "../api/app.ts";
import { DreyError } from "../errors.ts";
import { matchPath } from "../wire/paths.ts";
import { findRoute } from "../wire/find_route.ts";
import type { RoutesOfKind } from "../wire/routes.ts";
import type { Socket } from "../wire/socket.ts";
import { openEnvelope } from "./answers.ts";
import { requestOf, type RouteAnswer, type RouteCall, type Transport } from "./transport.ts";

/** The API in this process, with the state directory of the caller. It opens with the first request. */
export function openInProcess(): Transport {
  let opened: Promise<House> | undefined;
  const house = (first?: RouteCall) => opened ??= openHouse(first);
  const caller = {
    uid: Deno.uid() ?? 0,
    protocol: "in-process",
    username: Deno.env.get("USER") ?? "",
  } as const;
  const open = async (call: RouteCall) => {
    const { app, pair } = await house(call);
    const [ours, theirs] = pair();
    const accepted = Promise.withResolvers<void>();
    const accept = () => {
      accepted.resolve();
      return Promise.resolve(theirs);
    };
    const answered = answerTo(app, call, { caller, accept });
    // a handler may answer at once or when the stream ends: what counts is whether it accepted first
    const refused = answered.then(({ status, text }) => {
      if (status >= 400) openEnvelope(status, text);
    });
    await Promise.race([accepted.promise, refused]);
    refused.catch(() => ours.close());
    const { signal } = call;
    if (signal !== undefined) {
      const abort = () => ours.close();
      signal.addEventListener("abort", abort);
      void ours.closed.then(() => signal.removeEventListener("abort", abort));
      if (signal.aborted) abort();
    }
    return ours;
  };
  const accept = () => Promise.reject(new Error("This request is not a stream"));
  return {
    kind: "in-process",
    fetch: async (request) => await (await house()).app.fetch(request, { caller, accept }),
    call: async (call) => await answerTo((await house(call)).app, call, { caller, accept }),
    async socket(address, signal) {
      return await open({ ...await streamAt(address), ...(signal === undefined ? {} : { signal }) });
    },
    upgrade: open,
    async [Symbol.asyncDispose]() {
      const { app } = await opened?.catch(notOpened) ?? {};
      await app?.[Symbol.asyncDispose]();
    },
  };
}

interface House {
  app: App & AsyncDisposable;
  pair: () => [Socket, Socket];
}

async function openHouse(first: RouteCall | undefined): Promise<House> {
  const { openApp, socketPair } = await import("../api/in_process.ts");
  return { app: await openApp(first), pair: socketPair };
}

/** Whoever asked has been told why; there is nothing to close. */
const notOpened = () => undefined;

/** What is asked and answered goes through JSON here too: neither side holds what is the other's. */
async function answerTo(app: App, call: RouteCall, env: Env): Promise<RouteAnswer> {
  const { name, params, path, query, etag, body = "", upload, signal } = call;
  const asked: Asked = {
    name,
    params,
    path,
    query: { get: (name) => query[name] ?? null },
    ifMatch: etag ?? null,
    text: () => Promise.resolve(body),
    ...upload && {
      files: upload.files,
      headers: { get: (name: string) => upload.headers[name.toLowerCase()] ?? null },
    },
    signal,
    get request() {
      return requestOf(call);
    },
  };
  const answer = await app.answer(asked, env);
  // asked this way and not for its class, whose first mention loads Deno's web stack
  if ("text" in answer) {
    return { status: answer.status, etag: answer.headers.get("etag") ?? "", text: await answer.text() };
  }
  const { status, headers, body: given } = answer;
  return { status, etag: headers.etag ?? "", text: given === undefined ? "" : JSON.stringify(given) };
}

/** Every route that is a stream, those that come soonest first. */
const streams = Object.keys(
  { "operation.socket": true, "events.listen": true } satisfies Record<RoutesOfKind<"socket">, true>,
) as RoutesOfKind<"socket">[];

/** The stream at an address such as `/1.0/events?type=lifecycle`. */
async function streamAt(address: string): Promise<RouteCall> {
  const [path = "", search = ""] = address.split("?");
  for (const name of streams) {
    const { method, path: declared } = await findRoute(name);
    const escaped = matchPath(declared, path);
    if (escaped === undefined) continue;
    const params = Object.fromEntries(
      Object.entries(escaped).map(([key, word]) => [key, decodeURIComponent(word)]),
    );
    return { name, method, params, path, query: queryOf(search) };
  }
  throw new DreyError("NOT_FOUND", { message: `There is no stream at ${path}` });
}

/** By hand, since the first use of Deno's own parser takes 1.5 ms. */
function queryOf(search: string): Record<string, string> {
  const decode = (text = "") => decodeURIComponent(text.replaceAll("+", " "));
  const pairs = search.split("&").filter((pair) => pair !== "").map((pair) => pair.split("="));
  return Object.fromEntries(pairs.map(([key, ...rest]) => [decode(key), decode(rest.join("="))]));
}
