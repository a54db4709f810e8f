// What a route is, and how one is declared.

import type { ProjectFeature } from "../project.ts";
import type { Schema } from "../schema.ts";

/** The methods of HTTP that routes have. */
export type Method = "GET" | "HEAD" | "POST" | "PUT" | "PATCH" | "DELETE";
/**
 * `sync` answers with metadata, `async` with an operation, `raw` with bytes, `socket` with a stream of messages,
 * `sftp` with a stream of bytes that speaks that protocol
 */
export type RouteKind = "sync" | "async" | "raw" | "socket" | "sftp";

/** One route: how it is reached, what it takes and what it answers with. */
export interface Route {
  method: Method;
  /** LXD's path with `{name}` for parameters */
  path: string;
  kind: RouteKind;
  tag: string;
  summary: string;
  /**
   * `untrusted` routes answer callers that have proven nothing, `admin` routes only those whose trust is not confined
   * to some projects
   */
  access: "untrusted" | "authenticated" | "admin";
  /** names of the query parameters the route obeys */
  query: readonly string[];
  /** what it serves belongs to the default project where a project lacks this feature */
  feature?: ProjectFeature;
  body?: Schema;
  /** the body may be a file of bytes instead; the handler is then given none */
  takesFile?: boolean;
  /** type only: the metadata of a sync answer */
  result?: unknown;
}

/** The metadata of a list, by the `recursion` that was asked for: the addresses of things, the things, all about them. */
export interface Listing<Addresses, Things, Whole = Things> {
  byRecursion: [Addresses, Things, Whole];
}

type Options<B extends Schema | undefined> = {
  query?: readonly string[];
  body?: B;
  access?: Route["access"];
  takesFile?: boolean;
};

/** What lies below these first words belongs to the project only if it has the feature. */
const features: Record<string, ProjectFeature> = {
  "images": "images",
  "profiles": "profiles",
  "networks": "networks",
  "network-acls": "networks",
  "network-zones": "networks.zones",
};

function featureOf(path: string): ProjectFeature | undefined {
  const [, , first = "", , third] = path.split("/");
  return first === "storage-pools" && third === "buckets" ? "storage.buckets" : features[first];
}

/** Declares a route: method and path, kind, what it is for. `R` is the type of a sync answer's metadata. */
export function route<R>() {
  return <const K extends RouteKind, const P extends string, B extends Schema | undefined = undefined>(
    kind: K,
    methodAndPath: `${Method} ${P}`,
    summary: string,
    options: Options<B> = {},
  ) => {
    const [method, path] = methodAndPath.split(" ") as [Method, P];
    const tag = path.split("/")[2] ?? "server";
    const { query = [], body, takesFile } = options;
    const access = options.access ?? usualAccess(method, path, query);
    return {
      method,
      path,
      kind,
      tag,
      summary,
      query,
      feature: featureOf(path),
      access,
      body: body as B,
      takesFile,
    } as {
      method: Method;
      path: P;
      kind: K;
      tag: string;
      summary: string;
      query: readonly string[];
      feature?: ProjectFeature;
      access: Route["access"];
      body: B;
      takesFile?: boolean;
      result?: R;
    };
  };
}

/** Whoever is confined to projects may work in those, and look at what belongs to none. */
function usualAccess(method: Method, path: string, query: readonly string[]): Route["access"] {
  if (path.startsWith("/internal/")) return "admin";
  return method === "GET" || query.includes("project") ? "authenticated" : "admin";
}

export const lists = ["project", "recursion", "filter", "all-projects"] as const;
export const one = ["project"] as const;
