// Network interfaces as lines of `ip -batch`, ip(8): bridges with their addresses, pairs of veth that join a container
// to them. Pure; whoever runs the lines stands in the namespace of the bridges.

import type { Tunnel } from "../config/tunnels.ts";
import type { Subnet } from "../config/address.ts";
import { formatSubnet } from "../config/address.ts";
import { sh } from "./shell_words.ts";
import { type Vlan, vlanLines } from "./vlans.ts";

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
  /** tunnels that are ports of it, for root */
  tunnels: readonly Tunnel[];
  /** interfaces of the host that are ports of it, for root */
  external: readonly string[];
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

/**
 * Lines of sh that keep what others have led to a bridge, be it NICs or people, and that put it back: with its last
 * address a bridge loses all of them. Those that go by an address it has no more stay away.
 */
export function keptRoutes(name: string): { keep: string; putBack: string } {
  const keep = [4, 6].map((family) =>
    sh`routes${family}=$(ip -${family} route show dev ${name} proto boot 2>/dev/null` +
    " | sed 's/ linkdown//; s/ dead//')\n"
  );
  // twice: some go by others
  const putBack = [4, 6, 4, 6].map((family) =>
    `printf '%s\\n' "$routes${family}" | while read -r route; do [ -z "$route" ] ||\n` +
    sh`ip -${family} route replace $route dev ${name} 2>/dev/null || :; done` + "\n"
  );
  return { keep: keep.join(""), putBack: putBack.join("") };
}

/** Lines of sh that give a bridge ports that lead elsewhere. */
export function bridgePortsLines({ name, owner, mtu, tunnels, external }: BridgePlan): string[] {
  return [
    ...tunnels.flatMap((tunnel) => {
      const port = `${name}-${tunnel.name}`;
      return [
        sh`ip link add ${port} mtu ${mtu} type ` + tunnelWords(tunnel),
        sh`ip link set ${port} alias ${owner}`,
        sh`ip link set ${port} master ${name} up`,
      ];
    }),
    // one that is not there may come later, as a USB NIC does
    ...external.map((port) => sh`[ ! -e /sys/class/net/${port} ] || ip link set ${port} master ${name} up`),
  ];
}

function tunnelWords({ protocol, ends, id, port, group, via, ttl }: Tunnel): string {
  const way = ends === undefined ? "" : sh` local ${ends.local} remote ${ends.remote}`;
  if (protocol === "gre") return `gretap${way}`;
  // multicast must go out somewhere: by the way that leads to everything
  const usual = `"$(ip route show default | sed -n 's/.* dev \\([^ ]*\\).*/\\1/p;q')"`;
  const out = via === undefined ? usual : sh`${via}`;
  const spread = ends === undefined ? sh` group ${group}` + ` dev ${out}` + sh` ttl ${ttl}` : "";
  return sh`vxlan id ${id}` + way + spread + sh` dstport ${port ?? 0}`;
}

/** Lines of sh that take those ports away again; cables of instances stay, and may go by themselves meanwhile. */
export function bridgePortsAwayLines(name: string, owner: string, cables: readonly string[]): string[] {
  return [
    sh`for port in $(ls /sys/class/net/${name}/brif 2>/dev/null); do`,
    sh`case ${` ${cables.join(" ")} `} in *" $port "*) continue ;; esac`,
    sh`if [ "$(cat "/sys/class/net/$port/ifalias" 2>/dev/null)" = ${owner} ]; then ip link delete "$port"`,
    'else ip link set "$port" nomaster || [ ! -e "/sys/class/net/$port" ]; fi; done',
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
  vlans?: PortVlans;
}

/** The VLANs a port of a bridge is in. */
export interface PortVlans {
  /** whose packets bear no tag in the instance */
  untagged?: number;
  tagged: readonly number[];
}

/** Addresses behind a NIC that an interface of the host answers for. */
export interface Announced {
  parent: string;
  addresses: readonly string[];
  /** what the parent is, if it is a VLAN that is made where it is not there */
  vlan?: Vlan;
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

/** Lines of sh that set a port of a bridge apart. */
export function bridgePortLines({ hostName, bridge, isIsolated, vlans }: VethPlan): string[] {
  return [
    ...(isIsolated ? [sh`bridge link set dev ${hostName} isolated on`] : []),
    ...(vlans === undefined ? [] : [
      sh`ip link set ${bridge ?? ""} type bridge vlan_filtering 1`,
      // what a port is in unless told otherwise
      sh`bridge vlan del dev ${hostName} vid 1`,
      ...(vlans.untagged === undefined
        ? []
        : [sh`bridge vlan add dev ${hostName} vid ${vlans.untagged} pvid untagged`]),
      ...vlans.tagged.map((tag) => sh`bridge vlan add dev ${hostName} vid ${tag}`),
    ]),
  ];
}

/** Lines of sh that make an interface of the host answer for addresses. */
export function announceLines({ parent, addresses, vlan }: Announced): string[] {
  const conf = (family: string, name: string) => sh`echo 1 >/proc/sys/net/${family}/conf/${parent}/${name}`;
  const isV6 = (address: string) => address.includes(":");
  return [
    ...(vlan === undefined ? [] : vlanLines(vlan)),
    ...(addresses.some((address) => !isV6(address)) ? [conf("ipv4", "forwarding")] : []),
    ...(addresses.some(isV6) ? [conf("ipv6", "forwarding"), conf("ipv6", "proxy_ndp")] : []),
    ...addresses.map((address) => sh`ip neigh replace proxy ${address} dev ${parent}`),
  ];
}

/** Lines of sh that end that; those of an interface that is gone have gone with it. */
export const withdrawLines = ({ parent, addresses }: Announced): string[] =>
  addresses.map((address) => sh`ip neigh delete proxy ${address} dev ${parent} 2>/dev/null || :`);

/** A script of sh that runs lines of `ip -batch`. */
export function ipScript(lines: readonly string[]): string {
  return lines.length === 0 ? "" : `ip -batch - <<'IP'\n${lines.join("\n")}\nIP\n`;
}
