// Access control lists as rules of nftables in the bridge, where a packet leaves or reaches an instance's cable: its
// root has no hand there. Pure.

import { parsePorts } from "../config/devices/proxy.ts";
import { type Direction, parts, subjectKind } from "../config/acl_rules.ts";
import type { NetworkAclRule } from "../wire/network_acl.ts";

export interface AclRules {
  name: string;
  ingress: readonly NetworkAclRule[];
  egress: readonly NetworkAclRule[];
}

export interface NicAcls {
  hostName: string;
  /** managed network it is on, which keeps what was refused */
  network?: string;
  /** in the order they are named */
  lists: readonly AclRules[];
  defaults: Record<Direction, { action: string; isLogged: boolean }>;
  /** addresses of the bridge, which answers for names */
  resolvers: readonly string[];
}

/** What this kernel's bridges can do. */
export interface BridgeFeatures {
  /** they track connections themselves; else those of the machine are marked on their way */
  tracks: boolean;
  /** they can refuse with a word; else they drop */
  rejects: boolean;
}

/** Bit of a packet's mark that says it belongs to a connection that was let through. */
const establishedMark = "0x10000";

/** Name of the set of addresses that a domain has led to. */
export const nameSet = (domain: string, family: 4 | 6): string =>
  `n${family}_${domain.toLowerCase().replaceAll(".", "_").replaceAll("-", "__")}`;

/** All domains some rules let through. */
export function domainsOf(lists: readonly AclRules[]): string[] {
  const all = lists.flatMap(({ egress }) => egress.flatMap(({ destination }) => parts(destination)));
  return [...new Set(all.filter((text) => subjectKind(text) === "name").map((text) => text.toLowerCase()))];
}

/** Sets and chains of the bridge's table; chains of its hooks that jump there by the NIC. */
export function aclText(nics: readonly NicAcls[], features: BridgeFeatures): string[] {
  if (nics.length === 0) return [];
  const lists = nics.flatMap(({ lists }) => lists);
  const names = [...new Set([...lists.map(({ name }) => name), "default"])];
  const vmap = (direction: Direction) =>
    `{ ${nics.map(({ hostName }) => `"${hostName}" : jump ${chainName(hostName, direction)}`).join(", ")} }`;
  return [
    ...names.map(aclLog).flatMap(logSets),
    ...[...new Set(nics.flatMap(({ network }) => network ?? []))].map(refusalLog).flatMap(logSets),
    ...domainsOf(lists).flatMap((domain) => [domainSet(domain, 4), domainSet(domain, 6)]),
    ...nics.flatMap((nic) =>
      (["ingress", "egress"] as const).map((direction) => nicChain(nic, direction, features))
    ),
    `chain aclforward {\ntype filter hook forward priority 300; policy accept;\niifname vmap ${
      vmap("egress")
    }\n}`,
    `chain aclinput {\ntype filter hook input priority 300; policy accept;\niifname vmap ${
      vmap("egress")
    }\n}`,
    `chain aclpost {\ntype filter hook postrouting priority 300; policy accept;\noifname vmap ${
      vmap("ingress")
    }\n}`,
  ];
}

/** Chains of the machine's own table that mark what belongs to a connection, where bridges cannot know. */
export function markText(nics: readonly NicAcls[], features: BridgeFeatures): string[] {
  if (nics.length === 0 || features.tracks) return [];
  const rule = `ct state established,related meta mark set meta mark or ${establishedMark}`;
  return [
    `chain markin {\ntype filter hook prerouting priority mangle; policy accept;\n${rule}\n}`,
    `chain markout {\ntype route hook output priority mangle; policy accept;\n${rule}\n}`,
  ];
}

const chainName = (hostName: string, direction: Direction) => `${direction}_${identifier(hostName)}`;

/** A name as nftables takes it; those of two that differ do too, or one would obey what is written for the other. */
const identifier = (name: string) => name.replace(/[^A-Za-z0-9]/g, (c) => `_${c.charCodeAt(0).toString(16)}`);

/** What packets are counted in, a set for each family: an ACL's log, or what a network has refused. */
type LogName = `log_${string}` | `refused_${string}`;
const aclLog = (acl: string): LogName => `log_${identifier(acl)}`;
const refusalLog = (network: string): LogName => `refused_${identifier(network)}`;
const setName = (log: LogName, family: 4 | 6) => `${log}_${family}`;

function logSets(log: LogName): string[] {
  return ([4, 6] as const).map((family) => {
    const address = family === 4 ? "ipv4_addr" : "ipv6_addr";
    return `set ${setName(log, family)} {\ntype ${address} . ${address} . inet_proto . inet_service\n` +
      "size 4096\nflags dynamic,timeout\ntimeout 1d\n}";
  });
}

function domainSet(domain: string, family: 4 | 6): string {
  return `set ${nameSet(domain, family)} {\ntype ${family === 4 ? "ipv4_addr" : "ipv6_addr"}\nsize 65535\n}`;
}

function nicChain(nic: NicAcls, direction: Direction, features: BridgeFeatures): string {
  const known = features.tracks ? "ct state established,related" : `meta mark and ${establishedMark} != 0`;
  const rank = ["drop", "reject", "allow"];
  const rules = nic.lists.flatMap((list) => list[direction].map((rule) => ({ list: list.name, rule })))
    .filter(({ rule }) => rule.state !== "disabled")
    .toSorted((a, b) => rank.indexOf(a.rule.action) - rank.indexOf(b.rule.action));
  const { action, isLogged } = nic.defaults[direction];
  const refusals = nic.network === undefined ? [] : [refusalLog(nic.network)];
  return [
    `chain ${chainName(nic.hostName, direction)} {`,
    `${known} accept`,
    ...basics(nic, direction),
    ...rules.flatMap(({ list, rule }) =>
      matches(rule).flatMap((match) => verdicts(match, rule, { log: aclLog(list), refusals, features }))
    ),
    ...logLines("", isLogged ? nic.lists.map(({ name }) => aclLog(name)).slice(0, 1) : []),
    ...logLines("", action === "allow" ? [] : refusals),
    verdict(action, features),
    "}",
  ].join("\n");
}

/** What every NIC needs to have a network at all: neighbors, addresses, names. */
function basics({ resolvers }: NicAcls, direction: Direction): string[] {
  const neighbors =
    "icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert, nd-router-solicit, nd-router-advert } accept";
  if (direction === "ingress") {
    return [
      "ether type arp accept",
      neighbors,
      "ether type ip udp sport 67 udp dport 68 accept",
      "ether type ip6 udp sport 547 udp dport 546 accept",
    ];
  }
  return [
    "ether type arp accept",
    neighbors,
    "ether type ip udp sport 68 udp dport 67 accept",
    "ether type ip6 udp sport 546 udp dport 547 accept",
    ...resolvers.map((address) =>
      `${address.includes(":") ? "ip6" : "ip"} daddr ${address} meta l4proto { tcp, udp } th dport 53 accept`
    ),
  ];
}

/** The conditions of a rule, one line for each family it may be about. */
function matches(rule: NetworkAclRule): string[] {
  const families = ([4, 6] as const).filter((family) =>
    rule.protocol !== (family === 4 ? "icmp6" : "icmp4") &&
    [rule.source, rule.destination].every((text) => {
      const subjects = parts(text);
      return subjects.length === 0 ||
        subjects.some((part) => [family, "name"].includes(subjectKind(part) ?? ""));
    })
  );
  return families.flatMap((family) => {
    const ip = family === 4 ? "ip" : "ip6";
    const subject = (field: "saddr" | "daddr", text: string | undefined): string[] => {
      const all = parts(text);
      if (all.length === 0) return [`ether type ${ip}`];
      const plain = all.filter((part) => subjectKind(part) === family);
      const names = all.filter((part) => subjectKind(part) === "name");
      return [
        ...(plain.length > 0 ? [`${ip} ${field} { ${plain.join(", ")} }`] : []),
        ...names.map((name) => `${ip} ${field} @${nameSet(name, family)}`),
      ];
    };
    return subject("saddr", rule.source).flatMap((source) =>
      subject("daddr", rule.destination).map((destination) => `${source} ${destination} ${rest(rule)}`.trim())
    );
  });
}

function rest(rule: NetworkAclRule): string {
  const { protocol = "" } = rule;
  if (protocol.startsWith("icmp")) {
    const word = protocol === "icmp4" ? "icmp" : "icmpv6";
    return [
      `meta l4proto ${protocol === "icmp4" ? "icmp" : "ipv6-icmp"}`,
      ...(rule.icmp_type ? [`${word} type ${rule.icmp_type}`] : []),
      ...(rule.icmp_code ? [`${word} code ${rule.icmp_code}`] : []),
    ].join(" ");
  }
  if (protocol === "") return "";
  const ports = (field: "sport" | "dport", text: string | undefined) =>
    text && parsePorts(text) !== undefined ? [`${protocol} ${field} { ${parts(text).join(", ")} }`] : [];
  return [
    `meta l4proto ${protocol}`,
    ...ports("sport", rule.source_port),
    ...ports("dport", rule.destination_port),
  ]
    .join(" ");
}

function verdicts(
  match: string,
  rule: NetworkAclRule,
  { log, refusals, features }: { log: LogName; refusals: readonly LogName[]; features: BridgeFeatures },
): string[] {
  const logs = [...(rule.state === "logged" ? [log] : []), ...(rule.action === "allow" ? [] : refusals)];
  return [...logLines(match, logs), `${match} ${verdict(rule.action, features)}`];
}

function verdict(action: string, { rejects }: BridgeFeatures): string {
  if (action === "allow") return "accept";
  return action === "reject" && rejects ? "reject" : "drop";
}

/** Counts a packet by who, to whom and what for. */
function logLines(match: string, logs: readonly LogName[]): string[] {
  return logs.flatMap((log) =>
    ([4, 6] as const).filter((family) => !match.startsWith(family === 4 ? "ip6 " : "ip ")).flatMap(
      (family) => {
        const ip = family === 4 ? "ip" : "ip6";
        const key = (port: string) => `{ ${ip} saddr . ${ip} daddr . meta l4proto . ${port} counter }`;
        const set = `update @${setName(log, family)}`;
        return [
          `${match} ether type ${ip} meta l4proto { tcp, udp } ${set} ${key("th dport")}`.trim(),
          `${match} ether type ${ip} meta l4proto != { tcp, udp } ${set} ${key("0")}`.trim(),
        ];
      },
    )
  );
}

export interface LogEntry {
  src: string;
  dst: string;
  proto: string;
  dst_port: number;
  packets: number;
  /** seconds since the last packet */
  age: number;
}

/** Names of the sets that an ACL's log is in. */
export const logSetsOf = (acl: string): string[] =>
  ([4, 6] as const).map((family) => setName(aclLog(acl), family));

/** Names of the sets that a network keeps what was refused in. */
export const refusalSetsOf = (network: string): string[] =>
  ([4, 6] as const).map((family) => setName(refusalLog(network), family));

/** Reads what `nft --json list set` says of such a set. */
export function parseLog(json: string): LogEntry[] {
  interface Element {
    elem: {
      val: { concat: [string, string, string | number, number] };
      expires?: number;
      counter?: { packets: number };
    };
  }
  const { nftables } = JSON.parse(json) as { nftables: { set?: { elem?: Element[] } }[] };
  return nftables.flatMap(({ set }) => set?.elem ?? []).map(({ elem: { val, expires = 0, counter } }) => {
    const [src, dst, proto, dst_port] = val.concat;
    return {
      src,
      dst,
      proto: String(proto),
      dst_port,
      packets: counter?.packets ?? 0,
      age: 86_400 - expires,
    };
  });
}
