// What drey remembers of a managed network, and where its things lie.

import { join } from "@std/path";
import { DreyError } from "../../errors.ts";
import type { NetworkType } from "../../config/network_keys.ts";
import type { Entry, Key } from "../../store/store.ts";
import type { Config } from "../../wire/instance.ts";
import type { Context, Ref } from "../context.ts";

export interface NetworkRecord {
  type: NetworkType;
  description: string;
  config: Config;
}

/** The network every instance is plugged into unless told otherwise; it appears with its first use. */
export const defaultNetwork = "dreybr0";

export const networkKey = (ref: Ref): Key => ["networks", ref.project, ref.name];

/**
 * The record of a network.
 *
 * @throws {DreyError} `NOT_FOUND`
 */
export async function loadNetwork(context: Context, ref: Ref): Promise<Entry<NetworkRecord>> {
  const entry = await context.store.get<NetworkRecord>(networkKey(ref));
  if (entry === undefined) throw new DreyError("NOT_FOUND", { message: `Network "${ref.name}" not found` });
  return entry;
}

/** All networks of a project, or of every one. */
export async function networkRecords(
  context: Context,
  project?: string,
): Promise<{ ref: Ref; record: NetworkRecord }[]> {
  const prefix = project === undefined ? ["networks"] : ["networks", project];
  const entries = await context.store.list<NetworkRecord>(prefix);
  return entries.filter(({ key }) => key.length === 3).map(({ key, value }) => ({
    ref: { project: key[1] ?? "", name: key[2] ?? "" },
    record: value,
  }));
}

/** Where dnsmasq keeps the leases of a network and is told of its instances. */
export const networkDirectory = (context: Context, name: string): string =>
  join(context.paths.state, "networks", name);
