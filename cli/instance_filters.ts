// The filters of `drey list`: the beginning of a name, a regular expression, or key=value, where the key is a property
// or one of the configuration.

import { DreyError } from "../errors.ts";
import type { InstanceFull } from "../wire/instance.ts";
import { addresses } from "./instance_columns.ts";

/** Whether a filter needs to know what only a look at the running instance tells. */
export const needsState = (filter: string): boolean => /^ipv[46]=/.test(filter);

/** Whether an instance passes every filter. @throws {DreyError} `BAD_REQUEST` for a bad expression */
export function passes(instance: InstanceFull, filters: readonly string[]): boolean {
  return filters.every((filter) => passesOne(instance, filter));
}

function passesOne(instance: InstanceFull, filter: string): boolean {
  const at = filter.indexOf("=");
  if (at === -1) {
    return instance.name.startsWith(filter) || expression(filter).test(instance.name);
  }
  const [key, value] = [filter.slice(0, at), filter.slice(at + 1)];
  const shorthand = Object.hasOwn(shorthands, key) ? shorthands[key] : undefined;
  if (shorthand !== undefined) return value.split(",").some((wanted) => shorthand(instance, wanted));
  const property = textsOf(instance, key);
  if (property !== undefined) return property.some((found) => isWanted(found, value));
  return Object.entries({ ...instance.config, ...instance.expanded_config })
    .some(([name, found]) => isAbbreviation(key, name) && isWanted(found, value));
}

/** A property of the instance itself, such as its description or its profiles. */
function textsOf(instance: InstanceFull, key: string): string[] | undefined {
  const found = Object.hasOwn(instance, key)
    ? (instance as unknown as Record<string, unknown>)[key]
    : undefined;
  const items: unknown[] = Array.isArray(found) ? found : [found];
  return items.every((item) => ["string", "number", "boolean"].includes(typeof item))
    ? items.map(String)
    : undefined;
}

const isWanted = (found: string, value: string) => found === value || expression(value).test(found);

const sameText = (found: string, wanted: string) => found.toLowerCase() === wanted.toLowerCase();

const shorthands: Record<string, (instance: InstanceFull, wanted: string) => boolean> = {
  type: (instance, wanted) => sameText(instance.type, wanted),
  status: (instance, wanted) => sameText(instance.status, wanted),
  architecture: (instance, wanted) => sameText(instance.architecture, wanted),
  location: (instance, wanted) => sameText(instance.location, wanted),
  ipv4: (instance, wanted) => ipsOf(instance, "inet").some((address) => inNetwork(address, wanted)),
  ipv6: (instance, wanted) => ipsOf(instance, "inet6").some((address) => inNetwork(address, wanted)),
};

const ipsOf = (instance: InstanceFull, family: "inet" | "inet6") =>
  addresses(instance, family).map((text) => text.split(" ")[0] ?? "");

/** Whether `u.team` stands for `user.team`: each word but the last may be shortened. */
export function isAbbreviation(short: string, name: string): boolean {
  if (short === name) return true;
  const [shortWords, words] = [short.split("."), name.split(".")];
  if (shortWords.length < 2 || shortWords.length > words.length) return false;
  const [firstShort = "", ...restShort] = shortWords;
  const [first = "", ...rest] = words;
  return firstShort !== "" && first.startsWith(firstShort) && restShort.join(".") === rest.join(".");
}

/** One without an anchor is about the whole text. */
function expression(pattern: string): RegExp {
  try {
    return new RegExp(/[$^]/.test(pattern) ? pattern : `^(?:${pattern})$`);
  } catch (error) {
    throw new DreyError("BAD_REQUEST", { message: `"${pattern}" is no regular expression`, cause: error });
  }
}

/** Whether an address is the wanted one or lies in the wanted network, `10.0.0.0/8`. */
export function inNetwork(address: string, wanted: string): boolean {
  const [network = "", length] = wanted.split("/");
  const [a, b] = [addressBits(address), addressBits(network)];
  if (a === undefined || b === undefined || a.length !== b.length) return false;
  const count = length === undefined ? a.length : Number(length);
  return a.slice(0, count) === b.slice(0, count);
}

function addressBits(address: string): string | undefined {
  if (/^\d+(\.\d+){3}$/.test(address)) {
    return address.split(".").map((part) => Number(part).toString(2).padStart(8, "0")).join("");
  }
  if (!/^[0-9a-f:]*:[0-9a-f:]*$/i.test(address)) return undefined;
  const [left = "", right] = address.split("::");
  const groups = (text: string) => text === "" ? [] : text.split(":");
  const missing = 8 - groups(left).length - groups(right ?? "").length;
  const zeros: string[] = right === undefined ? [] : Array(Math.max(0, missing)).fill("0");
  return [...groups(left), ...zeros, ...groups(right ?? "")]
    .map((group) => parseInt(group || "0", 16).toString(2).padStart(16, "0")).join("");
}
