// The keys of network cards. Which of them a card may have depends on how it is connected: `nictype`, or the type of
// its network.

import type { Device } from "../../wire/instance.ts";
import * as net from "../network_types.ts";
import * as types from "../types.ts";
import { type DeviceConfig, type DeviceKey, deviceKey, type DeviceProblem } from "./device_key.ts";

function row<T>(name: string, type: types.ValueType<T>, short: string, more: Partial<DeviceKey<T>> = {}) {
  return deviceKey<T>({ name, type, live: false, short, ...more });
}

const nicTypes = ["bridged", "ipvlan", "macvlan", "p2p", "physical", "routed", "sriov"] as const;
export type NicType = typeof nicTypes[number];

export const nictype = row(
  "nictype",
  types.oneOf(...nicTypes),
  "How the card is connected, without a network",
);
export const network = row("network", types.string, "Managed network it is plugged into");
export const parent = row("parent", net.interfaceName, "Interface of the host it is connected to");
export const name = row("name", net.interfaceName, "Name of the interface in the instance");
export const hostName = row("host_name", net.interfaceName, "Name of the other end outside the instance");
export const hwaddr = row("hwaddr", net.hardwareAddress, "MAC address");
export const mtu = row("mtu", types.integer({ min: 68, max: 65_535 }), "Bytes of the largest packet");
export const ipv4Address = row("ipv4.address", types.string, "Static IPv4 address");
export const ipv6Address = row("ipv6.address", types.string, "Static IPv6 address");
export const ipv4Routes = row("ipv4.routes", net.listOf(net.ipv4Subnet), "Subnets behind the instance", {
  live: true,
});
export const ipv6Routes = row("ipv6.routes", net.listOf(net.ipv6Subnet), "Subnets behind the instance", {
  live: true,
});
export const limitsIngress = row("limits.ingress", net.bitRate, "Most bits per second to the instance", {
  live: true,
});
export const limitsEgress = row("limits.egress", net.bitRate, "Most bits per second from the instance", {
  live: true,
});
export const limitsMax = row("limits.max", net.bitRate, "The same for both directions", { live: true });
export const macFiltering = row(
  "security.mac_filtering",
  types.bool,
  "Whether only its own MAC address passes",
  {
    default: "false",
  },
);
export const ipv4Filtering = row(
  "security.ipv4_filtering",
  types.bool,
  "Whether only its own IPv4 address passes",
  {
    default: "false",
  },
);
export const ipv6Filtering = row(
  "security.ipv6_filtering",
  types.bool,
  "Whether only its own IPv6 address passes",
  {
    default: "false",
  },
);
export const portIsolation = row(
  "security.port_isolation",
  types.bool,
  "Whether it only reaches cards of the network that are not isolated",
  { default: "false" },
);
const actions = types.oneOf("allow", "reject", "drop");
export const acls = row("security.acls", types.string, "Access control lists it obeys", { live: true });
export const aclDefaults = [
  row("security.acls.default.ingress.action", actions, "What becomes of other traffic to it", { live: true }),
  row("security.acls.default.egress.action", actions, "What becomes of other traffic from it", {
    live: true,
  }),
  row("security.acls.default.ingress.logged", types.bool, "Whether other traffic to it is logged", {
    live: true,
  }),
  row("security.acls.default.egress.logged", types.bool, "Whether other traffic from it is logged", {
    live: true,
  }),
];
export const queueLength = row(
  "queue.tx.length",
  types.integer({ min: 0 }),
  "Packets that may wait to be sent",
);
export const bootPriority = row(
  "boot.priority",
  types.integer({ min: 0 }),
  "Order for booting a virtual machine",
);
export const gateway4 = row(
  "ipv4.gateway",
  types.oneOf("auto", "none"),
  "Whether it is the way out by IPv4",
  {
    default: "auto",
  },
);
export const gateway6 = row(
  "ipv6.gateway",
  types.oneOf("auto", "none"),
  "Whether it is the way out by IPv6",
  {
    default: "auto",
  },
);

export const priority = row(
  "limits.priority",
  types.integer({ min: 0, max: 0xffff_ffff }),
  "Priority of what it sends, for the kernel's queues",
  { live: true },
);
export const vlan = row("vlan", net.wordOr(["none"], types.integer({ min: 0, max: 4094 })), "VLAN it is in");
export const vlanTagged = row(
  "vlan.tagged",
  net.listOf(types.integer({ min: 1, max: 4094 })),
  "Further VLANs it is in, with a tag on their packets",
);
export const hostAddress4 = row("ipv4.host_address", net.ipv4, "IPv4 address of the other end", {
  default: "169.254.0.1",
});
export const hostAddress6 = row("ipv6.host_address", net.ipv6, "IPv6 address of the other end", {
  default: "fe80::1",
});
const table = types.integer({ min: 1, max: 0xffff_ffff });
export const hostTable4 = row("ipv4.host_table", table, "Further routing table that leads to it by IPv4");
export const hostTable6 = row("ipv6.host_table", table, "Further routing table that leads to it by IPv6");

const common = ["type", "name", "hwaddr", "mtu", "boot.priority"];
const veth = [
  "host_name",
  "limits.ingress",
  "limits.egress",
  "limits.max",
  "limits.priority",
  "queue.tx.length",
];
const routes = ["ipv4.routes", "ipv6.routes"];
const addresses = ["ipv4.address", "ipv6.address"];

/** The keys each kind of card may have. */
const allowed: Record<NicType, readonly string[]> = {
  bridged: [
    ...["security.acls", ...aclDefaults.map((key) => key.name)],
    ...[...common, ...veth, ...routes, ...addresses, "network", "nictype", "parent"],
    ...[
      "security.mac_filtering",
      "security.ipv4_filtering",
      "security.ipv6_filtering",
      "security.port_isolation",
      "vlan",
      "vlan.tagged",
    ],
  ],
  routed: [
    ...[...common, ...veth, ...routes, ...addresses, "nictype", "parent", "ipv4.gateway", "ipv6.gateway"],
    ...["ipv4.host_address", "ipv6.host_address", "ipv4.host_table", "ipv6.host_table"],
  ],
  ipvlan: [],
  sriov: [],
  p2p: [...common, ...veth, ...routes, "nictype"],
  macvlan: [...common, "network", "nictype", "parent", "vlan"],
  physical: [...common, "network", "nictype", "parent", "vlan"],
};

export const nic: DeviceConfig = {
  type: "nic",
  short: "A network card",
  keys: [
    ...[bootPriority, gateway4, gateway6, hostName, hwaddr, ipv4Address, ipv4Routes, ipv6Address, ipv6Routes],
    ...[limitsEgress, limitsIngress, limitsMax, macFiltering, ipv4Filtering, ipv6Filtering, portIsolation],
    ...[priority, hostAddress4, hostAddress6, hostTable4, hostTable6, vlan, vlanTagged],
    ...[mtu, name, network, nictype, parent, queueLength, acls, ...aclDefaults],
  ],
  toCome: [
    ...[
      "acceleration",
      "acceleration.parent",
      "gvrp",
      "mode",
      "nested",
    ],
    ...["ipv4.neighbor_probe", "ipv4.routes.external", "ipv6.neighbor_probe", "ipv6.routes.external"],
    ...["security.trusted"],
  ],
  problem,
};

function problem(device: Device): DeviceProblem | undefined {
  const wrong = (found: string): DeviceProblem => ({ kind: "wrong", found });
  if (device["network"] && device["nictype"]) return wrong('"nictype" and "network" exclude each other');
  if (device["network"]) {
    // what the network is decides about the rest, and that is not known here
    return device["parent"] ? wrong('"parent" and "network" exclude each other') : addressProblem(device);
  }
  const type = device["nictype"] as NicType | undefined;
  if (!type) return wrong('the key "nictype" or "network" is missing');
  if (type === "ipvlan" || type === "sriov") {
    return { kind: "later", found: `cards of nictype "${type}" are not supported yet` };
  }
  const extra = Object.keys(device).find((key) =>
    device[key] !== "" && !key.startsWith("user.") && !allowed[type].includes(key)
  );
  if (extra !== undefined) return wrong(`the key "${extra}" is not for a card of nictype "${type}"`);
  if (["bridged", "macvlan", "physical"].includes(type) && !device["parent"]) {
    return wrong('the key "parent" is missing');
  }
  return addressProblem(device);
}

function addressProblem(device: Device): DeviceProblem | undefined {
  const isRouted = device["nictype"] === "routed";
  for (const [key, one] of [["ipv4.address", net.ipv4], ["ipv6.address", net.ipv6]] as const) {
    const value = device[key];
    if (!value || value === "none") continue;
    const parsed = (isRouted ? net.listOf<unknown>(one) : one as types.ValueType<unknown>).parse(value);
    if ("problem" in parsed) {
      return { kind: "wrong", found: `invalid ${key}: ${parsed.problem}, got "${value}"` };
    }
  }
  return undefined;
}
