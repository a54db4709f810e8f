// A NIC as it is plugged in, from what the device says and what its network is. Pure.

import { contains, formatAddress, parseAddress, slaacAddress, type Subnet } from "../../config/address.ts";
import * as keys from "../../config/devices/nic.ts";
import { readKey } from "../../config/key.ts";
import { dnsMode, ipv4Dhcp, ipv6Dhcp, ipv6Stateful } from "../../config/network_keys.ts";
import { DreyError } from "../../errors.ts";
import { hostLine } from "../../network/dnsmasq.ts";
import type { NicRules } from "../../network/firewall.ts";
import type { Announced, PortVlans } from "../../network/links.ts";
import type { Vlan } from "../../network/vlans.ts";
import type { Config, Device } from "../../wire/instance.ts";
import type { Ref } from "../context.ts";
import type { PluggedNic } from "./nic_files.ts";
import { subnetOf } from "./plan.ts";

/** How a NIC is connected. */
export type NicKind = HubKind | HostKind;

/** With a cable from the hub. */
export type HubKind =
  | { type: "bridged"; bridge: string; network?: Config; mtu: number }
  | { type: "p2p" }
  /** with an interface of the host that answers for its addresses, perhaps of a VLAN */
  | { type: "routed"; parent?: string; vlan?: Vlan };

const hostTypes = ["macvlan", "ipvlan", "physical", "sriov"] as const;

/** An interface of the host, or one made from it; for root. */
export interface HostKind {
  type: typeof hostTypes[number];
  parent: string;
  /** tag of the VLAN that is taken instead of all of the parent */
  vlan?: number;
  gvrp?: boolean;
  /** what its network says, if it is on one */
  mtu?: number;
}

export const isHostKind = (kind: NicKind): kind is HostKind => hostTypes.some((type) => type === kind.type);

export interface NicFacts {
  ref: Ref;
  /** name of the device */
  name: string;
  device: Device;
  /** expanded configuration of the instance, with what drey remembers of the NIC */
  config: Config;
  kind: NicKind;
  /** names of interfaces the instance's other NICs have, or will get before this one */
  taken: readonly string[];
  /** new names, where none are remembered */
  random: { hostName: string; hwaddr: string };
  /** address a NIC gets that must have one and names none */
  spareIpv4?: string;
}

/** A NIC at the hub. */
export type HubFacts = NicFacts & { kind: HubKind };

/** What the instance's configuration remembers of a NIC, by `volatile.NAME.KEY`. */
const remembered = ({ name, config }: NicFacts, key: string) => config[`volatile.${name}.${key}`];

/** The interface's name in the instance. */
export function interfaceNameOf(facts: NicFacts): string {
  const known = facts.device["name"] || remembered(facts, "name");
  if (known) return known;
  for (let index = 0;; index++) if (!facts.taken.includes(`eth${index}`)) return `eth${index}`;
}

/** What is kept in the configuration of the instance. */
export function nicVolatile(facts: HubFacts, { veth, rules }: PluggedNic): Config {
  const keep = (key: string) => `volatile.${facts.name}.${key}`;
  return {
    ...(facts.device["hwaddr"] ? {} : { [keep("hwaddr")]: rules.hwaddr }),
    ...(facts.device["host_name"] ? {} : { [keep("host_name")]: veth.hostName }),
    ...(facts.device["name"] ? {} : { [keep("name")]: veth.name }),
    ...(facts.spareIpv4 === undefined ? {} : { [keep("ipv4.address")]: facts.spareIpv4 }),
  };
}

/** The NIC as it is plugged in. */
export function planNic(facts: HubFacts): PluggedNic {
  const { device, kind, ref } = facts;
  const hwaddr = (device["hwaddr"] || remembered(facts, "hwaddr") || facts.random.hwaddr).toLowerCase();
  const hostName = device["host_name"] || facts.random.hostName;
  const mtu = readKey(device, keys.mtu) ?? (kind.type === "bridged" ? kind.mtu : 1500);
  const max = readKey(device, keys.limitsMax);
  const rate = (key: typeof keys.limitsIngress) => {
    const bits = readKey(device, key) ?? max;
    return bits === undefined ? undefined : bits / 8;
  };
  const egress = rate(keys.limitsEgress);
  const queueLength = readKey(device, keys.queueLength);
  const priority = readKey(device, keys.priority);
  const rules: NicRules = {
    hostName,
    hwaddr,
    isBridged: kind.type === "bridged",
    filters: filtersOf(facts, hwaddr),
    ...(egress === undefined ? {} : { egress }),
    ...(priority === undefined ? {} : { priority }),
  };
  const vlans = kind.type === "bridged" ? vlansOf(device) : undefined;
  return {
    ref,
    device: facts.name,
    network: kind.type === "bridged" && kind.network !== undefined ? kind.bridge : undefined,
    veth: {
      hostName,
      name: interfaceNameOf(facts),
      hwaddr,
      mtu,
      ...(kind.type === "bridged" ? { bridge: kind.bridge } : {}),
      ...(readKey(device, keys.portIsolation) ? { isIsolated: true } : {}),
      ...(queueLength === undefined ? {} : { queueLength }),
      ...(vlans === undefined ? {} : { vlans }),
    },
    rules,
    ingress: rate(keys.limitsIngress),
    obeysAcls: Boolean(
      device["security.acls"] || (kind.type === "bridged" && kind.network?.["security.acls"]),
    ),
    acls: Object.fromEntries(Object.entries(device).filter(([key]) => key.startsWith("security.acls"))),
    ...routesOf(facts, hostName),
    host: hostOf(facts, hwaddr),
  };
}

function vlansOf(device: Device): PortVlans | undefined {
  const [untagged, tagged] = [readKey(device, keys.vlan), readKey(device, keys.vlanTagged) ?? []];
  if (untagged === undefined && tagged.length === 0) return undefined;
  return { tagged, ...(typeof untagged === "number" && untagged > 0 ? { untagged } : {}) };
}

/** The static addresses of a family, or the one the NIC was given to keep. */
function staticAddresses({ device, spareIpv4 }: NicFacts, family: 4 | 6): string[] {
  const value = device[`ipv${family}.address`] || (family === 4 ? spareIpv4 : undefined);
  if (!value || value === "none") return [];
  return value.split(",").map((text) => text.trim());
}

function filtersOf(facts: HubFacts, hwaddr: string): NicRules["filters"] {
  const { device, kind } = facts;
  if (kind.type !== "bridged") return { mac: false };
  const network = kind.network;
  const ipv4 = readKey(device, keys.ipv4Filtering) ? staticAddresses(facts, 4) : undefined;
  const ipv6 = readKey(device, keys.ipv6Filtering)
    ? device["ipv6.address"] === "none" ? [] : ownIpv6(facts, network, hwaddr)
    : undefined;
  return {
    mac: readKey(device, keys.macFiltering) ?? false,
    ...(ipv4 === undefined ? {} : { ipv4 }),
    ...(ipv6 === undefined ? {} : { ipv6 }),
  };
}

function ownIpv6(facts: NicFacts, network: Config | undefined, hwaddr: string): string[] {
  const linkLocal: Subnet = { family: 6, value: 0xfe80n << 112n, prefix: 64 };
  const subnet = network === undefined ? undefined : subnetOf(network, 6);
  const slaac = subnet === undefined || facts.device["ipv6.address"] ? [] : [slaacAddress(subnet, hwaddr)];
  return [
    ...[slaacAddress(linkLocal, hwaddr), ...slaac].map(formatAddress),
    ...staticAddresses(facts, 6),
  ];
}

function routesOf(
  facts: HubFacts,
  hostName: string,
): Pick<PluggedNic, "routes" | "outer" | "inner" | "announced"> {
  const { device, kind } = facts;
  const behind = [device["ipv4.routes"], device["ipv6.routes"]].flatMap((text) =>
    (text ?? "").split(",").map((route) => route.trim()).filter((route) => route !== "")
  );
  if (kind.type === "bridged") {
    const via = (route: string) => staticAddresses(facts, route.includes(":") ? 6 : 4)[0];
    const lines = behind.map((route) => {
      const address = via(route);
      return `${route}${address === undefined ? "" : ` via ${address}`} dev ${kind.bridge}`;
    });
    return { routes: lines, outer: [], inner: [] };
  }
  const routes = behind.map((route) => `${route} dev ${hostName}`);
  if (kind.type !== "routed") return { routes, outer: [], inner: [] };
  const name = interfaceNameOf(facts);
  const [v4, v6] = [staticAddresses(facts, 4), staticAddresses(facts, 6)];
  // the address of the other end, the same for all unless told otherwise: LXD's
  const [router4, router6] = [keys.hostAddress4, keys.hostAddress6].map((key) =>
    device[key.name] || key.default
  );
  const own = [
    ...v4.map((ip) => ({ route: `${ip}/32`, table: device["ipv4.host_table"] })),
    ...v6.map((ip) => ({ route: `${ip}/128`, table: device["ipv6.host_table"] })),
  ];
  const isWayOut = (family: 4 | 6) => device[`ipv${family}.gateway`] !== "none";
  return {
    routes: [
      ...own.map(({ route }) => `${route} dev ${hostName}`),
      ...own.flatMap(({ route, table }) => table ? [`${route} dev ${hostName} table ${table}`] : []),
      ...routes,
    ],
    ...(kind.parent === undefined ? {} : { announced: announcedOf(kind.parent, [...v4, ...v6], kind.vlan) }),
    outer: [
      ...(v4.length > 0 ? [`addr add ${router4}/32 dev ${hostName}`] : []),
      ...(v6.length > 0 ? [`addr add ${router6}/64 dev ${hostName} nodad`] : []),
    ],
    inner: [
      ...v4.map((ip) => `addr add ${ip}/32 dev ${name}`),
      ...v6.map((ip) => `addr add ${ip}/128 dev ${name} nodad`),
      `link set ${name} up`,
      ...(v4.length > 0 && isWayOut(4) ? [`route add default via ${router4} dev ${name} onlink`] : []),
      ...(v6.length > 0 && isWayOut(6) ? [`route add default via ${router6} dev ${name} onlink`] : []),
    ],
  };
}

const announcedOf = (parent: string, addresses: string[], vlan: Vlan | undefined): Announced => ({
  parent,
  addresses,
  ...(vlan === undefined ? {} : { vlan }),
});

/** What dnsmasq is told, where there is one that shall know the instance. */
function hostOf(facts: HubFacts, hwaddr: string): string | undefined {
  const { kind, ref } = facts;
  if (kind.type !== "bridged" || kind.network === undefined) return undefined;
  const [ipv4] = staticAddresses(facts, 4);
  const [ipv6] = staticAddresses(facts, 6);
  const isManaged = readKey(kind.network, dnsMode) === "managed";
  return hostLine({ hwaddr, name: isManaged ? dnsNameOf(ref) : undefined, ipv4, ipv6 });
}

/** What an instance is called on its networks. */
export const dnsNameOf = ({ project, name }: Ref): string =>
  project === "default" ? name : `${name}-${project}`;

/**
 * Holds the addresses of a NIC against its network.
 *
 * @throws {DreyError} `BAD_REQUEST` for one that is not in the subnet, or that the network cannot give
 */
export function checkAddresses(name: string, device: Device, network: Config): void {
  for (const family of [4, 6] as const) {
    const text = device[`ipv${family}.address`];
    if (!text) continue;
    const isFiltered = readKey(device, family === 4 ? keys.ipv4Filtering : keys.ipv6Filtering) ?? false;
    if (text === "none") {
      if (isFiltered) continue;
      throw refused(`"ipv${family}.address" can be none only with security.ipv${family}_filtering`, name);
    }
    const subnet = subnetOf(network, family);
    const address = parseAddress(text);
    if (subnet === undefined || address === undefined || !contains(subnet, address)) {
      throw refused(`Device IP address "${text}" not within the network's subnet`, name);
    }
    if (address.value === subnet.value) throw refused(`IP address "${text}" is that of the bridge`, name);
    if (isFiltered) continue; // it may use the address, by whatever way it gets it
    if (family === 4 && !readKey(network, ipv4Dhcp)) {
      throw refused('Cannot specify "ipv4.address" when "ipv4.dhcp" is off on the network', name);
    }
    if (family === 6 && !(readKey(network, ipv6Dhcp) && readKey(network, ipv6Stateful))) {
      throw refused('Cannot specify "ipv6.address" when "ipv6.dhcp.stateful" is off on the network', name);
    }
  }
}

const refused = (found: string, device: string) =>
  new DreyError("BAD_REQUEST", { message: `Device "${device}": ${found}` });
