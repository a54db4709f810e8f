// What a snapshot is called and when it expires, as the instance's configuration says: pure.

import { DreyError } from "../../../errors.ts";
import type { Config } from "../../../wire/instance.ts";
import { parseExpiry, parseTime } from "../../../config/expiry.ts";

/**
 * The next name of a pattern: `%d` counts, `{{ creation_date|date:'2006-01-02' }}` is the time in Go's layout. Where a
 * name is taken and the pattern counts nothing, a number is put behind it.
 */
export function nextName(
  { now, pattern, taken }: { now: Date; pattern: string | undefined; taken: readonly string[] },
): string {
  const dated = (pattern || "snap%d").replace(
    /\{\{\s*creation_date\s*(?:\|\s*date:\s*(['"])(.*?)\1\s*)?\}\}/g,
    (_, _quote, layout: string | undefined) => formatDate(now, layout ?? "2006-01-02T15:04:05Z"),
  );
  const counts = dated.includes("%d");
  if (!counts && !taken.includes(dated)) return dated;
  const numbered = counts ? dated : `${dated}-%d`;
  const [before = "", after = ""] = numbered.split("%d");
  const numbers = taken.filter((name) => name.startsWith(before) && name.endsWith(after))
    .map((name) => name.slice(before.length, name.length - after.length))
    .filter((text) => /^\d+$/.test(text)).map(Number);
  return `${before}${Math.max(-1, ...numbers) + 1}${after}`;
}

/** Parts of Go's reference time, the longer first. */
const layouts: [string, (date: Date) => string][] = [
  ["2006", (date) => String(date.getUTCFullYear())],
  ["01", (date) => two(date.getUTCMonth() + 1)],
  ["02", (date) => two(date.getUTCDate())],
  ["15", (date) => two(date.getUTCHours())],
  ["04", (date) => two(date.getUTCMinutes())],
  ["05", (date) => two(date.getUTCSeconds())],
  ["06", (date) => two(date.getUTCFullYear() % 100)],
  ["Jan", (date) => months[date.getUTCMonth()] ?? ""],
];
const months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const two = (value: number) => String(value).padStart(2, "0");

function formatDate(date: Date, layout: string): string {
  const pattern = new RegExp(layouts.map(([part]) => part).join("|"), "g");
  return layout.replace(pattern, (part) => layouts.find(([known]) => known === part)?.[1](date) ?? part);
}

/**
 * When a snapshot taken now expires: as asked, else by `snapshots.expiry`; empty for never.
 *
 * @throws {DreyError} `BAD_REQUEST` for a time that is none
 */
export function expiryOf(now: Date, asked: string | undefined, config: Config): string {
  if (asked === undefined) return parseExpiry(config["snapshots.expiry"] ?? "", now)?.toISOString() ?? "";
  return readTime(asked);
}

/** The same for a snapshot that somebody takes: `snapshots.expiry.manual` counts first. */
export function manualExpiryOf(now: Date, asked: string | undefined, config: Config): string {
  const expiry = config["snapshots.expiry.manual"] || config["snapshots.expiry"] || "";
  return expiryOf(now, asked, { "snapshots.expiry": expiry });
}

/** A time as clients send it: empty, or in the year 1, means never. @throws {DreyError} `BAD_REQUEST` */
export function readTime(text: string): string {
  if (text === "" || text.startsWith("0001-01-01")) return "";
  const time = parseTime(text);
  if (time !== undefined) return new Date(time).toISOString();
  throw new DreyError("BAD_REQUEST", { message: `Invalid time "${text}": expected 2026-01-31T12:00:00Z` });
}
