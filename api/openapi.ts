// The table of routes as an OpenAPI document, for whoever makes clients or reads it in a browser.

import type { Field, Schema } from "../wire/schema.ts";
import type { Route, RouteKind } from "../wire/routes.ts";

type Json = Record<string, unknown>;

/** The document. What answers hold is told by their envelope; bodies of requests are told in full. */
export function openApi(routes: readonly Route[], version: string): Json {
  const paths: Record<string, Json> = {};
  for (const route of routes.toSorted((a, b) => a.path < b.path ? -1 : 1)) {
    paths[route.path] = { ...paths[route.path], [route.method.toLowerCase()]: operationOf(route) };
  }
  return {
    openapi: "3.0.3",
    info: { title: "drey", description: "LXD's REST API as drey serves it", version, license },
    servers: [{ url: "http://localhost", description: "The unix socket of drey serve" }],
    tags: [...new Set(routes.map(({ tag }) => tag))].sort().map((name) => ({ name })),
    paths,
    components: { schemas },
  };
}

const license = { name: "Apache-2.0" };

function operationOf(route: Route): Json {
  const { method, path, tag, summary, query, access, body } = route;
  return {
    operationId: `${method.toLowerCase()}${path.replace(/[^A-Za-z0-9]+(\w?)/g, (_, c) => c.toUpperCase())}`,
    tags: [tag],
    summary,
    parameters: [
      ...[...path.matchAll(/\{(\w+)\}/g)].map(([, name = ""]) => parameter(name, "path")),
      ...query.map((name) => parameter(name, "query")),
    ],
    ...(body === undefined ? {} : {
      requestBody: { required: true, content: { "application/json": { schema: schemaOf(body) } } },
    }),
    responses: { ...success(route.kind), ...(access === "untrusted" ? {} : refused), default: anyError },
    "x-access": access,
  };
}

function parameter(name: string, place: "path" | "query"): Json {
  return { name, in: place, ...(place === "path" && { required: true }), schema: { type: "string" } };
}

function success(kind: RouteKind): Json {
  switch (kind) {
    case "sync":
      return { 200: answer("Success", "Sync") };
    case "async":
      return { 202: answer("An operation has begun", "Async") };
    case "raw":
      return { 200: { description: "The thing itself", content: { "*/*": {} } } };
    case "socket":
      return { 101: { description: "A websocket" } };
    case "sftp":
      return { 101: { description: "The bytes of SFTP, after Upgrade: sftp" } };
  }
}

const answer = (description: string, schema: string): Json => ({
  description,
  content: { "application/json": { schema: { $ref: `#/components/schemas/${schema}` } } },
});
const refused = { 403: answer("The caller may not do this", "Error") };
const anyError = answer("Anything that went wrong", "Error");

/** A schema in OpenAPI's words. */
function schemaOf(schema: Schema): Json {
  switch (schema.kind) {
    case "unknown":
      return {};
    case "enum":
      return { type: "string", enum: [...schema.values] };
    case "array":
      return { type: "array", items: schemaOf(schema.items) };
    case "record":
      return { type: "object", additionalProperties: schemaOf(schema.values) };
    case "object":
      return objectOf(schema.fields);
    default:
      return { type: schema.kind };
  }
}

function objectOf(fields: Record<string, Field>): Json {
  const required = Object.entries(fields).filter(([, { optional }]) => !optional).map(([name]) => name);
  const properties = Object.entries(fields).map(([name, { schema, optional, about }]) => [name, {
    ...schemaOf(schema),
    ...(optional && { nullable: true }),
    ...(about === undefined ? {} : { description: about }),
  }]);
  return {
    type: "object",
    properties: Object.fromEntries(properties),
    ...(required.length > 0 && { required }),
  };
}

const text = { type: "string" };
const number = { type: "integer" };
const anyObject = { type: "object", nullable: true };
const envelope = (type: string, metadata: Json): Json => ({
  type: "object",
  required: ["type", "status", "status_code", "operation", "error_code", "error", "metadata"],
  properties: {
    type: { type: "string", enum: [type] },
    status: text,
    status_code: number,
    operation: text,
    error_code: number,
    error: text,
    metadata,
  },
});

const schemas: Json = {
  Sync: envelope("sync", {}),
  Async: envelope("async", { $ref: "#/components/schemas/Operation" }),
  Error: envelope("error", { nullable: true }),
  Operation: {
    type: "object",
    properties: {
      id: text,
      class: { type: "string", enum: ["task", "websocket", "token"] },
      description: text,
      created_at: { type: "string", format: "date-time" },
      updated_at: { type: "string", format: "date-time" },
      status: text,
      status_code: number,
      resources: anyObject,
      metadata: anyObject,
      may_cancel: { type: "boolean" },
      err: text,
      err_code: number,
      location: text,
    },
  },
};
