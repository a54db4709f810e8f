// ETags: a digest of what a client may change of a thing, so that an update can insist on having seen the latest. What
// can be replaced and patched has one; the fields that count are those that the replacement takes.

import { DreyError } from "../../errors.ts";
import { findRoute, groupOf } from "../../wire/find_route.ts";
import type { Method, Route, RouteName } from "../../wire/routes.ts";

/** The route that shows what another one replaces or patches. */
export async function shownBy(name: RouteName): Promise<RouteName | undefined> {
  const { method, path } = await findRoute(name);
  if ((method !== "PUT" && method !== "PATCH") || await writableFields(name) === undefined) return undefined;
  return find("GET", path, await groupOf(name))?.[0];
}

/** The ETag of a route's answer, for routes that have one. */
export async function etagOf(name: RouteName, metadata: unknown): Promise<string | undefined> {
  const { method } = await findRoute(name);
  const fields = method === "GET" ? await writableFields(name) : undefined;
  if (fields === undefined || typeof metadata !== "object" || metadata === null) return undefined;
  const shown = fields.filter((field) => Object.hasOwn(metadata, field))
    .map((field) => [field, (metadata as Record<string, unknown>)[field]]);
  if (shown.length === 0) return undefined;
  const bytes = new TextEncoder().encode(JSON.stringify(sorted(Object.fromEntries(shown))));
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return digest.toHex();
}

/** @throws {DreyError} `PRECONDITION_FAILED` */
export function mustMatch(wanted: string, etag: string | undefined): void {
  const given = wanted.split(",").map((text) => text.trim().replace(/^(W\/)?"(.*)"$/, "$2"));
  if (given.includes("*") || (etag !== undefined && given.includes(etag))) return;
  throw new DreyError("PRECONDITION_FAILED", {
    message: `ETag does not match: ${wanted} vs ${etag}`,
    hint: "The object changed since it was read: read it again",
  });
}

/** Names of the fields that can be changed of what is shown at a route's path; undefined if it is no such thing. */
async function writableFields(name: RouteName): Promise<readonly string[] | undefined> {
  const { path } = await findRoute(name);
  const beside = await groupOf(name);
  const body = find("PUT", path, beside)?.[1].body;
  // what can be replaced only is a switch, such as the state of an instance
  if (body?.kind !== "object" || find("PATCH", path, beside) === undefined) return undefined;
  return Object.keys(body.fields);
}

/** A look through the table, which is short, and cheaper than an index that most commands would make for one look. */
function find(
  method: Method,
  path: string,
  among: Partial<Record<RouteName, Route>>,
): [RouteName, Route] | undefined {
  for (const name in among) {
    const route = among[name as RouteName];
    if (route?.path === path && route.method === method) return [name as RouteName, route];
  }
}

/** What an instance says of itself whenever it likes: it could keep everybody from changing anything of it. */
const saidByGuest = "volatile.last_state.ready";

/** Equal records have equal digests, in whatever order they were written. */
function sorted(record: Record<string, unknown>): [string, unknown][] {
  return Object.entries(record)
    .filter(([key]) => key !== saidByGuest)
    .map(([key, value]): [string, unknown] => [
      key,
      typeof value === "object" && value !== null ? sorted(value as Record<string, unknown>) : value,
    ])
    .sort(([a], [b]) => a < b ? -1 : a > b ? 1 : 0);
}
