// Addresses of the machine that lead to instances, as rules of nftables(8): the kernel puts another address into what
// arrives, and the instance sees who it comes from. Pure.

import { formatSubnet, networkOf, type Subnet } from "../config/address.ts";

export interface PortRule {
  /** an address, or any of the machine's own of a family but for its loopback's */
  listen: string | { any: 4 | 6 };
  /** the port; all that arrives without */
  port?: { protocol: "tcp" | "udp"; number: number };
  target: { address: string; port?: number };
}

const isV6 = (address: string) => address.includes(":");

/** Rules for what arrives, and for what the machine itself sends there. Those of a port come before those of all. */
export function portRules(ports: readonly PortRule[]): string[] {
  const rank = ({ port, listen }: PortRule) =>
    Number(port === undefined) * 2 + Number(typeof listen !== "string");
  return ports.toSorted((a, b) => rank(a) - rank(b)).map(
    ({ listen, port, target: { address, port: to } }) => {
      const family = isV6(address) ? "ip6" : "ip";
      const loopback = isV6(address) ? "::1" : "127.0.0.0/8";
      const match = typeof listen === "string"
        ? `${family} daddr ${listen}`
        : `${family} daddr != ${loopback} fib daddr type local`;
      const host = isV6(address) && to !== undefined ? `[${address}]` : address;
      return [
        match,
        ...(port === undefined ? [] : [`${port.protocol} dport ${port.number}`]),
        `dnat ${family} to ${host}${to === undefined ? "" : `:${to}`}`,
      ].join(" ");
    },
  );
}

/**
 * Rules for instances that ask for such an address of their own network: the answer would go straight back, from an
 * address they did not ask.
 */
export function hairpinRules(ports: readonly PortRule[], subnets: readonly Subnet[]): string[] {
  const hasFamily = (family: 4 | 6) => ports.some(({ target }) => isV6(target.address) === (family === 6));
  return subnets.filter(({ family }) => hasFamily(family)).map((subnet) => {
    const [family, own] = [subnet.family === 4 ? "ip" : "ip6", formatSubnet(networkOf(subnet))];
    return `ct status dnat ${family} saddr ${own} ${family} daddr ${own} masquerade`;
  });
}
