// The link, addresses and counters of a network: of its bridge in the hub, or of an interface of the host.

import { hubPid, inHub } from "../../network/hub.ts";
import { commandFailed, run } from "../../sys/run.ts";
import type { NetworkAddress, NetworkState } from "../../wire/network.ts";
import type { Context, Ref } from "../context.ts";
import { getNetwork } from "../networks.ts";
import { hubDirectory, isHostHub, networksUp, usualMtu } from "./hub_state.ts";
import { subnetOf } from "./plan.ts";
import { formatAddress } from "../../config/address.ts";

/** What `ip -json` tells of an interface. */
interface IpLink {
  ifname: string;
  flags: string[];
  mtu: number;
  address?: string;
  master?: string;
  /** interface it is made from */
  link?: string;
  linkinfo?: { info_kind?: string; info_data?: Record<string, unknown> };
  addr_info?: { family: "inet" | "inet6"; local: string; prefixlen: number; scope: string }[];
  stats64?: {
    rx: LinkCounters;
    tx: LinkCounters;
  };
}

interface LinkCounters {
  bytes: number;
  packets: number;
}

/**
 * The state of a network; one that nothing is plugged into is down.
 *
 * @throws {DreyError} `NOT_FOUND`
 */
export async function networkState(context: Context, ref: Ref): Promise<NetworkState> {
  const network = await getNetwork(context, ref);
  const isOwn = network.managed && network.type === "bridge";
  const mtu = usualMtu(context);
  if (isOwn && !networksUp(context).includes(ref.name)) return down(network.config, mtu);
  const isInHub = isOwn && !isHostHub(context) && hubPid(hubDirectory(context)) !== undefined;
  const name = network.managed && !isOwn ? network.config["parent"] ?? ref.name : ref.name;
  const argv = ["ip", "-json", "-details", "-stats", "addr", "show"];
  const result = await run(isInHub ? inHub(hubDirectory(context), argv) : argv);
  if (result.code !== 0) throw commandFailed("ip", result);
  const links = JSON.parse(result.stdout || "[]") as IpLink[];
  const link = links.find(({ ifname }) => ifname === name);
  if (link === undefined) return down(network.config, mtu);
  return stateOf(link, links.filter(({ master }) => master === name).map(({ ifname }) => ifname));
}

function stateOf(link: IpLink, ports: string[]): NetworkState {
  const data = link.linkinfo?.info_data ?? {};
  const number = (key: string) => typeof data[key] === "number" ? data[key] : 0;
  return {
    addresses: (link.addr_info ?? []).map(({ family, local, prefixlen, scope }): NetworkAddress => ({
      family,
      address: local,
      netmask: String(prefixlen),
      scope: scope === "host" ? "local" : scope,
    })),
    counters: countersOf(link.stats64),
    hwaddr: link.flags.includes("LOOPBACK") ? "" : link.address ?? "",
    mtu: link.mtu,
    state: link.flags.includes("UP") ? "up" : "down",
    type: link.flags.includes("LOOPBACK")
      ? "loopback"
      : link.flags.includes("POINTOPOINT")
      ? "point-to-point"
      : link.flags.includes("BROADCAST")
      ? "broadcast"
      : "unknown",
    bond: null,
    bridge: link.linkinfo?.info_kind === "bridge"
      ? {
        id: bridgeId(String(data["bridge_id"] ?? "")),
        stp: number("stp_state") === 1,
        forward_delay: number("forward_delay"),
        vlan_default: number("vlan_default_pvid"),
        vlan_filtering: number("vlan_filtering") === 1,
        upper_devices: ports,
      }
      : null,
    vlan: link.linkinfo?.info_kind === "vlan" ? { lower_device: link.link ?? "", vid: number("id") } : null,
    ovn: null,
  };
}

/** As the kernel writes it, `8000.00163e6f8b45`; ip(8) puts colons between, and leaves out zeros. */
function bridgeId(text: string): string {
  const [priority = "", address = ""] = text.split(".");
  return `${priority}.${address.split(":").map((byte) => byte.padStart(2, "0")).join("")}`;
}

function countersOf(stats: IpLink["stats64"]): NetworkState["counters"] {
  return {
    bytes_received: stats?.rx.bytes ?? 0,
    bytes_sent: stats?.tx.bytes ?? 0,
    packets_received: stats?.rx.packets ?? 0,
    packets_sent: stats?.tx.packets ?? 0,
  };
}

/** A network without a bridge: it gets one with the first NIC. */
function down(config: Record<string, string>, mtu: number): NetworkState {
  const addresses = ([4, 6] as const).flatMap((family): NetworkAddress[] => {
    const subnet = subnetOf(config, family);
    if (subnet === undefined) return [];
    const address = formatAddress(subnet);
    return [{
      family: family === 4 ? "inet" : "inet6",
      address,
      netmask: String(subnet.prefix),
      scope: "global",
    }];
  });
  return {
    addresses,
    counters: countersOf(undefined),
    hwaddr: config["bridge.hwaddr"] || config["volatile.bridge.hwaddr"] || "",
    mtu: Number(config["bridge.mtu"] || mtu),
    state: "down",
    type: "broadcast",
    bond: null,
    bridge: null,
    vlan: null,
    ovn: null,
  };
}
