// The configuration keys of managed networks: those drey obeys, and the names of those it knows of.

import { DreyError } from "../errors.ts";
import { contains, parseAddress, type Subnet } from "./address.ts";
import { findRow, type Key, readKey, unknownKeyOf, type Values } from "./key.ts";
import * as net from "./network_types.ts";
import { readTunnels } from "./tunnels.ts";
import * as types from "./types.ts";

export type NetworkKey<T = unknown> = Omit<Key<T>, "on"> & {
  /** types of networks it is for */
  for: readonly NetworkType[];
};
export type NetworkType = "bridge" | "macvlan" | "physical" | "sriov";

const bridges = ["bridge"] as const;
const parents = ["macvlan", "physical", "sriov"] as const;
const every = [...bridges, ...parents] as const;

function row<T>(
  name: string,
  type: Key<T>["type"],
  more: Partial<NetworkKey<T>> & { short: string },
): NetworkKey<T> {
  return { name, type, live: true, for: bridges, ...more };
}

const noneOr = <T>(type: types.ValueType<T>) => net.wordOr(["none", "auto"], type);

export const ipv4Address = row("ipv4.address", noneOr(net.ipv4Subnet), {
  short: "IPv4 address of the bridge with its prefix; none for no IPv4, auto for a free one",
});
export const ipv6Address = row("ipv6.address", noneOr(net.ipv6Subnet), {
  short: "IPv6 address of the bridge with its prefix; none for no IPv6, auto for a free one",
});
export const ipv4Nat = row("ipv4.nat", types.bool, {
  default: "false",
  short: "Whether what leaves the network by IPv4 takes the address of the way out",
});
export const ipv6Nat = row("ipv6.nat", types.bool, {
  default: "false",
  short: "Whether what leaves the network by IPv6 takes the address of the way out",
});
export const ipv4NatAddress = row("ipv4.nat.address", net.ipv4, {
  short: "Source address of what leaves by IPv4",
});
export const ipv6NatAddress = row("ipv6.nat.address", net.ipv6, {
  short: "Source address of what leaves by IPv6",
});
export const ipv4Dhcp = row("ipv4.dhcp", types.bool, {
  default: "true",
  short: "Whether addresses are given by DHCP",
});
export const ipv6Dhcp = row("ipv6.dhcp", types.bool, {
  default: "true",
  short: "Whether routers are advertised and settings given by DHCPv6",
});
export const ipv6Stateful = row("ipv6.dhcp.stateful", types.bool, {
  default: "false",
  short: "Whether addresses are given by DHCPv6 too",
});
export const ipv4Expiry = row("ipv4.dhcp.expiry", net.leaseTime, {
  default: "1h",
  short: "How long a lease lasts",
});
export const ipv6Expiry = row("ipv6.dhcp.expiry", net.leaseTime, {
  default: "1h",
  short: "How long a lease of DHCPv6 lasts",
});
export const ipv4Gateway = row("ipv4.dhcp.gateway", net.ipv4, {
  short: "Gateway told by DHCP; the bridge without it",
});
export const ipv4Ranges = row("ipv4.dhcp.ranges", net.listOf(net.ipv4Range), {
  short: "Ranges DHCP gives addresses from; the whole subnet without it",
});
export const ipv6Ranges = row("ipv6.dhcp.ranges", net.listOf(net.ipv6Range), {
  short: "Ranges DHCPv6 gives addresses from; the whole subnet without it",
});
export const ipv4Routes = row("ipv4.routes", net.listOf(net.ipv4Network), {
  short: "Further IPv4 subnets that lie behind the bridge",
});
export const ipv6Routes = row("ipv6.routes", net.listOf(net.ipv6Network), {
  short: "Further IPv6 subnets that lie behind the bridge",
});
export const ipv4Routing = row("ipv4.routing", types.bool, {
  default: "true",
  short: "Whether IPv4 passes between the network and others",
});
export const ipv6Routing = row("ipv6.routing", types.bool, {
  default: "true",
  short: "Whether IPv6 passes between the network and others",
});
export const dnsMode = row("dns.mode", types.oneOf("none", "managed", "dynamic"), {
  default: "managed",
  short: "Names that resolve: none, those drey gives, or those instances ask for",
});
export const dnsDomain = row("dns.domain", net.domainName, {
  default: "drey",
  short: "Domain of the network's names",
});
export const dnsSearch = row("dns.search", net.listOf(net.domainName), {
  short: "Domains in which short names are looked for; the network's own without it",
});
export const bridgeMtu = row("bridge.mtu", types.integer({ min: 1280, max: 65_535 }), {
  short: "Bytes of the largest packet; without it 65520 for a user, 1500 for root",
});
export const bridgeHwaddr = row("bridge.hwaddr", net.hardwareAddress, {
  short: "MAC address of the bridge",
});
export const bridgeDriver = row("bridge.driver", types.oneOf("native"), {
  default: "native",
  short: "What makes the bridge: the kernel",
});
export const bridgeMode = row("bridge.mode", types.oneOf("standard"), {
  default: "standard",
  short: "Kind of the bridge",
});
export const rawDnsmasq = row("raw.dnsmasq", types.string, {
  short: "Further lines of configuration for dnsmasq",
});
export const securityAcls = row("security.acls", types.string, {
  short: "Access control lists that every NIC on the network obeys",
});
export const ingressAction = row(
  "security.acls.default.ingress.action",
  types.oneOf("allow", "reject", "drop"),
  { default: "reject", short: "What becomes of traffic to an instance that no rule is about" },
);
export const egressAction = row(
  "security.acls.default.egress.action",
  types.oneOf("allow", "reject", "drop"),
  { default: "reject", short: "What becomes of traffic from an instance that no rule is about" },
);
export const ingressLogged = row("security.acls.default.ingress.logged", types.bool, {
  default: "false",
  short: "Whether traffic to an instance that no rule is about is logged",
});
export const egressLogged = row("security.acls.default.egress.logged", types.bool, {
  default: "false",
  short: "Whether traffic from an instance that no rule is about is logged",
});
export const parentKey = row("parent", net.interfaceName, {
  for: parents,
  short: "Interface of the host",
});
export const mtuKey = row("mtu", types.integer({ min: 68, max: 65_535 }), {
  for: parents,
  short: "Bytes of the largest packet",
});
export const vlanKey = row("vlan", types.integer({ min: 0, max: 4094 }), {
  for: parents,
  short: "VLAN of the parent that is used instead of all of it",
});
export const externalInterfaces = row("bridge.external_interfaces", net.listOf(net.interfaceName), {
  short: "Interfaces of the host that are ports of the bridge; for root",
});
export const tunnelKeys = row("tunnel.*", types.string, {
  short:
    "Tunnels to bridges elsewhere, for root: tunnel.NAME.protocol (vxlan or gre), .local and .remote; of vxlan " +
    ".id, .port, and without ends .group, .interface and .ttl",
});
export const gvrpKey = row("gvrp", types.bool, {
  for: ["macvlan", "physical"],
  default: "false",
  short: "Whether the VLAN is announced to switches",
});
export const ipv4Firewall = row("ipv4.firewall", types.bool, {
  default: "true",
  short: "Whether rules keep IPv4 in that is not routed",
});
export const ipv6Firewall = row("ipv6.firewall", types.bool, {
  default: "true",
  short: "Whether rules keep IPv6 in that is not routed",
});
const natOrders = types.oneOf("before", "after");
export const ipv4NatOrder = row("ipv4.nat.order", natOrders, {
  default: "before",
  short: "Whether its address translation comes before or after the host's own",
});
export const ipv6NatOrder = row("ipv6.nat.order", natOrders, {
  default: "before",
  short: "Whether its address translation comes before or after the host's own",
});
export const zoneForward = row("dns.zone.forward", net.listOf(net.domainName), {
  short: "Zones of DNS that its instances' names are in",
});
export const zoneReverse4 = row("dns.zone.reverse.ipv4", net.listOf(net.domainName), {
  short: "Zones of DNS that their IPv4 addresses are in",
});
export const zoneReverse6 = row("dns.zone.reverse.ipv6", net.listOf(net.domainName), {
  short: "Zones of DNS that their IPv6 addresses are in",
});
export const userKey = row("user.*", types.string, {
  for: every,
  short: "Anything, for people and scripts; drey only keeps it",
});
export const volatileHwaddr = row("volatile.bridge.hwaddr", net.hardwareAddress, {
  internal: true,
  short: "MAC address drey chose for the bridge",
});

/** Every key drey obeys, in the order of the reference page. */
export const networkKeys: readonly NetworkKey[] = [
  ...[bridgeDriver, bridgeHwaddr, bridgeMode, bridgeMtu, dnsDomain, dnsMode, dnsSearch],
  ...[ipv4Address, ipv4Dhcp, ipv4Expiry, ipv4Gateway, ipv4Ranges, ipv4Nat, ipv4NatAddress, ipv4Routes],
  ...[ipv4Routing, ipv6Address, ipv6Dhcp, ipv6Expiry, ipv6Ranges, ipv6Stateful, ipv6Nat, ipv6NatAddress],
  ...[ipv6Routes, ipv6Routing, mtuKey, parentKey, rawDnsmasq, userKey, volatileHwaddr],
  ...[ipv4Firewall, ipv6Firewall, ipv4NatOrder, ipv6NatOrder, gvrpKey],
  ...[externalInterfaces, tunnelKeys, vlanKey, zoneForward, zoneReverse4, zoneReverse6],
  ...[securityAcls, ingressAction, egressAction, ingressLogged, egressLogged],
];

/** LXD's keys that drey does not obey, and what they are about. */
export const networkKeysToCome: Readonly<Record<string, string>> = {
  "bgp.*": "drey speaks no BGP",
  "dns.nameservers": "it is for networks of type ovn",
  "fan.*": "drey makes no fan networks",
  "ipv4.gateway": "it is for networks of type ovn",
  "ipv4.ovn.ranges": "it is for networks of type ovn",
  "ipv4.routes.anycast": "it is for networks of type ovn",
  "ipv6.gateway": "it is for networks of type ovn",
  "ipv6.ovn.ranges": "it is for networks of type ovn",
  "ipv6.routes.anycast": "it is for networks of type ovn",
  network: "it is for networks of type ovn",
  "ovn.*": "it is for networks of type ovn",
};

/**
 * Holds the configuration of a network against the table. An empty value is an unset key and always passes.
 *
 * @throws {DreyError} `BAD_REQUEST` for an unknown key or a value of the wrong form, `NOT_SUPPORTED` for a key of LXD
 * that drey does not obey yet
 */
export function validateNetworkConfig(type: NetworkType, config: Values): void {
  const rows = networkKeys.filter((key) => key.for.includes(type));
  for (const [name, value] of Object.entries(config)) {
    const found = findRow(rows, name) ?? patternRow(rows, name);
    if (found === undefined) throw unknownKey(type, name);
    if (value === "") continue;
    const parsed = found.type.parse(value);
    if ("problem" in parsed) {
      throw bad(`Invalid value for network "${name}": ${parsed.problem}, got "${value}"`);
    }
  }
  if (type === "bridge") checkTogether(config);
  else if (config["gvrp"] && !config["vlan"]) throw bad('The key "gvrp" needs "vlan"');
  else if (!config["parent"]) throw bad(`A network of type ${type} needs the key "parent"`);
}

function patternRow(rows: readonly NetworkKey[], name: string): NetworkKey | undefined {
  return rows.find((row) => row.name.endsWith("*") && name.startsWith(row.name.slice(0, -1)));
}

/** Options of dnsmasq(8) that run programs, write files, or read more options that may. */
const notRaw =
  /^\s*(dhcp-script|dhcp-luascript|dhcp-scriptuser|conf-(script|file|dir)|dhcp-leasefile|dumpfile|dnssec-timestamp|log-facility|pid-file|user|group)\b/m;

/** What no single key can tell. */
function checkTogether(config: Values): void {
  readTunnels(config);
  const v4 = readKey(config, ipv4Address);
  const v6 = readKey(config, ipv6Address);
  for (const range of readKey(config, ipv4Ranges) ?? []) mustLie(v4, range, "ipv4.dhcp.ranges");
  for (const range of readKey(config, ipv6Ranges) ?? []) mustLie(v6, range, "ipv6.dhcp.ranges");
  if (config["ipv6.dhcp.ranges"] && !readKey(config, ipv6Stateful)) {
    throw bad('The key "ipv6.dhcp.ranges" needs "ipv6.dhcp.stateful"');
  }
  const raw = config["raw.dnsmasq"] ?? "";
  if (notRaw.test(raw)) {
    throw bad(
      'The key "raw.dnsmasq" may not say what dnsmasq runs, reads its configuration from or writes to',
    );
  }
  if (raw.includes("\0")) throw bad('Invalid value for network "raw.dnsmasq": it holds a zero byte');
}

function mustLie(subnet: Subnet | "none" | "auto" | undefined, range: net.Range, name: string): void {
  if (typeof subnet !== "object") return;
  const ends = [range.first, range.last].map(parseAddress);
  if (ends.every((end) => end !== undefined && contains(subnet, end))) return;
  throw bad(
    `Invalid value for network "${name}": ${range.first}-${range.last} is not in the network's subnet`,
  );
}

function unknownKey(type: string, name: string): DreyError {
  const found = Object.entries(networkKeysToCome).find(([known]) =>
    known.endsWith("*") ? name.startsWith(known.slice(0, -1)) : name === known
  );
  // of a physical network they say where those of type ovn begin
  const isUplink = type === "physical" && /^ipv[46]\.routes$/.test(name);
  if (found === undefined && !isUplink) {
    return unknownKeyOf(networkKeys, name, `Invalid option for network of type "${type}": ${name}`);
  }
  const why = found?.[1] ?? "it is for networks of type ovn";
  return new DreyError("NOT_SUPPORTED", { message: `Network key "${name}" is not supported: ${why}` });
}

const bad = (message: string) => new DreyError("BAD_REQUEST", { message });
