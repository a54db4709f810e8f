// What is in a project: the table of kinds of things that belong to one, and their addresses.

import { inProject } from "../../wire/address.ts";
import type { Key } from "../../store/store.ts";
import type { Context } from "../context.ts";

interface Kind {
  /** first word of the keys; the second is the project */
  prefix: string;
  /** address of the thing without its project; nothing for entries that are no thing of their own */
  address(rest: readonly string[]): string | undefined;
}

const kinds: readonly Kind[] = [
  { prefix: "instances", address: ([name, ...more]) => more.length > 0 ? undefined : `instances/${name}` },
  { prefix: "images", address: ([fingerprint]) => `images/${fingerprint}` },
  { prefix: "networks", address: ([name, ...more]) => more.length > 0 ? undefined : `networks/${name}` },
  { prefix: "network-acls", address: ([name = ""]) => `network-acls/${encodeURIComponent(name)}` },
  { prefix: "network-zones", address: ([name = ""]) => `network-zones/${encodeURIComponent(name)}` },
  {
    prefix: "volumes",
    address: ([pool, name = "", ...more]) =>
      more.length > 0 ? undefined : `storage-pools/${pool}/volumes/custom/${encodeURIComponent(name)}`,
  },
  { prefix: "profiles", address: ([name = ""]) => `profiles/${encodeURIComponent(name)}` },
];

/** Addresses of everything in a project, or in all, by project. */
export async function projectContents(
  context: Context,
  project?: string,
): Promise<Map<string, string[]>> {
  const found = new Map<string, string[]>();
  for (const { prefix, address } of kinds) {
    const under: Key = project === undefined ? [prefix] : [prefix, project];
    for (const { key: [, home = "", ...rest] } of await context.store.list(under)) {
      const path = address(rest);
      if (path === undefined) continue;
      found.set(home, [...found.get(home) ?? [], inProject(`/1.0/${path}`, home)]);
    }
  }
  return found;
}
