// What a handler is given and what it may answer, typed by the route it serves.

import type { Context, Ref } from "../domain/context.ts";
import type { CertificateType } from "../wire/certificate.ts";
import type { Operation } from "../wire/operation.ts";
import type { BodyOf, ParamsOf, ResultOf, RouteName, Routes } from "../wire/routes.ts";
import type { Socket, StreamProtocol } from "../wire/socket.ts";
import type { UploadFile } from "../wire/upload.ts";

export interface Caller {
  uid: number;
  protocol: "in-process" | "unix" | "tls";
  username: string;
  /** `host:port` of a caller on another machine */
  address?: string;
  /** the certificate that came with the connection; its key was proven, its meaning is not known yet */
  certificate?: { der: Uint8Array; fingerprint: string };
  /** what the trust store says of it */
  trust?: { type: CertificateType; projects?: readonly string[] };
}

/** What the door a request came through adds to it. */
export interface Env {
  caller: Caller;
  /** opens the stream the request asks for; called at most once */
  accept(protocol: StreamProtocol): Promise<Socket>;
}

/** Query parameters by name. */
export type Query = Pick<URLSearchParams, "get">;

/** A request as every door hands it over: the declared route it is for, and the rest as it came. */
export interface Asked {
  name: RouteName;
  /** decoded path parameters */
  params: Record<string, string>;
  /** without the query */
  path: string;
  query: Query;
  /** the header If-Match */
  ifMatch?: string | null;
  /** the header Content-Type, from doors that have headers */
  contentType?: string | null;
  /** the body, for routes that declare one */
  text(): Promise<string>;
  /** files of the caller's own that are to be taken in the place of a body, where it is the same user on the same host */
  files?: readonly UploadFile[];
  /** headers that came with such files */
  headers?: Pick<Headers, "get">;
  /** aborted when nobody waits for the answer any more */
  readonly signal?: AbortSignal;
  /** the request with its headers and bytes; doors that have none make it when a handler looks */
  readonly request: Request;
}

export interface Call<N extends RouteName = RouteName> {
  context: Context;
  caller: Caller;
  /** for what is not JSON; without need of it, `signal` and `query()` cost less */
  readonly request: Request;
  readonly headers: Pick<Headers, "get">;
  readonly files: readonly UploadFile[] | undefined;
  readonly signal: AbortSignal | undefined;
  /** decoded path parameters */
  params: { readonly [P in ParamsOf<N>]: string };
  /** checked against the route's declaration */
  body: BodyOf<N>;
  /** an existing project */
  project: string;
  /** how much of each thing a list shows: 0 addresses, 1 things, 2 things with what belongs to them */
  recursion: number;
  /** one of the query parameters the route declares */
  query(name: Routes[N]["query"][number]): string | undefined;
}

/** What a route ending in `/{name}` is about, in the request's project. */
export const refOf = ({ project, params }: { project: string; params: { readonly name: string } }): Ref => ({
  project,
  name: params.name,
});

/** A sync answer with status 201 and the address of what was made. */
export class Created {
  constructor(readonly location: string, readonly metadata: unknown = null) {}
}

/** An operation in answer to a request that usually has none. */
export class Background {
  constructor(readonly operation: Operation) {}
}

/** What a stream's handler answers: what to do with the socket once it is open. */
export interface Stream {
  serve(socket: Socket): Promise<void>;
  /** the socket could not be opened */
  abandon?(): unknown;
}

/** What a handler of JSON gives; where nothing is said but that it is done, nothing. */
type Given<Result> = null extends Result ? Result | void : Result;

interface Answers<N extends RouteName> {
  sync: Given<ResultOf<N>> | Created | Background;
  async: Operation;
  raw: Response;
  socket: Stream;
  sftp: Stream;
}

export type Answer<N extends RouteName> = Answers<N>[Routes[N]["kind"]];
export type Handler<N extends RouteName> = (call: Call<N>) => Promise<Answer<N>>;
export type Handlers<N extends RouteName = RouteName> = { [M in N]: Handler<M> };
