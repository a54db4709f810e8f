// The typed client of the API: one call per declared route, typed by its declaration.

import type { AsyncResponse, SyncResponse } from "../wire/envelope.ts";
import {
  type BodyOf,
  type Method,
  type ParamsOf,
  type ResultFor,
  type RouteName,
  type RoutesOfKind,
} from "../wire/routes.ts";
import { findRoute } from "../wire/find_route.ts";
import type { Socket } from "../wire/socket.ts";
import type { UploadFile } from "../wire/upload.ts";
import { fillPath } from "../wire/paths.ts";
import { openEnvelope, throwIfError } from "./answers.ts";
import { type RunningOperation, runningOperation } from "./operations.ts";
import { origin, requestOf, type RouteAnswer, type RouteCall, type Transport } from "./transport.ts";

/** Query parameters; one that is `undefined` is left out. */
export type Query = Record<string, string | number | boolean | undefined>;

/** A body that is not JSON. */
export interface Upload {
  /** what is sent; files go as multipart/form-data, or one alone as it is */
  body: BodyInit | readonly UploadFile[];
  /** of the request, such as `x-lxd-mode` of a file */
  headers: Record<string, string>;
}

/** What a call of a route takes: the parameters of its path, its body as declared, and what any request may have. */
export type CallOptions<N extends RouteName, Q extends Query = Query> =
  & ([ParamsOf<N>] extends [never] ? { params?: undefined } : { params: Record<ParamsOf<N>, string> })
  & (BodyOf<N> extends undefined ? { body?: undefined }
    : { body: BodyOf<N> } | { body?: undefined; upload: Upload })
  & {
    query?: Q;
    /** the state the change is meant for, from {@link Client.read}; otherwise the server answers 412 */
    etag?: string;
    /** a body that is not JSON, such as the files of an image */
    upload?: Upload;
    signal?: AbortSignal;
  };
/** The options of a call, which may be left out where a route has neither parameters nor a body. */
export type CallArguments<N extends RouteName, Q extends Query = Query> = Record<never, never> extends
  CallOptions<N, Q> ? [CallOptions<N, Q>?]
  : [CallOptions<N, Q>];

/**
 * The API as functions over its routes. Each rejects with a {@link DreyError} that has the server's code and message.
 */
export interface Client extends AsyncDisposable {
  /** the way to the server, or to the API in this process */
  readonly transport: Transport;
  /** project of calls that do not name another */
  readonly project?: string;
  /** the metadata a sync route answers with */
  call<N extends RoutesOfKind<"sync">, const Q extends Query = Record<never, never>>(
    name: N,
    ...options: CallArguments<N, Q>
  ): Promise<ResultFor<N, Q>>;
  /** the same with the ETag, for a change that must not overwrite somebody else's */
  read<N extends RoutesOfKind<"sync">, const Q extends Query = Record<never, never>>(
    name: N,
    ...options: CallArguments<N, Q>
  ): Promise<{ value: ResultFor<N, Q>; etag: string }>;
  /** starts the operation of an async route */
  start<N extends RoutesOfKind<"async">>(name: N, ...options: CallArguments<N>): Promise<RunningOperation>;
  /** the bytes of a raw route */
  raw<N extends RoutesOfKind<"raw">>(name: N, ...options: CallArguments<N>): Promise<Response>;
  /** a stream of messages at a path of the API */
  socket(path: string, signal?: AbortSignal): Promise<Socket>;
  /** the stream of bytes of a route that speaks another protocol */
  upgrade<N extends RoutesOfKind<"sftp">>(name: N, options: CallOptions<N>): Promise<Socket>;
  /** any request at all, for `drey query`; the answer is not looked at */
  send(method: Method, path: string, body?: string): Promise<Response>;
}

/** Defaults of the calls of a client. */
export interface ClientOptions {
  /** project of every call that does not name another; the server's default project without it */
  project?: string;
}

/** The client of the API behind a transport. */
export function createClient(transport: Transport, { project }: ClientOptions = {}): Client {
  const compose = async (
    name: RouteName,
    options: CallOptions<RouteName> | undefined,
  ): Promise<RouteCall> => {
    const { method, path, query } = await findRoute(name);
    const isWide = options?.query?.["all-projects"] === true;
    const isProjectAware = project !== undefined && !isWide && query.includes("project");
    const asked = isProjectAware ? { project, ...options?.query } : options?.query;
    return {
      name,
      method,
      params: options?.params ?? {},
      path: fillPath(path, options?.params),
      query: textsOf(asked),
      ...(options?.etag ? { etag: options.etag } : {}),
      ...(options?.body === undefined ? {} : { body: JSON.stringify(options.body) }),
      ...(options?.signal === undefined ? {} : { signal: options.signal }),
    };
  };
  const fetchRoute = async (call: RouteCall, upload?: Upload) =>
    transport.fetch(requestOf(call, upload && await sendable(upload)));
  const ask = async (name: RouteName, options: CallOptions<RouteName> | undefined): Promise<RouteAnswer> => {
    const call = await compose(name, options);
    const { upload } = options ?? {};
    if (transport.call !== undefined && upload === undefined) return await transport.call(call);
    if (transport.call !== undefined && upload !== undefined && areFiles(upload.body)) {
      return await transport.call({ ...call, upload: { files: upload.body, headers: upload.headers } });
    }
    const response = await fetchRoute(call, upload);
    const { status, headers } = response;
    const { boundedText } = await import("../sys/bounded_text.ts");
    return { status, etag: headers.get("etag") ?? "", text: await boundedText(response) };
  };
  const readRoute = async (name: RouteName, options: unknown) => {
    const { status, etag, text } = await ask(name, options as CallOptions<RouteName> | undefined);
    const { metadata } = openEnvelope<never>(status, text) as SyncResponse<never>;
    return { value: metadata, etag };
  };
  const client: Client = {
    transport,
    ...(project === undefined ? {} : { project }),
    call: async (name, ...[options]) => (await readRoute(name, options)).value,
    read: (name, ...[options]) => readRoute(name, options),
    async start(name, ...[options]) {
      const { status, text } = await ask(name, options as CallOptions<RouteName>);
      return runningOperation(client, (openEnvelope(status, text) as AsyncResponse).metadata);
    },
    async raw(name, ...[options]) {
      const { upload, ...rest } = (options ?? {}) as CallOptions<RouteName>;
      const response = await fetchRoute(await compose(name, rest), upload);
      if (response.status >= 400) await throwIfError(response);
      return response;
    },
    async socket(path, signal) {
      signal?.throwIfAborted();
      return await transport.socket(path, signal);
    },
    async upgrade(name, options) {
      return await transport.upgrade(await compose(name, options as CallOptions<RouteName>));
    },
    send(method, path, body) {
      const headers = body === undefined ? undefined : { "content-type": "application/json" };
      return transport.fetch(new Request(origin + path, { method, body, headers }));
    },
    [Symbol.asyncDispose]: () => transport[Symbol.asyncDispose](),
  };
  return client;
}

const areFiles = (body: Upload["body"]): body is readonly UploadFile[] => Array.isArray(body);

/** An upload whose files are read while it is sent. */
async function sendable({ body, headers }: Upload): Promise<{ body: BodyInit; headers: Upload["headers"] }> {
  if (!areFiles(body)) return { body, headers };
  const { streamOf } = await import("../sys/file_bytes.ts");
  const [only] = body;
  if (only !== undefined && body.length === 1) {
    return { body: streamOf(only.path), headers: { ...headers, "content-type": "application/octet-stream" } };
  }
  const { multipartBody } = await import("../sys/multipart.ts");
  const { body: whole, contentType } = multipartBody(body.map(({ part, filename, path }) => ({
    name: part,
    filename,
    open: () => streamOf(path),
  })));
  return { body: whole, headers: { ...headers, "content-type": contentType } };
}

function textsOf(query: Query = {}): Record<string, string> {
  const given = Object.entries(query).filter(([, value]) => value !== undefined);
  return Object.fromEntries(given.map(([key, value]) => [key, String(value)]));
}
