// What commands print: values in the format asked for, and sizes and times as LXD writes them.

import { drawCompact, drawCsv, drawTable, type Table } from "./table.ts";

export const formats = ["table", "json", "yaml", "csv", "compact"] as const;
export type Format = typeof formats[number];

/** A list in one of the {@link formats}: `table` is what people see, `data` what programs read. */
export async function formatList(format: Format, table: Table, data: unknown): Promise<string> {
  switch (format) {
    case "table":
      return drawTable(table);
    case "compact":
      return drawCompact(table);
    case "csv":
      return drawCsv(table);
    case "json":
      return `${JSON.stringify(data)}\n`;
    case "yaml":
      return await toYaml(data);
  }
}

/** YAML as LXD writes it: lists not indented, long lines kept, what has names of anybody's choice in their order. */
export async function toYaml(data: unknown): Promise<string> {
  const { stringify } = await import("@std/yaml");
  return stringify(inOrder(data), { arrayIndent: false, lineWidth: -1, skipInvalid: true });
}

/** Fields that hold keys and names instead of further fields. */
const maps = ["config", "devices", "expanded_config", "expanded_devices", "properties"];

function inOrder(value: unknown, isMap = false): unknown {
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map((item) => inOrder(item));
  const entries = Object.entries(value).map(([key, item]) =>
    [key, inOrder(item, maps.includes(key))] as const
  );
  return Object.fromEntries(isMap ? entries.toSorted(([a], [b]) => a < b ? -1 : 1) : entries);
}

/**
 * Sorts rows by their first column that differs, numbers within names by value: `c2` before `c10`. The compare
 * is our own, since the one with all languages' rules takes 10 ms to load.
 */
export function naturalCompare(a: string, b: string): number {
  const parts = (text: string) => text.match(/\d+|\D+/g) ?? [];
  const [left, right] = [parts(a), parts(b)];
  for (let at = 0; at < Math.min(left.length, right.length); at++) {
    const [x = "", y = ""] = [left[at], right[at]];
    if (x === y) continue;
    const difference = Number(x) - Number(y);
    if (!Number.isNaN(difference) && difference !== 0) return difference;
    // of one value the shorter is first, as for LXD: 8 before 08
    if (difference === 0 && x.length !== y.length) return x.length - y.length;
    return x < y ? -1 : 1;
  }
  return left.length - right.length;
}

/** Sorts by the name a row starts with. */
export function sortRows(rows: readonly (readonly string[])[]): (readonly string[])[] {
  return [...rows].sort((a, b) => naturalCompare(a[0] ?? "", b[0] ?? ""));
}

/** `12.34MiB`; powers of 1024 with as many decimals as asked. */
export function binarySize(bytes: number, decimals = 2): string {
  return size(bytes, 1024, ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"], decimals);
}

/** `12.34MB`; powers of 1000. */
export function decimalSize(bytes: number, decimals = 2): string {
  return size(bytes, 1000, ["B", "kB", "MB", "GB", "TB", "PB", "EB"], decimals);
}

function size(bytes: number, base: number, units: readonly string[], decimals: number): string {
  if (bytes < base) return `${bytes}B`;
  const power = Math.min(units.length - 1, Math.floor(Math.log(bytes) / Math.log(base)));
  return `${(bytes / base ** power).toFixed(decimals)}${units[power]}`;
}

/** `2026/11/20 20:42 UTC`; empty for a time that never was (year 1 or 1970). */
export function dateTime(iso: string): string {
  const date = new Date(iso);
  if (Number.isNaN(date.getTime()) || date.getUTCFullYear() <= 1970) return "";
  const [day, time] = date.toISOString().split("T") as [string, string];
  return `${day.replaceAll("-", "/")} ${time.slice(0, 5)} UTC`;
}

/** `Nov 20, 2026 at 8:42pm (UTC)`, as lists of images and operations show it. */
export function longDate(iso: string): string {
  const date = new Date(iso);
  // what LXD has not yet is told as the beginning of its time or of Unix's
  if (!(date.getTime() > 0)) return "";
  const month = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(" ")[date.getUTCMonth()];
  const hours = date.getUTCHours();
  const minutes = String(date.getUTCMinutes()).padStart(2, "0");
  const clock = `${hours % 12 || 12}:${minutes}${hours < 12 ? "am" : "pm"}`;
  return `${month} ${date.getUTCDate()}, ${date.getUTCFullYear()} at ${clock} (UTC)`;
}

export const yesNo = (value: boolean): string => value ? "YES" : "NO";
