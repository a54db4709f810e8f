// Answers of list routes: filtered, and as addresses or whole, as `recursion` asks.

import { truthOf } from "../config/truth.ts";
import { inProject } from "../wire/address.ts";

interface Listing<T> {
  recursion: number;
  filter: string | undefined;
  address(thing: T): string;
}

/** The things themselves, or their addresses. */
export async function listed<T>(
  things: T[],
  { recursion, filter, address }: Listing<T>,
): Promise<T[] | string[]> {
  const wanted = filter === undefined || filter === ""
    ? things
    : things.filter((await import("./filter.ts")).parseFilter(filter));
  return recursion > 0 ? wanted : wanted.map(address);
}

/** The address of a thing below a collection; things outside the default project say theirs. */
export function addressOf(collection: string, name: string, project: string): string {
  return inProject(`/1.0/${collection}/${encodeURIComponent(name)}`, project);
}

/** Whether a query parameter that is a switch is on. */
export function isOn(value: string | undefined): boolean {
  return truthOf(value ?? "") ?? false;
}
