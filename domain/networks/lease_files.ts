// The files in which dnsmasq keeps leases, between one run of it and the next.

import { join } from "@std/path";
import { parseLeases } from "../../network/dnsmasq.ts";
import { readIfThere } from "../../sys/present.ts";
import type { Context } from "../context.ts";
import type { InstanceRecord } from "../instances/record.ts";
import { networkDirectory } from "./record.ts";

/**
 * Gives back the addresses of instances that are gone: whoever makes and deletes hundreds in an hour would have none
 * left. Only for networks that are not up, on which nobody uses an address; what stopped instances had, they keep.
 */
export async function forgetLeases(context: Context, networks: readonly string[]): Promise<void> {
  const files = networks.map((name) => join(networkDirectory(context, name), "leases"));
  const texts = files.map((path) => readIfThere(path) ?? "");
  if (texts.every((text) => text === "")) return;
  const entries = await context.store.list<InstanceRecord>(["instances"]);
  const known = new Set(entries.flatMap(({ value }) => addressesOf(value)));
  for (const [at, path] of files.entries()) {
    const text = texts[at] ?? "";
    const kept = withoutStrangers(text, known);
    if (kept !== text) Deno.writeTextFileSync(path, kept);
  }
}

/** The lines of a file of leases but those of MAC addresses that nobody has; those of DHCPv6 have none. */
export function withoutStrangers(text: string, known: ReadonlySet<string>): string {
  return text.split("\n").filter((line) => {
    const [lease] = parseLeases(line);
    return lease === undefined || known.has(lease.hwaddr);
  }).join("\n");
}

/** MAC addresses of an instance's NICs, those it was given and those it remembers. */
export function addressesOf({ config = {}, devices = {} }: Partial<InstanceRecord>): string[] {
  const remembered = Object.entries(config).filter(([key]) => /^volatile\..+\.hwaddr$/.test(key));
  const given = Object.values(devices).flatMap(({ hwaddr }) => hwaddr ?? []);
  return [...remembered.map(([, value]) => value), ...given].map((text) => text.toLowerCase());
}
