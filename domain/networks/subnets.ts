// Subnets that are free on this host: for networks whose addresses nobody has chosen.

import { formatSubnet, overlaps, parseAddress, parseSubnet, type Subnet } from "../../config/address.ts";
import { readIfThere } from "../../sys/present.ts";

/** The subnets this host has routes to, but for the default route. */
export function hostSubnets(proc = "/proc"): Subnet[] {
  return [
    ...routes4(readIfThere(`${proc}/net/route`) ?? "").map(({ subnet }) => subnet),
    ...routes6(readIfThere(`${proc}/net/ipv6_route`) ?? ""),
  ];
}

export interface Route4 {
  device: string;
  subnet: Subnet;
  /** whether no gateway stands before it */
  isDirect: boolean;
}

/** Lines of /proc/net/route, but for default routes: addresses are words of the machine, the lowest byte first. */
export function routes4(text: string): Route4[] {
  return text.split("\n").slice(1).flatMap((line): Route4[] => {
    const [device = "", destination = "", gateway, , , , , mask = ""] = line.split("\t");
    if (!/^[0-9A-F]{8}$/.test(destination) || mask === "00000000") return [];
    const value = BigInt(`0x${(destination.match(/../g) ?? []).toReversed().join("")}`);
    const bits = (mask.match(/../g) ?? []).map((byte) => parseInt(byte, 16).toString(2)).join("");
    const subnet: Subnet = { family: 4, value, prefix: bits.replaceAll("0", "").length };
    return [{ device, subnet, isDirect: gateway === "00000000" }];
  });
}

function routes6(text: string): Subnet[] {
  return text.split("\n").flatMap((line): Subnet[] => {
    const [hex = "", prefix = "0", , , , , , , , device] = line.trim().split(/\s+/);
    if (!/^[0-9a-f]{32}$/.test(hex) || prefix === "00" || device === "lo") return [];
    return [{ family: 6, value: BigInt(`0x${hex}`), prefix: parseInt(prefix, 16) }];
  });
}

/** Whether the host has a way to the internet by IPv6. */
export function hasIpv6Route(proc = "/proc"): boolean {
  return (readIfThere(`${proc}/net/ipv6_route`) ?? "").split("\n").some((line) => {
    const [hex, prefix, , , , , , , , device] = line.trim().split(/\s+/);
    return prefix === "00" && /^0{32}$/.test(hex ?? "") && device !== "lo";
  });
}

/** Whether this kernel speaks IPv6. */
export const hasIpv6 = (proc = "/proc"): boolean => readIfThere(`${proc}/net/if_inet6`) !== undefined;

const random = (bytes: number) => [...crypto.getRandomValues(new Uint8Array(bytes))];

/** A private /24 that is not in use, the bridge being its first address; LXD's choice, 10.x.y.1. */
export function freeIpv4(used: readonly Subnet[]): string {
  return free(used, () => {
    const [a = 0, b = 0] = random(2);
    return `10.${a}.${b}.1/24`;
  });
}

/** A unique local /64 of RFC 4193. */
export function freeIpv6(used: readonly Subnet[]): string {
  return free(used, () => {
    const words = random(6).map((byte) => byte.toString(16).padStart(2, "0")).join("").match(/.{4}/g) ?? [];
    const address = parseAddress(`fd42:${words.join(":")}::1`)!;
    return formatSubnet({ ...address, prefix: 64 });
  });
}

function free(used: readonly Subnet[], pick: () => string): string {
  for (let tries = 0; tries < 1000; tries++) {
    const text = pick();
    const subnet = parseSubnet(text)!;
    if (!used.some((other) => overlaps(subnet, other))) return text;
  }
  throw new Error("no private subnet is free");
}
