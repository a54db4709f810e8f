// What is known of the user's hub: where it is, whether it is there, which networks are up in it.

import { join } from "@std/path";
import type { Subnet } from "../../config/address.ts";
import { type AclRules, domainsOf, nameSet } from "../../network/acl.ts";
import { hubFiles } from "../../network/hub_script.ts";
import { isHubAlive, isHubSound } from "../../network/hub.ts";
import { resolverAddress } from "../../network/uplink.ts";
import type { ContainerPlan } from "../../runtime/container_plan.ts";
import { shortHash } from "../../sys/short_hash.ts";
import type { Context } from "../context.ts";
import { hubDirectory } from "./nic_files.ts";
import { type NetworkPlan, planNetwork } from "./plan.ts";
import { defaultNetwork, networkDirectory, networkRecords } from "./record.ts";
import { hasIpv6 } from "./subnets.ts";
import { readUp } from "./up_file.ts";

export { hubDirectory };
export { readUp, type UpFile, upFile, writeUp } from "./up_file.ts";

export type ParentWay = ContainerPlan["ids"]["parent"];

/** Whether root runs drey: then the hub is the host's own network namespace. */
export const isHostHub = (context: Context): boolean => context.user.uid === 0;

/**
 * `bytes` of the largest packet of a network that does not say. A user's way out takes whole streams apart itself, and
 * is five times faster with large packets; root's networks may meet others that take 1500.
 */
export const usualMtu = (context: Context): number => isHostHub(context) ? 1500 : 65_520;

/** Held while the hub starts, ends or is mended. */
export const lockHub = (context: Context): Promise<AsyncDisposable> => context.store.lock(["network-hub"]);

/** Names of the networks that are up. */
export function networksUp(context: Context): string[] {
  return isHubAlive(hubDirectory(context)) ? readUp(context)?.networks ?? [] : [];
}

/** Whether a hub is there with all that makes one. */
export function isHubWhole(context: Context): boolean {
  return isHubSound(hubDirectory(context));
}

/**
 * The networks that are up whether or not something is plugged in: root's bridges. The default one, which nobody has
 * asked for, comes with its first NIC.
 */
export async function keptNetworks(context: Context): Promise<string[]> {
  if (!isHostHub(context)) return [];
  const bridges = (await networkRecords(context)).filter(({ record }) => record.type === "bridge");
  return bridges.map(({ ref }) => ref.name).filter((name) => name !== defaultNetwork);
}

/** The plans of networks by name; those that are no bridges of drey's have none. */
export async function planNetworks(
  context: Context,
  names: readonly string[],
  uplink: Subnet | string | undefined,
): Promise<NetworkPlan[]> {
  const resolver = typeof uplink === "object" ? resolverAddress(uplink) : uplink;
  const upstream = isHostHub(context) ? undefined : resolver === undefined ? [] : [resolver];
  const records = await networkRecords(context);
  const nftSets = await domainSets(context);
  return records.filter(({ ref, record }) => names.includes(ref.name) && record.type === "bridge").map((
    { ref, record },
  ) =>
    planNetwork({
      name: ref.name,
      config: record.config,
      owner: tableName(context),
      directory: networkDirectory(context, ref.name),
      upstream,
      hasIpv6: hasIpv6(),
      nftSets,
      mtu: usualMtu(context),
    })
  );
}

/** The way into the hub for a relay: the file that holds its keeper's pid, or the host itself. */
export function hubKeeper(context: Context): string {
  return isHostHub(context) ? "host" : join(hubDirectory(context), hubFiles.keeper);
}

/** The sets of addresses that access control lets through by name. */
async function domainSets(context: Context): Promise<Record<string, string>> {
  const acls = await context.store.list<Omit<AclRules, "name">>(["network-acls"]);
  const domains = domainsOf(acls.map(({ key, value }) => ({ name: key[2] ?? "", ...value })));
  const table = tableName(context);
  const sets = (domain: string) =>
    ([4, 6] as const).map((family) => `${family}#bridge#${table}#${nameSet(domain, family)}`).join(",");
  return Object.fromEntries(domains.map((domain) => [domain, sets(domain)]));
}

/** Name of this drey's tables of rules, and the mark on its interfaces: other dreys of root share the host. */
export function tableName(context: Context): string {
  if (!isHostHub(context) || context.paths.run === "/run/drey") return "drey";
  return `drey_${shortHash(context.paths.run)}`;
}
