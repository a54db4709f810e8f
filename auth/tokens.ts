// Trust tokens in LXD's form: base64 of JSON that names a server, its certificate and a secret good for one client.

import { writable } from "../config/expiry.ts";
import { DreyError } from "../errors.ts";

export interface TrustToken {
  /** how the server will call the client */
  client_name: string;
  /** of the server's certificate */
  fingerprint: string;
  /** `host:port` of each address the server listens on */
  addresses: string[];
  secret: string;
  /** time, RFC 3339; absent or year 1 if it does not expire */
  expires_at?: string;
}

/** A secret of 256 bits, in hexadecimal. */
export function makeSecret(): string {
  return crypto.getRandomValues(new Uint8Array(32)).toHex();
}

/** The text a person passes on. */
export function encodeToken(token: TrustToken): string {
  return new TextEncoder().encode(JSON.stringify(token)).toBase64();
}

/** What a text says if it is a token; undefined for any other text. */
export function decodeToken(text: string): TrustToken | undefined {
  const token = parse(text.trim());
  if (typeof token !== "object" || token === null) return undefined;
  const { client_name, fingerprint, addresses, secret, expires_at } = token as Record<string, unknown>;
  if (typeof secret !== "string" || secret === "" || typeof fingerprint !== "string") return undefined;
  if (!Array.isArray(addresses) || !addresses.every((address) => typeof address === "string")) {
    return undefined;
  }
  return {
    client_name: typeof client_name === "string" ? client_name : "",
    fingerprint,
    addresses,
    secret,
    ...(typeof expires_at === "string" && { expires_at }),
  };
}

/** When something made now ends, after a span such as `15d` or `1H 30M`. */
export function expiryAfter(span: string, from: Date): Date {
  const until = new Date(from);
  for (const part of span.split(" ")) {
    const [, count, unit] = /^(\d{1,9})([SMHdwmy])$/.exec(part) ?? [];
    if (unit === undefined) {
      throw new DreyError("BAD_REQUEST", {
        message: `Invalid span "${span}": something like 15d was expected`,
      });
    }
    add(until, Number(count), unit);
  }
  return writable(until);
}

function add(date: Date, count: number, unit: string): void {
  const seconds: Record<string, number> = { S: 1, M: 60, H: 3600 };
  const days: Record<string, number> = { d: 1, w: 7 };
  if (unit in seconds) date.setTime(date.getTime() + count * (seconds[unit] ?? 0) * 1000);
  else if (unit in days) date.setUTCDate(date.getUTCDate() + count * (days[unit] ?? 0));
  else if (unit === "m") date.setUTCMonth(date.getUTCMonth() + count);
  else date.setUTCFullYear(date.getUTCFullYear() + count);
}

function parse(text: string): unknown {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(Uint8Array.fromBase64(text)));
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof TypeError) return undefined;
    throw error;
  }
}
