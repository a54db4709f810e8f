// What access control on a network has refused, and what an access control list has logged: both are sets of nftables
// that the kernel fills, so that nothing need run for them.

import type { LogEntry } from "../../network/acl.ts";
import type { NetworkRefusal } from "../../wire/network.ts";
import type { Context, Ref } from "../context.ts";
import { loadNetwork } from "./record.ts";
import { readRefusals } from "./rules.ts";

/** The last refused first. @throws {DreyError} `NOT_FOUND` for the network */
export async function networkRefusals(context: Context, ref: Ref): Promise<NetworkRefusal[]> {
  await loadNetwork(context, ref);
  return timed(context, await readRefusals(context, ref.name));
}

/** Entries with the time of their last packet in place of its age, the last first. */
export function timed(context: Context, entries: readonly LogEntry[]): NetworkRefusal[] {
  const now = context.now().getTime();
  const time = (age: number) => new Date(now - age * 1000).toISOString().replace(/\.\d+/, "");
  return entries.toSorted((a, b) => a.age - b.age).map(({ age, ...entry }) => ({
    time: time(age),
    ...entry,
  }));
}
