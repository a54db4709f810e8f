// The typed client of the API: one call per declared route, typed by its declaration.

import type { AsyncResponse, SyncResponse } from "../wire/envelope.ts";
import {
  type BodyOf,
  type Method,
  type ParamsOf,
  type ResultOf,
  type Route,
  type RouteName,
  routes,
  type RoutesOfKind,
} from "../wire/routes.ts";
import type { Socket } from "../wire/socket.ts";
import { readAnswer, throwIfError } from "./answers.ts";
import { type RunningOperation, runningOperation } from "./operations.ts";
import { origin, type Transport } from "./transport.ts";

/** Query parameters; one that is `undefined` is left out. */
export type Query = Record<string, string | number | boolean | undefined>;

export type CallOptions<N extends RouteName> =
  & ([ParamsOf<N>] extends [never] ? { params?: undefined } : { params: Record<ParamsOf<N>, string> })
  & (BodyOf<N> extends undefined ? { body?: undefined } : { body: BodyOf<N> })
  & {
    query?: Query;
    /** the state the change is meant for, from {@link Client.read}; otherwise the server answers 412 */
    etag?: string;
    /** a body that is not JSON, such as the files of an image */
    upload?: { body: BodyInit; headers: Record<string, string> };
    signal?: AbortSignal;
  };
/** Options may be left out where a route has neither parameters nor a body. */
type Options<N extends RouteName> = Record<never, never> extends CallOptions<N> ? [CallOptions<N>?]
  : [CallOptions<N>];

export interface Client extends AsyncDisposable {
  readonly transport: Transport;
  /** project of calls that do not name another */
  readonly project?: string;
  /** the metadata a sync route answers with */
  call<N extends RoutesOfKind<"sync">>(name: N, ...options: Options<N>): Promise<ResultOf<N>>;
  /** the same with the ETag, for a change that must not overwrite somebody else's */
  read<N extends RoutesOfKind<"sync">>(
    name: N,
    ...options: Options<N>
  ): Promise<{ value: ResultOf<N>; etag: string }>;
  /** starts the operation of an async route */
  start<N extends RoutesOfKind<"async">>(name: N, ...options: Options<N>): Promise<RunningOperation>;
  /** the bytes of a raw route */
  raw<N extends RoutesOfKind<"raw">>(name: N, ...options: Options<N>): Promise<Response>;
  /** a stream of messages at a path of the API */
  socket(path: string, signal?: AbortSignal): Promise<Socket>;
  /** any request at all, for `drey query`; the answer is not looked at */
  send(method: Method, path: string, body?: string): Promise<Response>;
}

export interface ClientOptions {
  /** project of every call that does not name another; the server's default project without it */
  project?: string;
}

/** The client of the API behind a transport. */
export function createClient(transport: Transport, { project }: ClientOptions = {}): Client {
  const fetchRoute = (name: RouteName, options: CallOptions<RouteName> | undefined): Promise<Response> => {
    const { method, path, query }: Route = routes[name];
    const isWide = options?.query?.["all-projects"] === true;
    const isProjectAware = project !== undefined && !isWide && query.includes("project");
    const asked = isProjectAware ? { project, ...options?.query } : options?.query;
    return transport.fetch(
      new Request(origin + fillPath(path, options?.params) + queryString(asked), {
        method,
        ...bodyOf(options),
        ...(options?.signal === undefined ? {} : { signal: options.signal }),
      }),
    );
  };
  const readRoute = async (name: RouteName, options: unknown) => {
    const response = await fetchRoute(name, options as CallOptions<RouteName> | undefined);
    const answer = await readAnswer<never>(response) as SyncResponse<never>;
    return { value: answer.metadata, etag: response.headers.get("etag") ?? "" };
  };
  const client: Client = {
    transport,
    ...(project === undefined ? {} : { project }),
    call: async (name, ...[options]) => (await readRoute(name, options)).value,
    read: (name, ...[options]) => readRoute(name, options),
    async start(name, ...[options]) {
      const answer = await readAnswer(await fetchRoute(name, options as CallOptions<RouteName>));
      return runningOperation(client, (answer as AsyncResponse).metadata);
    },
    async raw(name, ...[options]) {
      const response = await fetchRoute(name, options as CallOptions<RouteName>);
      if (response.status >= 400) await throwIfError(response);
      return response;
    },
    socket: (path, signal) => transport.socket(path, signal),
    send(method, path, body) {
      const headers = body === undefined ? undefined : { "content-type": "application/json" };
      return transport.fetch(new Request(origin + path, { method, body, headers }));
    },
    [Symbol.asyncDispose]: () => transport[Symbol.asyncDispose](),
  };
  return client;
}

/** A route's path with its parameters in place, each escaped. */
export function fillPath(path: string, params: Record<string, string> = {}): string {
  return path.replace(/\{(\w+)\}/g, (_, name: string) => {
    const value = params[name];
    if (value === undefined || value === "") throw new Error(`The path ${path} lacks its {${name}}`);
    return encodeURIComponent(value);
  });
}

function queryString(query: Query = {}): string {
  const pairs = Object.entries(query).filter(([, value]) => value !== undefined);
  if (pairs.length === 0) return "";
  return `?${new URLSearchParams(pairs.map(([key, value]) => [key, String(value)]))}`;
}

function bodyOf(options: CallOptions<RouteName> | undefined): RequestInit {
  const headers: Record<string, string> = {};
  if (options?.etag) headers["if-match"] = options.etag;
  if (options?.upload) {
    return { body: options.upload.body, headers: { ...headers, ...options.upload.headers } };
  }
  if (options?.body === undefined) return { headers };
  return { body: JSON.stringify(options.body), headers: { ...headers, "content-type": "application/json" } };
}
