// What a configuration key is: a row of a table. Validation, help and the reference pages read the rows.

import { DreyError } from "../errors.ts";
import { nearest } from "./nearest.ts";
import type { ValueType } from "./types.ts";

export type Subject = "container" | "virtual-machine";

export interface Key<T = unknown> {
  /** a trailing `*` stands for any ending */
  name: string;
  on: readonly Subject[];
  type: ValueType<T>;
  /** a change reaches a running instance */
  live: boolean;
  /** the value that counts when none is set, as it would be typed */
  default?: string;
  /** what the key is for, a noun phrase */
  short: string;
  /** written by drey, not by people */
  internal?: boolean;
}

export type Values = Readonly<Record<string, string>>;

/** Declares a key; only the type of its value is inferred. */
export function key<T>(row: Key<T>): Key<T> {
  return row;
}

/** The row for a name: the exact one, else the longest pattern that fits. */
export function findKey(table: readonly Key[], name: string): Key | undefined {
  return findRow(table, name);
}

/** The same for any table of named rows. */
export function findRow<R extends { name: string }>(table: readonly R[], name: string): R | undefined {
  const exact = table.find((row) => row.name === name);
  if (exact !== undefined) return exact;
  const fits = table.filter((row) => row.name.endsWith("*") && isBelow(row.name.slice(0, -1), name));
  return fits.toSorted((a, b) => b.name.length - a.name.length)[0];
}

/** The error for a key that is in no table, with the one that was probably meant. */
export function unknownKeyOf(
  table: readonly { name: string }[],
  name: string,
  message = `Unknown configuration key: ${name}`,
): DreyError {
  const guess = nearest(name, table.map((row) => row.name));
  return new DreyError("BAD_REQUEST", {
    message,
    hint: guess === undefined ? undefined : `Did you mean "${guess}"?`,
  });
}

function isBelow(prefix: string, name: string): boolean {
  return name.length > prefix.length && name.startsWith(prefix);
}

/**
 * The value of a key in a configuration that was validated: parsed, or its default, or `undefined`. An empty
 * value counts as unset, as in LXD.
 */
export function readKey<T>(config: Values, row: Pick<Key<T>, "name" | "type" | "default">): T | undefined {
  const text = config[row.name] || row.default;
  if (text === undefined) return undefined;
  const parsed = row.type.parse(text);
  if ("problem" in parsed) throw new Error(`${row.name} holds "${text}", which was never validated`);
  return parsed.value;
}

/** A configuration without the keys that are empty, by which clients take a key away. */
export const withoutEmpty = (config: Values): Record<string, string> =>
  Object.fromEntries(Object.entries(config).filter(([, value]) => value !== ""));

/**
 * Holds the names of the keys that a change takes away against their table: any that LXD has may go, those too that
 * drey does not obey.
 *
 * @param validate holds a configuration against the table
 * @throws {DreyError} `BAD_REQUEST`
 */
export function mustKnowEmptied(config: Values, validate: (emptied: Values) => void): void {
  for (const [name, value] of Object.entries(config)) {
    if (value !== "") continue;
    try {
      validate({ [name]: value });
    } catch (error) {
      if (!(error instanceof DreyError && error.code === "NOT_SUPPORTED")) throw error;
    }
  }
}

/** What follows a pattern's prefix, mapped to its value: `environment.*` as the variables themselves. */
export function readPattern(config: Values, row: Key<string>): Record<string, string> {
  const prefix = row.name.slice(0, -1);
  const found = Object.entries(config).filter(([name]) => isBelow(prefix, name));
  return Object.fromEntries(found.map(([name, value]) => [name.slice(prefix.length), value]));
}
