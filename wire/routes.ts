// The table of routes. The app, the typed client, validation, the OpenAPI document and docs/api.md read it; who wants one
// route has it from find_route.ts, without the others.

import { backups } from "./routes/backups.ts";
import { certificates } from "./routes/certificates.ts";
import { images } from "./routes/images.ts";
import { instanceParts } from "./routes/instance_parts.ts";
import { instances } from "./routes/instances.ts";
import { instanceSnapshots } from "./routes/instance_snapshots.ts";
import { networkAcls } from "./routes/network_acls.ts";
import { networkForwards } from "./routes/network_forwards.ts";
import { networkZones } from "./routes/network_zones.ts";
import { networks } from "./routes/networks.ts";
import { operations } from "./routes/operations.ts";
import { profiles } from "./routes/profiles.ts";
import { projects } from "./routes/projects.ts";
import { recover } from "./routes/recover.ts";
import { server } from "./routes/server.ts";
import { storagePools } from "./routes/storage_pools.ts";
import { warnings } from "./routes/warnings.ts";
import { storageVolumes } from "./routes/storage_volumes.ts";
import type { Listing, Method, Route, RouteKind } from "./routes/route.ts";
import type { Schema } from "./schema.ts";

export type { Listing, Method, Route, RouteKind };

/** Every route by its name: method, path, kind, and the types of what it takes and answers. */
export const routes = {
  ...server,
  ...certificates,
  ...instances,
  ...instanceParts,
  ...instanceSnapshots,
  ...images,
  ...profiles,
  ...projects,
  ...networks,
  ...networkAcls,
  ...networkForwards,
  ...networkZones,
  ...storagePools,
  ...storageVolumes,
  ...recover,
  ...backups,
  ...operations,
  ...warnings,
};

/** The type of the table. */
export type Routes = typeof routes;

/** The name of a route, such as `instance.get`; docs/api.md lists them. */
export type RouteName = keyof Routes;
/** The names of the routes that answer in one way. */
export type RoutesOfKind<K extends RouteKind> = {
  [N in RouteName]: Routes[N]["kind"] extends K ? N : never;
}[RouteName];

/** What a route says that it answers with; a list, for every `recursion`. */
export type DeclaredResult<N extends RouteName> = Routes[N] extends { result?: infer R }
  ? Exclude<R, undefined>
  : never;
/** The metadata type of a sync route's answer. */
export type ResultOf<N extends RouteName> = DeclaredResult<N> extends Listing<infer A, infer T, infer W>
  ? A | T | W
  : DeclaredResult<N>;
/** The same where the query is known: the `recursion` in it decides what a list answers. */
export type ResultFor<N extends RouteName, Query> = DeclaredResult<N> extends
  Listing<infer A, infer T, infer W>
  ? "recursion" extends keyof Query ? Query extends { recursion: 0 } ? A : Query extends { recursion: 1 } ? T
    : Query extends { recursion: 2 } ? W
    : A | T | W
  : A
  : DeclaredResult<N>;
/** The body a route takes. */
export type BodyOf<N extends RouteName> = Routes[N]["body"] extends Schema<infer T> ? T : undefined;
/** The names between braces in a route's path. */
export type ParamsOf<N extends RouteName> = ParamNames<Routes[N]["path"]>;
type ParamNames<P extends string> = P extends `${string}{${infer Name}}${infer Rest}`
  ? Name | ParamNames<Rest>
  : never;
