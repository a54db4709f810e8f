// The table of routes. The app, the typed client, validation, the OpenAPI document and docs/api.md read it.

import type * as doctor from "./doctor.ts";
import type { Event } from "./event.ts";
import * as image from "./image.ts";
import * as instance from "./instance.ts";
import type { Operation } from "./operation.ts";
import * as profile from "./profile.ts";
import type { Resources } from "./resources.ts";
import type { Schema } from "./schema.ts";
import type { Server, ServerUntrusted } from "./server.ts";
import type { StoragePool, StoragePoolResources } from "./storage_pool.ts";

export type Method = "GET" | "HEAD" | "POST" | "PUT" | "PATCH" | "DELETE";
/** `sync` answers with metadata, `async` with an operation, `raw` with bytes, `socket` with a stream of messages */
export type RouteKind = "sync" | "async" | "raw" | "socket";

export interface Route {
  method: Method;
  /** LXD's path with `{name}` for parameters */
  path: string;
  kind: RouteKind;
  tag: string;
  summary: string;
  /** `untrusted` routes answer callers that have proven nothing */
  access: "untrusted" | "authenticated";
  /** names of the query parameters the route obeys */
  query: readonly string[];
  body?: Schema;
  /** type only: the metadata of a sync answer */
  result?: unknown;
}

type Options<B extends Schema | undefined> = {
  query?: readonly string[];
  body?: B;
  access?: Route["access"];
};

/** Declares a route: method and path, kind, what it is for. `R` is the type of a sync answer's metadata. */
function route<R>() {
  return <const K extends RouteKind, const P extends string, B extends Schema | undefined = undefined>(
    kind: K,
    methodAndPath: `${Method} ${P}`,
    summary: string,
    options: Options<B> = {},
  ) => {
    const [method, path] = methodAndPath.split(" ") as [Method, P];
    const tag = path.split("/")[2] ?? "server";
    const { query = [], body, access = "authenticated" } = options;
    return { method, path, kind, tag, summary, query, access, body: body as B } as {
      method: Method;
      path: P;
      kind: K;
      tag: string;
      summary: string;
      query: readonly string[];
      access: Route["access"];
      body: B;
      result?: R;
    };
  };
}

const lists = ["project", "recursion", "filter", "all-projects"] as const;
const one = ["project"] as const;

export const routes = {
  "api.versions": route<string[]>()("sync", "GET /", "The API versions this server speaks", {
    access: "untrusted",
  }),
  "server.get": route<Server | ServerUntrusted>()(
    "sync",
    "GET /1.0",
    "The server, its environment and settings",
    {
      query: one,
      access: "untrusted",
    },
  ),
  "resources.get": route<Resources>()("sync", "GET /1.0/resources", "The hardware of the host"),
  "events.listen": route<Event>()("socket", "GET /1.0/events", "What happens, as it happens", {
    query: ["project", "type", "all-projects"],
  }),

  "instances.list": route<string[] | instance.Instance[] | instance.InstanceFull[]>()(
    "sync",
    "GET /1.0/instances",
    "All instances",
    { query: [...lists, "instance-type"] },
  ),
  "instances.create": route()("async", "POST /1.0/instances", "Create an instance", {
    query: ["project", "target"],
    body: instance.instancesPost,
  }),
  "instances.state": route()("async", "PUT /1.0/instances", "Change the state of all instances", {
    query: one,
    body: instance.instancesPut,
  }),
  "instance.get": route<instance.Instance>()("sync", "GET /1.0/instances/{name}", "One instance", {
    query: ["project", "recursion"],
  }),
  "instance.update": route()("async", "PUT /1.0/instances/{name}", "Replace the instance's configuration", {
    query: one,
    body: instance.instancePut,
  }),
  "instance.patch": route<null>()(
    "sync",
    "PATCH /1.0/instances/{name}",
    "Change parts of the configuration",
    {
      query: one,
      body: instance.instancePut,
    },
  ),
  "instance.rename": route()("async", "POST /1.0/instances/{name}", "Rename the instance", {
    query: one,
    body: instance.instancePost,
  }),
  "instance.delete": route()("async", "DELETE /1.0/instances/{name}", "Delete the instance", {
    query: ["project", "force"],
  }),
  "instance.state": route<instance.InstanceState>()(
    "sync",
    "GET /1.0/instances/{name}/state",
    "What the instance uses right now",
    { query: one },
  ),
  "instance.state.change": route()(
    "async",
    "PUT /1.0/instances/{name}/state",
    "Start, stop, restart, freeze or unfreeze",
    { query: one, body: instance.instanceStatePut },
  ),
  "instance.exec": route()("async", "POST /1.0/instances/{name}/exec", "Run a command in the instance", {
    query: one,
    body: instance.instanceExecPost,
  }),
  "instance.console": route()("async", "POST /1.0/instances/{name}/console", "Attach to the console", {
    query: one,
    body: instance.instanceConsolePost,
  }),
  "instance.console.log": route<string>()("raw", "GET /1.0/instances/{name}/console", "The console log", {
    query: one,
  }),
  "instance.console.clear": route<null>()(
    "sync",
    "DELETE /1.0/instances/{name}/console",
    "Empty the console log",
    { query: one },
  ),

  "instance.file.get": route()(
    "raw",
    "GET /1.0/instances/{name}/files",
    "A file, or the names in a directory",
    {
      query: ["project", "path"],
    },
  ),
  "instance.file.head": route()("raw", "HEAD /1.0/instances/{name}/files", "Owner, mode and size of a file", {
    query: ["project", "path"],
  }),
  "instance.file.put": route<null>()(
    "sync",
    "POST /1.0/instances/{name}/files",
    "Write a file, make a directory or a symlink",
    { query: ["project", "path"] },
  ),
  "instance.file.delete": route<null>()(
    "sync",
    "DELETE /1.0/instances/{name}/files",
    "Delete a file or an empty directory",
    { query: ["project", "path"] },
  ),

  "instance.metadata.get": route<image.ImageMetadata>()(
    "sync",
    "GET /1.0/instances/{name}/metadata",
    "What the instance's image said of itself",
    { query: one },
  ),
  "instance.metadata.put": route<null>()(
    "sync",
    "PUT /1.0/instances/{name}/metadata",
    "Replace the metadata",
    { query: one, body: image.imageMetadataPut },
  ),
  "instance.metadata.patch": route<null>()(
    "sync",
    "PATCH /1.0/instances/{name}/metadata",
    "Change parts of the metadata",
    { query: one, body: image.imageMetadataPut },
  ),
  "instance.templates.get": route()(
    "raw",
    "GET /1.0/instances/{name}/metadata/templates",
    "Names of the templates, or one of them",
    { query: ["project", "path"] },
  ),
  "instance.templates.put": route<null>()(
    "sync",
    "POST /1.0/instances/{name}/metadata/templates",
    "Create or replace a template",
    { query: ["project", "path"] },
  ),
  "instance.templates.delete": route<null>()(
    "sync",
    "DELETE /1.0/instances/{name}/metadata/templates",
    "Delete a template",
    { query: ["project", "path"] },
  ),
  "instance.logs": route<string[]>()("sync", "GET /1.0/instances/{name}/logs", "The log files", {
    query: one,
  }),
  "instance.log.get": route()("raw", "GET /1.0/instances/{name}/logs/{file}", "One log file", { query: one }),
  "instance.log.delete": route<null>()(
    "sync",
    "DELETE /1.0/instances/{name}/logs/{file}",
    "Delete a log file",
    {
      query: one,
    },
  ),
  "instance.outputs": route<string[]>()(
    "sync",
    "GET /1.0/instances/{name}/logs/exec-output",
    "Recorded output of commands",
    { query: one },
  ),
  "instance.output.get": route()(
    "raw",
    "GET /1.0/instances/{name}/logs/exec-output/{file}",
    "What a command printed",
    { query: one },
  ),
  "instance.output.delete": route<null>()(
    "sync",
    "DELETE /1.0/instances/{name}/logs/exec-output/{file}",
    "Delete what a command printed",
    { query: one },
  ),

  "instance.plan": route<unknown>()(
    "sync",
    "GET /internal/instances/{name}/plan",
    "What a start of the instance would do, step by step",
    { query: one },
  ),

  "images.list": route<string[] | image.Image[]>()("sync", "GET /1.0/images", "All images", {
    query: lists,
    access: "untrusted",
  }),
  "images.create": route()(
    "async",
    "POST /1.0/images",
    "Add an image: upload its files, or name its source",
    {
      query: one,
    },
  ),
  "image.get": route<image.Image>()("sync", "GET /1.0/images/{fingerprint}", "One image", {
    query: ["project", "secret"],
    access: "untrusted",
  }),
  "image.update": route<null>()("sync", "PUT /1.0/images/{fingerprint}", "Replace the image's properties", {
    query: one,
    body: image.imagePut,
  }),
  "image.patch": route<null>()("sync", "PATCH /1.0/images/{fingerprint}", "Change some of its properties", {
    query: one,
    body: image.imagePut,
  }),
  "image.delete": route()("async", "DELETE /1.0/images/{fingerprint}", "Delete the image", { query: one }),
  "image.export": route()("raw", "GET /1.0/images/{fingerprint}/export", "The image's files", {
    query: ["project", "secret"],
    access: "untrusted",
  }),
  "image.aliases.list": route<string[] | image.ImageAliasesEntry[]>()(
    "sync",
    "GET /1.0/images/aliases",
    "All image aliases",
    { query: lists, access: "untrusted" },
  ),
  "image.aliases.create": route<null>()("sync", "POST /1.0/images/aliases", "Add an alias", {
    query: one,
    body: image.imageAliasesPost,
  }),
  "image.alias.get": route<image.ImageAliasesEntry>()(
    "sync",
    "GET /1.0/images/aliases/{name}",
    "One alias",
    { query: one, access: "untrusted" },
  ),
  "image.alias.update": route<null>()("sync", "PUT /1.0/images/aliases/{name}", "Replace the alias", {
    query: one,
    body: image.imageAliasPut,
  }),
  "image.alias.patch": route<null>()("sync", "PATCH /1.0/images/aliases/{name}", "Change the alias", {
    query: one,
    body: image.imageAliasPut,
  }),
  "image.alias.rename": route<null>()("sync", "POST /1.0/images/aliases/{name}", "Rename the alias", {
    query: one,
    body: image.imageAliasPost,
  }),
  "image.alias.delete": route<null>()("sync", "DELETE /1.0/images/aliases/{name}", "Delete the alias", {
    query: one,
  }),

  "profiles.list": route<string[] | profile.Profile[]>()("sync", "GET /1.0/profiles", "All profiles", {
    query: lists,
  }),
  "profiles.create": route<null>()("sync", "POST /1.0/profiles", "Add a profile", {
    query: one,
    body: profile.profilesPost,
  }),
  "profile.get": route<profile.Profile>()("sync", "GET /1.0/profiles/{name}", "One profile", { query: one }),
  "profile.update": route<null>()("sync", "PUT /1.0/profiles/{name}", "Replace the profile", {
    query: one,
    body: profile.profilePut,
  }),
  "profile.patch": route<null>()("sync", "PATCH /1.0/profiles/{name}", "Change parts of the profile", {
    query: one,
    body: profile.profilePut,
  }),
  "profile.rename": route<null>()("sync", "POST /1.0/profiles/{name}", "Rename the profile", {
    query: one,
    body: profile.profilePost,
  }),
  "profile.delete": route<null>()("sync", "DELETE /1.0/profiles/{name}", "Delete the profile", {
    query: one,
  }),

  "pools.list": route<string[] | StoragePool[]>()("sync", "GET /1.0/storage-pools", "All storage pools", {
    query: lists,
  }),
  "pool.get": route<StoragePool>()("sync", "GET /1.0/storage-pools/{pool}", "One storage pool", {
    query: one,
  }),
  "pool.resources": route<StoragePoolResources>()(
    "sync",
    "GET /1.0/storage-pools/{pool}/resources",
    "Space of the storage pool",
  ),

  "operations.list": route<Record<string, string[] | Operation[]>>()(
    "sync",
    "GET /1.0/operations",
    "All operations, by lower-case status",
    { query: ["project", "recursion", "all-projects"] },
  ),
  "operation.get": route<Operation>()("sync", "GET /1.0/operations/{id}", "One operation"),
  "operation.cancel": route<null>()("sync", "DELETE /1.0/operations/{id}", "Cancel the operation"),
  "operation.wait": route<Operation>()(
    "sync",
    "GET /1.0/operations/{id}/wait",
    "The operation once it has ended",
    {
      query: ["timeout", "secret"],
      access: "untrusted",
    },
  ),
  "operation.socket": route()(
    "socket",
    "GET /1.0/operations/{id}/websocket",
    "A stream of the operation",
    { query: ["secret"], access: "untrusted" },
  ),

  "doctor": route<doctor.Prerequisite[]>()(
    "sync",
    "GET /internal/doctor",
    "What drey needs from the host, and how to mend what is missing",
  ),
  "doctor.fix": route<doctor.DoctorFixed>()(
    "sync",
    "POST /internal/doctor",
    "Install the Debian packages that are missing",
  ),
} as const;

export type Routes = typeof routes;
export type RouteName = keyof Routes;
export type RoutesOfKind<K extends RouteKind> = {
  [N in RouteName]: Routes[N]["kind"] extends K ? N : never;
}[RouteName];

/** The metadata type of a sync route's answer. */
export type ResultOf<N extends RouteName> = Routes[N] extends { result?: infer R } ? Exclude<R, undefined>
  : never;
/** The body a route takes. */
export type BodyOf<N extends RouteName> = Routes[N]["body"] extends Schema<infer T> ? T : undefined;
/** The names between braces in a route's path. */
export type ParamsOf<N extends RouteName> = ParamNames<Routes[N]["path"]>;
type ParamNames<P extends string> = P extends `${string}{${infer Name}}${infer Rest}`
  ? Name | ParamNames<Rest>
  : never;
