// Web pages stay out: a page some other server sent must not use a browser, with its certificate, as its hands. What
// browsers say of themselves is enough to know them; programs say none of it and are let through.

import { isIP } from "node:net";
import { refusal, responseOf } from "../envelope.ts";

/** Which pages may call. */
export interface Pages {
  /** whether a host name or address is this server's own */
  isOwn(host: string): boolean;
  /** another origin that may call, with what LXD's keys `core.https_allowed_*` let it do */
  allowed?: { origin: string; methods?: string; headers?: string; credentials: boolean };
}

/** What becomes of a request: it is refused, or its answer gets further headers. */
export interface Welcome {
  refusal?: Response;
  headers?: Record<string, string>;
}

export interface Visit {
  method: string;
  headers: Readonly<Record<string, string | string[] | undefined>>;
}

/**
 * Judges where a request comes from.
 *
 * A name that somebody else made lead here (DNS rebinding) makes a foreign page look like our own: so the name must be
 * one of ours.
 */
export function welcome({ method, headers }: Visit, pages: Pages): Welcome {
  const said = textOf(headers.origin);
  // of programs only: what ws4py, which pylxd stands on, says over a unix socket
  const origin = said?.startsWith("ws+unix:") ? undefined : said;
  const site = textOf(headers["sec-fetch-site"]);
  const isBrowser = origin !== undefined || site !== undefined ||
    /^Mozilla\//.test(textOf(headers["user-agent"]) ?? "");
  if (!isBrowser) return {};
  const allowed = pages.allowed;
  if (origin !== undefined && allowed !== undefined && [origin, "*"].includes(allowed.origin)) {
    const shared = sharingHeaders(allowed);
    const isQuestion = method === "OPTIONS";
    return isQuestion
      ? { refusal: new Response(null, { status: 200, headers: shared }) }
      : { headers: shared };
  }
  const host = textOf(headers.host) ?? "";
  const isForeign = origin !== undefined
    ? origin !== `https://${host}`
    : site === "cross-site" || site === "same-site";
  if (!isForeign && pages.isOwn(withoutPort(host))) return {};
  return { refusal: responseOf(refusal(403, "Web pages of other servers may not use this one")) };
}

/** Whether a name or address leads to a host with these names, rebinding or not: an address cannot be rebound. */
export function isOwnHost(host: string, names: readonly string[]): boolean {
  const wanted = host.toLowerCase();
  return isIP(wanted) !== 0 || wanted === "localhost" || names.some((name) => name.toLowerCase() === wanted);
}

function sharingHeaders({ origin, methods, headers, credentials }: NonNullable<Pages["allowed"]>) {
  return {
    "access-control-allow-origin": origin,
    ...(methods !== undefined && { "access-control-allow-methods": methods }),
    ...(headers !== undefined && { "access-control-allow-headers": headers }),
    ...(credentials && { "access-control-allow-credentials": "true" }),
    vary: "Origin",
  };
}

function withoutPort(host: string): string {
  const match = /^\[([^\]]*)\](?::\d+)?$|^([^:]*)(?::\d+)?$/.exec(host);
  return match?.[1] ?? match?.[2] ?? "";
}

const textOf = (value: string | string[] | undefined) => Array.isArray(value) ? value[0] : value;
