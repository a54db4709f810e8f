// The network that is there without a question asked, and what is said where there can be none.

import { dirname, join } from "@std/path";
import { DreyError } from "../../errors.ts";
import { readIfThere } from "../../sys/present.ts";
import { fullPath } from "../../sys/run.ts";
import { findTool, packageOf } from "../../sys/tools.ts";
import type { Context } from "../context.ts";
import { createNetwork } from "../networks.ts";
import { defaultNetwork, networkKey } from "./record.ts";
import { readUplink } from "./uplink.ts";

const ref = { project: "default", name: defaultNetwork };

/** Makes the default network, unless it is there. */
export async function openDefaultNetwork(context: Context): Promise<void> {
  if (await context.store.get(networkKey(ref)) !== undefined) return;
  await using _lock = await context.store.lock(["default-network"]);
  if (await context.store.get(networkKey(ref)) !== undefined) return;
  await createNetwork(context, ref.project, { name: ref.name, type: "bridge" });
}

const networkTools = ["ip", "nft", "dnsmasq"];

export interface Missing {
  found: string;
  fix: string;
  /** why it could not be installed */
  why?: string;
}

/** What is still missing for any network: root on a bare machine is asked once, and gets it installed. */
export async function installNetworkTools(context: Context): Promise<Missing | undefined> {
  const missing = missingNetworkTools();
  if (missing === undefined || context.user.uid !== 0 || wasTold(context, noNetwork(missing))) return missing;
  const { installMissing } = await import("../host_packages.ts");
  try {
    await installMissing(networkTools);
  } catch (error) {
    if (!(error instanceof DreyError)) throw error;
    return error.code === "TOOL_MISSING" ? missing : { ...missing, why: error.message };
  }
  return undefined;
}

/**
 * Makes sure that networks can be made, for somebody who asked for one.
 *
 * @param attempt what is given up otherwise: `Cannot plug in "eth0"`
 * @throws {DreyError} `TOOL_MISSING`
 */
export async function mustHaveNetworkTools(context: Context, attempt: string): Promise<void> {
  const missing = await installNetworkTools(context);
  if (missing === undefined) return;
  throw new DreyError("TOOL_MISSING", { message: `${attempt}: ${missing.found}`, hint: missing.fix });
}

/** How an instance that nobody asked a network for is told that it has none. */
export const noNetwork = ({ found, fix }: Missing): string => `no network: ${found}; ${fix}`;

/** What is missing for any network, with its cure. */
export function missingNetworkTools(): Missing | undefined {
  const path = fullPath();
  const missing = networkTools.filter((tool) => findTool(tool, path) === undefined);
  if (missing.length === 0) return undefined;
  const packages = [...new Set(missing.map(packageOf))].join(" ");
  return {
    found: `${missing.join(" and ")} ${missing.length > 1 ? "are" : "is"} not installed`,
    fix: `an administrator can run: apt-get install ${packages}`,
  };
}

/** A warning, unless it was given before in the same words. */
export function tellOnce(context: Context, warning: string): string[] {
  if (wasTold(context, warning)) return [];
  const path = toldFile(context);
  Deno.mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  Deno.writeTextFileSync(path, `${warning}\n`, { append: true });
  return [warning];
}

/** The way out is missed only where there is none; told once. */
export function uplinkWarnings(context: Context): string[] {
  if (context.user.uid === 0) return [];
  const uplink = readUplink();
  if (uplink.tool !== undefined) return [];
  return tellOnce(
    context,
    `instances reach each other and nothing outside, since ${uplink.why}; an administrator can run: ${uplink.fix}`,
  );
}

const toldFile = (context: Context) => join(context.paths.state, "networks", "told");

function wasTold(context: Context, warning: string): boolean {
  return (readIfThere(toldFile(context)) ?? "").split("\n").includes(warning);
}
