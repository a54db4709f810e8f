// The way out of a user's network namespace: slirp4netns(1) or pasta(1), which speak for it with ordinary sockets of
// the host. Both need /dev/net/tun. Pure, but for the look at what is there.

import {
  addressAt,
  formatAddress,
  formatSubnet,
  overlaps,
  parseSubnet,
  type Subnet,
} from "../config/address.ts";

export type UplinkTool = "slirp4netns" | "pasta";

/** Name of the interface that leads out. */
const uplinkName = "uplink0";

export type UplinkChoice =
  | { tool: UplinkTool; why: string }
  | { tool: undefined; why: string; fix: string };

/** What the choice follows from. */
export interface UplinkFacts {
  /** files of the programs; absent if not installed */
  tools: Partial<Record<UplinkTool, string>>;
  tun: "usable" | "denied" | "absent";
}

/** slirp4netns where both are: a tenth of the memory, twice the throughput outwards, and ports can come later. */
export function chooseUplink({ tools, tun }: UplinkFacts): UplinkChoice {
  const tool = tools.slirp4netns !== undefined
    ? "slirp4netns"
    : tools.pasta !== undefined
    ? "pasta"
    : undefined;
  if (tool === undefined) {
    return {
      tool: undefined,
      why: "neither slirp4netns nor pasta is installed",
      fix: "apt-get install slirp4netns",
    };
  }
  if (tun === "absent") return { tool: undefined, why: "there is no /dev/net/tun", fix: "modprobe tun" };
  if (tun === "denied") {
    return { tool: undefined, why: "the user may not open /dev/net/tun", fix: "chmod 0666 /dev/net/tun" };
  }
  return { tool, why: tool === "slirp4netns" ? "small and fast outwards" : "slirp4netns is not installed" };
}

const candidates = [
  ...["10.255.254.0/24", "172.31.254.0/24", "192.168.254.0/24", "10.254.253.0/24", "100.127.254.0/24"],
];

/** A subnet for the way out that is none of those in use. */
export function uplinkSubnet(used: readonly Subnet[]): Subnet {
  const free = candidates.map((text) => parseSubnet(text)!).find((subnet) =>
    !used.some((other) => overlaps(subnet, other))
  );
  return free ?? parseSubnet(candidates[0]!)!;
}

export interface UplinkPlan {
  subnet: Subnet;
  hasIpv6: boolean;
}

/** Where names are resolved as the host resolves them, seen from the namespace. */
export const resolverAddress = (subnet: Subnet): string => formatAddress(addressAt(subnet, 3n));

/** argv of the tool, in the foreground on the host's side; `$keeper` stands for the pid of a process in the namespace. */
export function uplinkArgs(tool: UplinkTool, { subnet, hasIpv6 }: UplinkPlan): string[] {
  const at = (index: bigint) => formatAddress(addressAt(subnet, index));
  if (tool === "slirp4netns") {
    return [
      ...["slirp4netns", "--configure", "--mtu=65520", "--disable-host-loopback"],
      ...(hasIpv6 ? ["--enable-ipv6"] : []),
      `--cidr=${formatSubnet(subnet)}`,
      "--userns-path=/proc/$keeper/ns/user",
      ...["--netns-type=path", "/proc/$keeper/ns/net", uplinkName],
    ];
  }
  return [
    ...["pasta", "--config-net", "--quiet", "--foreground", "--no-map-gw", "--ns-ifname", uplinkName],
    ...["-a", at(100n), "-n", String(subnet.prefix), "-g", at(2n), "--dns-forward", at(3n)],
    ...(hasIpv6 ? [] : ["--ipv4-only"]),
    ...["-t", "none", "-u", "none", "-T", "none", "-U", "none"],
    ...["--userns", "/proc/$keeper/ns/user", "--netns", "/proc/$keeper/ns/net"],
  ];
}
