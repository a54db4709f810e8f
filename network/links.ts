// Network interfaces as lines of `ip -batch`, ip(8): bridges with their addresses, pairs of veth that join a container
// to them. Pure; whoever runs the lines stands in the namespace of the bridges.

import type { Subnet } from "../config/address.ts";
import { formatSubnet } from "../config/address.ts";

export interface BridgePlan {
  name: string;
  /** whose it is, kept as the interface's alias */
  owner: string;
  hwaddr: string;
  mtu: number;
  /** addresses of the bridge itself */
  addresses: readonly Subnet[];
  /** further networks behind it, as text */
  routes: readonly string[];
  hasIpv6: boolean;
}

/** Lines that make a bridge. */
export function bridgeLines(plan: BridgePlan): string[] {
  return [
    // without a delay, or what is plugged in is deaf for half a minute
    `link add ${plan.name} address ${plan.hwaddr} mtu ${plan.mtu} type bridge forward_delay 0 stp_state 0`,
    `link set ${plan.name} alias ${plan.owner}`,
  ];
}

/** Lines that give a bridge its addresses and set it up. */
export function bridgeAddressLines(plan: BridgePlan): string[] {
  return [
    ...plan.addresses.map((subnet) =>
      `addr add ${formatSubnet(subnet)} dev ${plan.name}${subnet.family === 6 ? " nodad" : ""}`
    ),
    `link set ${plan.name} up`,
    ...plan.routes.map((route) => `route add ${route} dev ${plan.name} proto static`),
  ];
}

export interface VethPlan {
  /** its end in the namespace of the bridges */
  hostName: string;
  /** its end in the container */
  name: string;
  hwaddr: string;
  mtu: number;
  /** bridge it joins, if any */
  bridge?: string;
  /** frames only go to and from ports that are not isolated */
  isIsolated?: boolean;
  queueLength?: number;
}

/** Lines that join a container, given by a pid of its own network namespace, and set up the outer end. */
export function vethLines(plan: VethPlan, pid: number): string[] {
  const { hostName, name, hwaddr, mtu, bridge } = plan;
  const queue = plan.queueLength === undefined ? "" : ` txqueuelen ${plan.queueLength}`;
  // the way out of a user's network has a window of 64 kB: two packets on their way by themselves are a fifth faster
  // than one bundle of both, and between instances a packet of this size is a bundle already
  const single = mtu > 32_767 ? " gso_max_segs 1" : "";
  const inner = `name ${name} address ${hwaddr} mtu ${mtu}${single} netns ${pid}`;
  return [
    `link add ${hostName}${queue} mtu ${mtu} type veth peer ${inner}`,
    ...(bridge === undefined ? [] : [`link set ${hostName} master ${bridge}`]),
    `link set ${hostName} up`,
  ];
}

/** argv of a program that lists interfaces for `ownInterfaces` to read. */
export const listInterfaces: readonly string[] = ["ip", "-json", "link", "show"];

/** Names of the interfaces that bear an owner's mark, from what `listInterfaces` prints. */
export function ownInterfaces(json: string, owner: string): string[] {
  const links: { ifname?: string; ifalias?: string }[] = JSON.parse(json);
  return links.flatMap(({ ifname, ifalias }) => ifalias === owner ? ifname ?? [] : []);
}

/** A script of sh that runs lines of `ip -batch`. */
export function ipScript(lines: readonly string[]): string {
  return lines.length === 0 ? "" : `ip -batch - <<'IP'\n${lines.join("\n")}\nIP\n`;
}
