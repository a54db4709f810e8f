// The rules of nftables(8) for a hub, as the text of `nft -f`: one text says all there is and replaces all there was in
// one step, so that no packet sees half of it and no connection is forgotten. Pure.

import { formatSubnet, networkOf, type Subnet } from "../config/address.ts";
import { hairpinRules, type PortRule, portRules } from "./port_rules.ts";
import { aclText, type BridgeFeatures, markText, type NicAcls } from "./acl.ts";

export interface NetworkRules {
  bridge: string;
  subnets: readonly {
    subnet: Subnet;
    /** whether what leaves takes the address of the way out, or a given one */
    nat: false | true | { address: string };
    isRouted: boolean;
    /** whether its translation comes before that of others, or after it */
    order: "before" | "after";
  }[];
}

/** What one NIC may send. */
export interface NicRules {
  /** its end outside the instance */
  hostName: string;
  /** whether it is plugged into a bridge, whose table sees it first */
  isBridged: boolean;
  hwaddr: string;
  filters: {
    mac: boolean;
    /** addresses it may use; absent if any */
    ipv4?: readonly string[];
    ipv6?: readonly string[];
  };
  /** `bytes` per second it may send */
  egress?: number;
  /** what the kernel's queues take its packets for, skb->priority */
  priority?: number;
}

export interface FirewallPlan {
  /** name of the tables, one drey's own */
  table: string;
  networks: readonly NetworkRules[];
  nics: readonly NicRules[];
  ports: readonly PortRule[];
  acls: readonly NicAcls[];
  features: BridgeFeatures;
}

/** The whole text. */
export function firewallText(plan: FirewallPlan): string {
  return [
    ...tableText(`inet ${plan.table}`, [
      chain("postrouting", "type nat hook postrouting priority srcnat - 1; policy accept;", [
        ...natRules(plan, "before"),
        ...hairpinRules(
          plan.ports,
          plan.networks.flatMap(({ subnets }) => subnets.map(({ subnet }) => subnet)),
        ),
      ]),
      ...afterRouting(natRules(plan, "after")),
      chain("prerouting", "type nat hook prerouting priority dstnat; policy accept;", portRules(plan.ports)),
      chain("output", "type nat hook output priority -100; policy accept;", portRules(plan.ports)),
      chain("forward", "type filter hook forward priority filter; policy accept;", forwardRules(plan)),
      chain(
        "routed",
        "type filter hook prerouting priority raw; policy accept;",
        plan.nics.filter((nic) => !nic.isBridged).flatMap((
          nic,
        ) => [...rateRules(nic), ...priorityRules(nic)]),
      ),
      ...markText(plan.acls, plan.features),
    ]),
    ...tableText(`bridge ${plan.table}`, [
      chain(
        "prerouting",
        "type filter hook prerouting priority -300; policy accept;",
        plan.nics.filter((nic) => nic.isBridged).flatMap((
          nic,
        ) => [...filterRules(nic), ...rateRules(nic), ...priorityRules(nic)]),
      ),
      ...aclText(plan.acls, plan.features),
    ]),
  ].join("\n") + "\n";
}

/** What removes all of it. */
export function firewallRemoval(table: string): string {
  return ["inet", "bridge"].flatMap((family) => [
    `table ${family} ${table} {\n}`,
    `delete table ${family} ${table}`,
  ]).join("\n") + "\n";
}

function tableText(name: string, chains: readonly string[]): string[] {
  // flushed and not deleted: sets keep what they have gathered
  return [`table ${name} {\n}`, `flush table ${name}`, `table ${name} {\n${chains.join("\n")}\n}`];
}

function chain(name: string, head: string, rules: readonly string[]): string {
  return `chain ${name} {\n${[head, ...rules].join("\n")}\n}`;
}

const afterRouting = (rules: readonly string[]) =>
  rules.length === 0
    ? []
    : [chain("afterrouting", "type nat hook postrouting priority srcnat + 1; policy accept;", rules)];

const familyOf = (subnet: Subnet) => subnet.family === 4 ? "ip" : "ip6";

function natRules({ networks }: FirewallPlan, wanted: "before" | "after"): string[] {
  return networks.flatMap(({ subnets }) =>
    subnets.flatMap(({ subnet, nat, order }) => {
      if (nat === false || order !== wanted) return [];
      const [family, own] = [familyOf(subnet), formatSubnet(networkOf(subnet))];
      const verdict = nat === true ? "masquerade" : `snat to ${nat.address}`;
      return [`${family} saddr ${own} ${family} daddr != ${own} ${verdict}`];
    })
  );
}

function forwardRules({ networks }: FirewallPlan): string[] {
  return networks.flatMap(({ bridge, subnets }) =>
    subnets.filter(({ isRouted }) => !isRouted).flatMap(({ subnet }) => {
      const family = subnet.family === 4 ? "ipv4" : "ipv6";
      return [
        `iifname "${bridge}" oifname != "${bridge}" meta nfproto ${family} reject`,
        `oifname "${bridge}" iifname != "${bridge}" meta nfproto ${family} reject`,
      ];
    })
  );
}

function rateRules({ hostName, egress }: NicRules): string[] {
  if (egress === undefined) return [];
  const burst = Math.max(Math.round(egress / 10), 65_536);
  return [
    `iifname "${hostName}" limit rate over ${Math.round(egress)} bytes/second burst ${burst} bytes drop`,
  ];
}

function priorityRules({ hostName, priority }: NicRules): string[] {
  if (priority === undefined) return [];
  const hex = (value: number) => (value & 0xffff).toString(16);
  // written as the handle of a class, in the two halves of which it is shown
  return [`iifname "${hostName}" meta priority set "${hex(priority >>> 16)}:${hex(priority)}"`];
}

/** LXD's filters: frames that do not come from the NIC's own addresses go no further than its cable. */
function filterRules({ hostName, hwaddr, filters: { mac, ipv4, ipv6 } }: NicRules): string[] {
  const from = `iifname "${hostName}"`;
  return [
    ...(mac || ipv4 !== undefined || ipv6 !== undefined
      ? [`${from} ether saddr != ${hwaddr} drop`, `${from} ether type arp arp saddr ether != ${hwaddr} drop`]
      : []),
    ...(ipv4 === undefined ? [] : ipv4Filter(from, ipv4)),
    ...(ipv6 === undefined ? [] : ipv6Filter(from, ipv6)),
    // tags and other protocols would carry what the rules above cannot see
    ...(ipv4 !== undefined && ipv6 !== undefined ? [`${from} ether type != { arp, ip, ip6 } drop`] : []),
  ];
}

function ipv4Filter(from: string, addresses: readonly string[]): string[] {
  if (addresses.length === 0) return [`${from} ether type { arp, ip } drop`];
  const own = `{ ${addresses.join(", ")} }`;
  return [
    `${from} ether type arp arp saddr ip != ${own} drop`,
    `${from} ip saddr 0.0.0.0 ip daddr 255.255.255.255 udp dport 67 accept`,
    // offering addresses is the network's business
    `${from} ether type ip udp sport 67 drop`,
    `${from} ether type ip ip saddr != ${own} drop`,
  ];
}

function ipv6Filter(from: string, addresses: readonly string[]): string[] {
  if (addresses.length === 0) return [`${from} ether type ip6 drop`];
  const hex = (address: string) => `0x${address}`;
  return [
    `${from} ether type ip6 icmpv6 type nd-router-advert drop`,
    `${from} ether type ip6 udp sport 547 drop`,
    `${from} ether type ip6 ip6 saddr != { ::, ${addresses.join(", ")} } drop`,
    // the target of a neighbor advertisement is 16 bytes at the 8th byte of the ICMPv6 message
    ...[
      `${from} icmpv6 type nd-neighbor-advert @nh,384,128 != { ${
        addresses.map(toHex).map(hex).join(", ")
      } } drop`,
    ],
  ];
}

/** The 32 digits of an IPv6 address. */
function toHex(address: string): string {
  const [before = "", after] = address.split("::");
  const words = (text: string) => text === "" ? [] : text.split(":");
  const left = words(before);
  const right = after === undefined ? [] : words(after);
  const all = [...left, ...Array<string>(8 - left.length - right.length).fill("0"), ...right];
  return all.map((word) => word.padStart(4, "0")).join("");
}
