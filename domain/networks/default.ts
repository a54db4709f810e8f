// The network that is there without a question asked, and what is said where there can be none.

import { join } from "@std/path";
import { fullPath } from "../../sys/run.ts";
import { findTool, packageOf } from "../../sys/tools.ts";
import type { Context } from "../context.ts";
import { createNetwork } from "../networks.ts";
import { defaultNetwork, networkKey } from "./record.ts";

const ref = { project: "default", name: defaultNetwork };

/** Makes the default network, unless it is there. */
export async function openDefaultNetwork(context: Context): Promise<void> {
  if (await context.store.get(networkKey(ref)) !== undefined) return;
  await using _lock = await context.store.lock(["default-network"]);
  if (await context.store.get(networkKey(ref)) !== undefined) return;
  await createNetwork(context, ref.project, { name: ref.name, type: "bridge" });
}

/** What is missing for any network, with its cure. */
export function missingNetworkTools(): { found: string; fix: string } | undefined {
  const path = fullPath();
  const missing = ["ip", "nft", "dnsmasq"].filter((tool) => findTool(tool, path) === undefined);
  if (missing.length === 0) return undefined;
  const packages = [...new Set(missing.map(packageOf))].join(" ");
  return {
    found: `${missing.join(" and ")} ${missing.length > 1 ? "are" : "is"} not installed`,
    fix: `an administrator can run: apt-get install ${packages}`,
  };
}

/** A warning, unless it was given before in the same words. */
export function tellOnce(context: Context, warning: string): string[] {
  const path = join(context.paths.state, "networks", "told");
  const told = readLines(path);
  if (told.includes(warning)) return [];
  Deno.mkdirSync(join(context.paths.state, "networks"), { recursive: true, mode: 0o700 });
  Deno.writeTextFileSync(path, `${warning}\n`, { append: true });
  return [warning];
}

function readLines(path: string): string[] {
  try {
    return Deno.readTextFileSync(path).split("\n");
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}
