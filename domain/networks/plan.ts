// What a managed bridge is made of, from its record: interface, addresses, DHCP and names, rules. Pure.

import { formatAddress, type Subnet } from "../../config/address.ts";
import { readKey } from "../../config/key.ts";
import * as keys from "../../config/network_keys.ts";
import { dnsmasqArgs, type DnsmasqPlan, wholeRange } from "../../network/dnsmasq.ts";
import { readTunnels } from "../../config/tunnels.ts";
import type { NetworkRules } from "../../network/firewall.ts";
import type { Service } from "../../network/hub.ts";
import {
  bridgeAddressLines,
  bridgeLines,
  type BridgePlan,
  bridgePortsLines,
  ipScript,
} from "../../network/links.ts";
import type { Config } from "../../wire/instance.ts";

export interface NetworkPlan {
  bridge: BridgePlan;
  rules: NetworkRules;
  dnsmasq: DnsmasqPlan | undefined;
  raw: string | undefined;
}

export interface NetworkFacts {
  name: string;
  config: Config;
  /** the drey whose it is */
  owner: string;
  /** where its dnsmasq keeps things */
  directory: string;
  /** resolvers to ask; undefined for those of /etc/resolv.conf */
  upstream: readonly string[] | undefined;
  /** whether this kernel speaks IPv6 */
  hasIpv6: boolean;
  /** sets that addresses of domains are gathered in */
  nftSets: Readonly<Record<string, string>>;
  /** `bytes` of the largest packet where the network does not say */
  mtu: number;
}

/** The subnet of a family that a network has. */
export function subnetOf(config: Config, family: 4 | 6): Subnet | undefined {
  const value = readKey(config, family === 4 ? keys.ipv4Address : keys.ipv6Address);
  return typeof value === "object" ? value : undefined;
}

/** `bytes` of the largest packet of a bridge; what a tunnel adds to one must fit into one of its underlay. */
export function bridgeMtuOf(config: Config, usual: number): number {
  return readKey(config, keys.bridgeMtu) ?? (readTunnels(config).length > 0 ? Math.min(1400, usual) : usual);
}

/** The bridge, the rules and the services that the settings of a network come to. */
export function planNetwork(facts: NetworkFacts): NetworkPlan {
  const { name, config, hasIpv6 } = facts;
  const v4 = subnetOf(config, 4);
  const v6 = hasIpv6 ? subnetOf(config, 6) : undefined;
  const routes = [
    ...(v4 === undefined ? [] : readKey(config, keys.ipv4Routes) ?? []),
    ...(v6 === undefined ? [] : readKey(config, keys.ipv6Routes) ?? []),
  ];
  const tunnels = readTunnels(config);
  const mtu = bridgeMtuOf(config, facts.mtu);
  return {
    bridge: {
      name,
      owner: facts.owner,
      tunnels,
      external: readKey(config, keys.externalInterfaces) ?? [],
      hwaddr: config["bridge.hwaddr"] || config["volatile.bridge.hwaddr"] || "",
      mtu,
      addresses: [v4, v6].filter((subnet) => subnet !== undefined),
      routes: routes.map((subnet) => `${formatAddress(subnet)}/${subnet.prefix}`),
      hasIpv6: v6 !== undefined,
    },
    rules: rulesOf(config, name, { v4, v6 }),
    dnsmasq: v4 === undefined && v6 === undefined ? undefined : dnsmasqPlan({ ...facts, mtu }, { v4, v6 }),
    raw: config["raw.dnsmasq"] || undefined,
  };
}

interface Subnets {
  v4: Subnet | undefined;
  v6: Subnet | undefined;
}

function rulesOf(config: Config, bridge: string, { v4, v6 }: Subnets): NetworkRules {
  const of = (subnet: Subnet | undefined, family: "ipv4" | "ipv6"): NetworkRules["subnets"][number][] => {
    if (subnet === undefined) return [];
    const isV4 = family === "ipv4";
    const address = readKey(config, isV4 ? keys.ipv4NatAddress : keys.ipv6NatAddress);
    const isNat = readKey(config, isV4 ? keys.ipv4Nat : keys.ipv6Nat) ?? false;
    return [{
      subnet,
      nat: isNat && address !== undefined ? { address: formatAddress(address) } : isNat,
      isRouted: (readKey(config, isV4 ? keys.ipv4Routing : keys.ipv6Routing) ?? true) ||
        !(readKey(config, isV4 ? keys.ipv4Firewall : keys.ipv6Firewall) ?? true),
      order: readKey(config, isV4 ? keys.ipv4NatOrder : keys.ipv6NatOrder) ?? "before",
    }];
  };
  return { bridge, subnets: [...of(v4, "ipv4"), ...of(v6, "ipv6")] };
}

function dnsmasqPlan(
  { name, config, directory, upstream, nftSets, mtu }: NetworkFacts,
  { v4, v6 }: Subnets,
): DnsmasqPlan {
  const gateway = readKey(config, keys.ipv4Gateway);
  const domain = readKey(config, keys.dnsDomain) ?? "drey";
  const ends = (ranges: readonly { first: string; last: string }[] | undefined, subnet: Subnet) =>
    ranges?.map(({ first, last }): [string, string] => [first, last]) ?? wholeRange(subnet);
  const dhcp4 = v4 !== undefined && readKey(config, keys.ipv4Dhcp)
    ? {
      ranges: ends(readKey(config, keys.ipv4Ranges), v4),
      expiry: readKey(config, keys.ipv4Expiry) ?? "1h",
      ...(gateway === undefined ? {} : { gateway: formatAddress(gateway) }),
    }
    : undefined;
  const dhcp6 = v6 !== undefined && readKey(config, keys.ipv6Dhcp)
    ? {
      isStateful: readKey(config, keys.ipv6Stateful) ?? false,
      ranges: ends(readKey(config, keys.ipv6Ranges), v6),
      expiry: readKey(config, keys.ipv6Expiry) ?? "1h",
    }
    : undefined;
  return {
    bridge: name,
    directory,
    ...(v4 === undefined ? {} : { ipv4: { subnet: v4, ...(dhcp4 && { dhcp: dhcp4 }) } }),
    ...(v6 === undefined ? {} : { ipv6: { subnet: v6, ...(dhcp6 && { dhcp: dhcp6 }) } }),
    dns: {
      mode: readKey(config, keys.dnsMode) ?? "managed",
      domain,
      search: readKey(config, keys.dnsSearch) ?? [domain],
    },
    upstream,
    mtu,
    nftSets,
    hasRaw: Boolean(config["raw.dnsmasq"]),
  };
}

export const dnsService = (network: string): string => `dns.${network}`;

/** The service that gives addresses and names, if the network has one. */
export function dnsmasqService({ bridge, dnsmasq }: NetworkPlan): Service[] {
  return dnsmasq === undefined
    ? []
    : [{ name: dnsService(bridge.name), argv: dnsmasqArgs(dnsmasq), isInside: true, hasEnd: true }];
}

/** Lines of sh that make the bridge in the namespace they run in. */
export function bringUpScript({ bridge }: NetworkPlan): string {
  return [
    ipScript(bridgeLines(bridge)),
    ipv6Script(bridge),
    ipScript(bridgeAddressLines(bridge)),
    ...bridgePortsLines(bridge).map((line) => `${line}\n`),
  ].join("");
}

/** A line of sh that switches IPv6 on or off on a bridge, if the kernel has it. */
export function ipv6Script({ name, hasIpv6 }: NetworkPlan["bridge"]): string {
  const conf = `/proc/sys/net/ipv6/conf/${name}`;
  const lines = hasIpv6
    // a host without IPv6 outside may still have it between instances
    ? [`echo 0 >${conf}/disable_ipv6`, `echo 0 >${conf}/accept_dad`, `echo 0 >${conf}/accept_ra`]
    : [`echo 1 >${conf}/disable_ipv6`];
  return `if [ -e ${conf} ]; then ${lines.join("; ")}; fi\n`;
}

/** Lines of sh that remove it, if whoever was killed has not done so already. */
export const takeDownScript = (name: string): string =>
  `ip link delete ${name} || ! ip link show ${name} >/dev/null 2>&1\n`;

/** Lines of sh that remove an interface of the host if it bears an owner's mark. */
export const ownAwayScript = (name: string, owner: string): string =>
  `[ "$(cat /sys/class/net/${name}/ifalias 2>/dev/null)" != ${owner} ] || ip link delete ${name}\n`;

/** Lines of sh that let packets pass; interfaces that learn routes from advertisements go on doing so. */
export const forwardingScript = `echo 1 >/proc/sys/net/ipv4/ip_forward
for conf in /proc/sys/net/ipv6/conf/*; do
  [ ! -e "$conf/accept_ra" ] || [ "$(cat "$conf/accept_ra")" != 1 ] || echo 2 >"$conf/accept_ra"
done
[ ! -e /proc/sys/net/ipv6 ] || echo 1 >/proc/sys/net/ipv6/conf/all/forwarding
`;
