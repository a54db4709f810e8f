// docs/api.md: every route, with what it takes; docs/api_status.md: LXD's addresses and what drey makes of them.

import { guestRoutes } from "../../../wire/devlxd.ts";
import { absentParts } from "../../../wire/routes/absent.ts";
import { type Route, type RouteKind, routes } from "../../../wire/routes.ts";
import type { Schema } from "../../../wire/schema.ts";
import { code, generated, table } from "./markdown.ts";

const source = "the table of routes (`wire/routes/`)";

const kinds: Record<RouteKind, string> = {
  sync: "sync",
  async: "operation",
  raw: "bytes",
  socket: "websocket",
  sftp: "SFTP",
};

const all: readonly Route[] = Object.values(routes);

/** The reference of the API. */
export function apiPage(): string {
  const tags = [...new Set(all.map(({ tag }) => tag))].sort();
  return `${generated(source)}

# API

drey speaks LXD's REST API 1.0 on the unix socket of \`drey serve\`, and to itself. \`GET /openapi.json\` gives
this page to programs. **sync** answers at once, **operation** with a background operation to wait for,
**bytes** with the thing itself, **websocket** with a stream of messages, **SFTP** with an upgraded connection that speaks it. What is marked * may also be asked
by callers that have proven nothing.

${tags.map((tag) => section(tag, all.filter((route) => route.tag === tag))).join("\n\n")}

## Inside an instance

What root of an instance may ask at \`/dev/lxd/sock\`, unless \`security.devlxd\` is false. Answers have no
envelope; errors are plain text.

${
    table(
      ["request", "what for"],
      Object.values(guestRoutes).map(({ method, path, summary }) => [code(`${method} ${path}`), summary]),
    )
  }
`;
}

function section(tag: string, rows: readonly Route[]): string {
  const sorted = rows.toSorted((a, b) => a.path < b.path ? -1 : a.path > b.path ? 1 : 0);
  return `## ${tag}\n\n${
    table(
      ["request", "answer", "query", "body", "what for"],
      sorted.map(({ method, path, kind, access, query, body, summary }) => [
        `\`${method} ${path}\`${access === "untrusted" ? " *" : ""}`,
        kinds[kind],
        query.map(code).join(", "),
        body === undefined ? "" : fieldsOf(body),
        summary,
      ]),
    )
  }`;
}

/** Names of fields; those that may be left out in brackets. */
function fieldsOf(schema: Schema): string {
  if (schema.kind !== "object") return schema.kind;
  return Object.entries(schema.fields)
    .map(([name, { optional }]) => optional ? `[${code(name)}]` : code(name)).join(", ");
}

export interface Endpoint {
  method: string;
  path: string;
}

/** LXD's addresses, of tests/contracts/lxd_endpoints.txt. */
export function lxdEndpoints(): Endpoint[] {
  const text = Deno.readTextFileSync(new URL("../../contracts/lxd_endpoints.txt", import.meta.url));
  return text.split("\n").filter((line) => line.startsWith("/")).flatMap((line) => {
    const [path = "", ...methods] = line.split(" ");
    return methods.map((method) => ({ method, path }));
  });
}

export type EndpointState = { kind: "works"; summary: string } | { kind: "absent"; why: string } | {
  kind: "unknown";
};

/** What drey makes of one of LXD's addresses. */
export function stateOf({ method, path }: Endpoint): EndpointState {
  const shape = shapeOf(path);
  const route = all.find((row) => row.method === method && shapeOf(row.path) === shape);
  if (route !== undefined) return { kind: "works", summary: route.summary };
  for (const { what, reason, says, paths } of absentParts) {
    const found = Object.entries(paths).find(([pattern, methods]) =>
      shapeOf(pattern) === shape && (methods as readonly string[]).includes(method)
    );
    if (found === undefined) continue;
    const why = says ?? (reason === "cluster" ? "This server is not clustered" : `${what}: not yet`);
    return { kind: "absent", why };
  }
  return { kind: "unknown" };
}

/** A path without the names of its parameters. */
export const shapeOf = (path: string) => path.replace(/\{\w+\}/g, "{}");

/** The state of each endpoint of LXD's API. */
export function apiStatusPage(): string {
  const rows = lxdEndpoints().map((endpoint) => ({ endpoint, state: stateOf(endpoint) }));
  const working = rows.filter(({ state }) => state.kind === "works").length;
  return `${generated(`${source} and LXD's addresses (\`tests/contracts/lxd_endpoints.txt\`)`)}

# Endpoints of LXD's API

${working} of ${rows.length} work. The others answer with an error that says so; where a list is asked for of
things that drey does not have, with an empty one.

${table(["endpoint", "state", "what"], rows.map(({ endpoint, state }) => rowOf(endpoint, state)))}
`;
}

function rowOf({ method, path }: Endpoint, state: EndpointState): string[] {
  const address = `\`${method} ${path}\``;
  switch (state.kind) {
    case "works":
      return [address, "works", state.summary];
    case "absent":
      return [address, "refused", state.why];
    case "unknown":
      return [address, "**not found**", ""];
  }
}
