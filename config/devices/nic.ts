// The keys of NICs. Which of them a NIC may have depends on how it is connected: `nictype`, or the type of
// its network.

import type { Device } from "../../wire/instance.ts";
import * as net from "../network_types.ts";
import * as types from "../types.ts";
import { type DeviceConfig, type DeviceKey, deviceKey, type DeviceProblem } from "./device_key.ts";

function row<T>(name: string, type: types.ValueType<T>, short: string, more: Partial<DeviceKey<T>> = {}) {
  return deviceKey<T>({ name, type, live: false, short, ...more });
}

const nicTypes = ["bridged", "host", "ipvlan", "macvlan", "p2p", "physical", "routed", "sriov"] as const;
export type NicType = typeof nicTypes[number];

export const nictype = row(
  "nictype",
  types.oneOf(...nicTypes),
  "How the NIC is connected, without a network",
);
export const network = row("network", types.string, "Managed network it is plugged into");
export const parent = row("parent", net.interfaceName, "Interface of the host it is connected to");
export const name = row("name", net.interfaceName, "Name of the interface in the instance");
export const hostName = row("host_name", net.interfaceName, "Name of the other end outside the instance");
export const hwaddr = row("hwaddr", net.hardwareAddress, "MAC address");
export const mtu = row("mtu", types.integer({ min: 68, max: 65_535 }), "Bytes of the largest packet");
export const ipv4Address = row("ipv4.address", types.string, "Static IPv4 address");
export const ipv6Address = row("ipv6.address", types.string, "Static IPv6 address");
export const ipv4Routes = row("ipv4.routes", net.listOf(net.ipv4Network), "Subnets behind the instance", {
  live: true,
});
export const ipv6Routes = row("ipv6.routes", net.listOf(net.ipv6Network), "Subnets behind the instance", {
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
  "Whether it only reaches NICs of the network that are not isolated",
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
  net.wordOr(["auto", "none"], net.ipv4),
  "Whether it is the way out by IPv4; of ipvlan in mode l2 the router's address",
);
export const gateway6 = row(
  "ipv6.gateway",
  net.wordOr(["auto", "none"], net.ipv6),
  "Whether it is the way out by IPv6; of ipvlan in mode l2 the router's address",
);
export const mode = row("mode", types.oneOf("l3s", "l2"), "What a NIC of ipvlan shares with its parent", {
  default: "l3s",
});
export const gvrp = row("gvrp", types.bool, "Whether the VLAN is announced to switches", {
  default: "false",
});
export const neighborProbe4 = row(
  "ipv4.neighbor_probe",
  types.bool,
  "Whether its parent's wire is asked for its IPv4 addresses first",
  { default: "true" },
);
export const neighborProbe6 = row(
  "ipv6.neighbor_probe",
  types.bool,
  "Whether its parent's wire is asked for its IPv6 addresses first",
  { default: "true" },
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

/** The keys each kind of NIC may have. */
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
    ...["ipv4.host_address", "ipv6.host_address", "ipv4.host_table", "ipv6.host_table", "vlan", "gvrp"],
    ...["ipv4.neighbor_probe", "ipv6.neighbor_probe"],
  ],
  // its MAC address is its parent's
  ipvlan: [
    ...["type", "name", "mtu", ...addresses, "nictype", "parent", "ipv4.gateway", "ipv6.gateway", "mode"],
    ...["ipv4.host_table", "ipv6.host_table", "vlan", "gvrp"],
  ],
  sriov: [...common, "network", "nictype", "parent", "vlan", "security.mac_filtering"],
  host: ["type", "nictype"],
  p2p: [...common, ...veth, ...routes, "nictype"],
  macvlan: [...common, "network", "nictype", "parent", "vlan", "gvrp"],
  physical: [...common, "network", "nictype", "parent", "vlan", "gvrp"],
};

export const nic: DeviceConfig = {
  type: "nic",
  short: "A network interface",
  keys: [
    ...[bootPriority, gateway4, gateway6, hostName, hwaddr, ipv4Address, ipv4Routes, ipv6Address, ipv6Routes],
    ...[limitsEgress, limitsIngress, limitsMax, macFiltering, ipv4Filtering, ipv6Filtering, portIsolation],
    ...[priority, hostAddress4, hostAddress6, hostTable4, hostTable6, vlan, vlanTagged],
    ...[mtu, name, network, nictype, parent, queueLength, acls, ...aclDefaults],
    ...[gvrp, mode, neighborProbe4, neighborProbe6],
  ],
  toCome: [
    ...[
      "acceleration",
      "acceleration.parent",
      "nested",
    ],
    ...["ipv4.routes.external", "ipv6.routes.external", "security.trusted"],
  ],
  problem,
};

/** A key that says nothing about a NIC of this kind, if there is one. */
export function strayKey(device: Device, type: NicType): string | undefined {
  return Object.keys(device).find((key) =>
    device[key] !== "" && !key.startsWith("user.") && !allowed[type].includes(key)
  );
}

function problem(device: Device): DeviceProblem | undefined {
  const wrong = (found: string): DeviceProblem => ({ kind: "wrong", found });
  if (device["network"] && device["nictype"]) return wrong('"nictype" and "network" exclude each other');
  if (device["network"]) {
    // what the network is decides about the rest, and that is not known here
    const twice = ["parent", "mtu"].find((key) => device[key]);
    return twice === undefined
      ? addressProblem(device)
      : wrong(`"${twice}" and "network" exclude each other`);
  }
  const type = device["nictype"] as NicType | undefined;
  if (!type) return wrong('the key "nictype" or "network" is missing');
  const extra = strayKey(device, type);
  if (extra !== undefined) return wrong(`the key "${extra}" is not for a NIC of nictype "${type}"`);
  if (["bridged", "macvlan", "physical", "ipvlan", "sriov"].includes(type) && !device["parent"]) {
    return wrong('the key "parent" is missing');
  }
  const needsVlan = device["gvrp"] && !device["vlan"] ? "gvrp" : undefined;
  if (needsVlan !== undefined) return wrong('the key "gvrp" needs "vlan"');
  return gatewayProblem(device) ?? addressProblem(device);
}

/** A way out by a router's address is one of the parent's network, which only ipvlan in mode l2 is on. */
function gatewayProblem(device: Device): DeviceProblem | undefined {
  const isShared = device["nictype"] === "ipvlan" && device["mode"] === "l2";
  for (const key of [gateway4.name, gateway6.name]) {
    const value = device[key];
    if (!value || value === "none") continue;
    if ((value === "auto") === !isShared) continue;
    const wanted = isShared ? "the router's address or none" : "auto or none";
    return { kind: "wrong", found: `invalid ${key}: expected ${wanted}, got "${value}"` };
  }
  return undefined;
}

function addressProblem(device: Device): DeviceProblem | undefined {
  const { nictype: type = "", mode: how } = device;
  for (
    const [key, one, subnet] of [
      ["ipv4.address", net.ipv4, net.ipv4Subnet],
      ["ipv6.address", net.ipv6, net.ipv6Subnet],
    ] as const
  ) {
    const value = device[key];
    if (!value || value === "none") continue;
    const isPrefixed = type === "ipvlan" && how === "l2" && value.includes("/");
    const wanted: types.ValueType<unknown> = isPrefixed ? subnet : one;
    const parsed = (["routed", "ipvlan"].includes(type) ? net.listOf(wanted) : wanted).parse(value);
    if ("problem" in parsed) {
      return { kind: "wrong", found: `invalid ${key}: ${parsed.problem}, got "${value}"` };
    }
  }
  return undefined;
}
