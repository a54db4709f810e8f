// Who may call what. Whoever reaches the unix socket or runs the process is the user; over HTTPS it is the trust store
// that says what a certificate opens: everything, some projects, the metrics.

import { DreyError } from "../../errors.ts";
import type { Route } from "../../wire/routes.ts";
import type { Asked, Caller } from "../call.ts";

/** Whether the caller may use the API, be it in some projects only. */
export function isTrusted({ protocol, trust }: Caller): boolean {
  return protocol !== "tls" || trust?.type === "client";
}

/** The projects a caller is confined to; undefined for one who may work in all. */
export function confinedTo({ trust }: Caller): readonly string[] | undefined {
  return trust?.projects;
}

/** Whether the caller is trusted with the whole server. */
export function isAdmin(caller: Caller): boolean {
  return isTrusted(caller) && confinedTo(caller) === undefined;
}

/** @throws {DreyError} `FORBIDDEN` */
export function mayCall(
  caller: Caller,
  route: Pick<Route, "access" | "path">,
  asked?: Pick<Asked, "request">,
): void {
  // a client that knows it ought to be trusted wants to hear that it is not, rather than see what strangers see
  const wantsTrust = () => asked?.request.headers.get("x-lxd-authenticated") === "true";
  if (isTrusted(caller)) {
    if (route.access !== "admin" || isAdmin(caller)) return;
  } else if (route.access === "untrusted" && !wantsTrust()) return;
  else if (caller.trust?.type === "metrics" && route.path === "/1.0/metrics") return;
  throw forbidden();
}

/**
 * Confines a caller to their projects.
 *
 * @param asked the project the request names, `undefined` if it asks for all
 * @throws {DreyError} `FORBIDDEN`
 */
export function mayWorkIn(caller: Caller, asked: string | undefined): void {
  const projects = confinedTo(caller);
  if (projects === undefined || (asked !== undefined && projects.includes(asked))) return;
  throw forbidden();
}

/**
 * Confines a caller to their projects in what a body names: where a copy comes from, where a thing is moved to.
 *
 * @throws {DreyError} `FORBIDDEN`
 */
export function mayReach(caller: Caller, body: unknown): void {
  if (confinedTo(caller) === undefined) return;
  const { source } = (body ?? {}) as { source?: unknown };
  for (const part of [body, source]) {
    if (typeof part !== "object" || part === null) continue;
    const { project, server, type } = part as { project?: unknown; server?: unknown; type?: unknown };
    // the project of an image of another server is that server's business; of nothing else does a server's name count
    const isElsewhere = part === source && type === "image" && Boolean(server);
    if (typeof project === "string" && project !== "" && !isElsewhere) mayWorkIn(caller, project);
  }
}

/** What a caller is shown of things that several projects use: no users in projects they are not confined to. */
export function withinReach(caller: Caller, shown: unknown): unknown {
  if (confinedTo(caller) === undefined) return shown;
  return Array.isArray(shown) ? shown.map((one) => withoutOthers(caller, one)) : withoutOthers(caller, shown);
}

function withoutOthers(caller: Caller, shown: unknown): unknown {
  if (typeof shown !== "object" || shown === null || !("used_by" in shown)) return shown;
  const { used_by } = shown;
  if (!Array.isArray(used_by)) return shown;
  return { ...shown, used_by: used_by.filter((address) => isNear(caller, projectIn(String(address)))) };
}

/** Whether a caller may know what is in a project. */
export const isNear = (caller: Caller, project: string): boolean =>
  confinedTo(caller)?.includes(project) ?? true;

/** The project that the address of a thing names, `/1.0/instances/c1?project=web`. */
export const projectIn = (address: string): string =>
  new URL(address, "http://drey").searchParams.get("project") ?? "default";

/** The error of all who may not. */
export function forbidden(): DreyError {
  return new DreyError("FORBIDDEN", { message: "not authorized" });
}
