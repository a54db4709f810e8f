// How long things are kept: LXD's `1M 2H 3d 4w 5m 6y`, and until when.

/** The moment after which something made at `from` goes; undefined for never, and for what is no such text. */
export function parseExpiry(text: string, from: Date): Date | undefined {
  const words = text.trim().split(/\s+/).filter((word) => word !== "");
  if (words.length === 0 || !isExpiry(text)) return undefined;
  const date = new Date(from);
  for (const word of words) {
    const count = Number(word.slice(0, -1));
    if (word.endsWith("M")) date.setUTCMinutes(date.getUTCMinutes() + count);
    if (word.endsWith("H")) date.setUTCHours(date.getUTCHours() + count);
    if (word.endsWith("d")) date.setUTCDate(date.getUTCDate() + count);
    if (word.endsWith("w")) date.setUTCDate(date.getUTCDate() + 7 * count);
    if (word.endsWith("m")) date.setUTCMonth(date.getUTCMonth() + count);
    if (word.endsWith("y")) date.setUTCFullYear(date.getUTCFullYear() + count);
  }
  return writable(date);
}

/** the last second that RFC 3339 can write */
const latest = Date.UTC(9999, 11, 31, 23, 59, 59);

/** A moment, or the last one that can be written where it lies beyond: as good as never. */
export const writable = (date: Date): Date => date.getTime() <= latest ? date : new Date(latest);

/**
 * A time as clients write it, `2026-01-31T12:00:00Z` or the day alone, in milliseconds since 1970; undefined for
 * anything else, of which JavaScript takes some for a time: "0" for the year 2000.
 */
export function parseTime(text: string): number | undefined {
  const time = /^([+-]\d\d)?\d{4}-\d\d-\d\d(T|$)/.test(text) ? Date.parse(text) : NaN;
  return Number.isNaN(time) ? undefined : time;
}

/** Whether a text says how long: each unit once, at least one of them. */
export function isExpiry(text: string): boolean {
  const words = text.trim().split(/\s+/).filter((word) => word !== "");
  const units = words.map((word) => word.slice(-1));
  return words.every((word) => /^[1-9]\d{0,5}[MHdwmy]$/.test(word)) && new Set(units).size === units.length;
}
