// dnsmasq(8) for one bridge: its arguments, the files that tell it of instances, and the leases it has given. Pure.

import { formatAddress, type Subnet } from "../config/address.ts";

export interface DnsmasqPlan {
  /** bridge it serves */
  bridge: string;
  /** its files: `leases`, `hosts/` with a file per NIC, `raw.conf` */
  directory: string;
  ipv4?: { subnet: Subnet; dhcp?: { ranges: readonly [string, string][]; expiry: string; gateway?: string } };
  ipv6?: {
    subnet: Subnet;
    /** SLAAC alone, or with addresses by DHCPv6 */
    dhcp?: { isStateful: boolean; ranges: readonly [string, string][]; expiry: string };
  };
  dns: { mode: "none" | "managed" | "dynamic"; domain: string; search: readonly string[] };
  /** servers that are asked what dnsmasq does not know; those of the host's file without */
  upstream: readonly string[] | undefined;
  mtu: number;
  /** what addresses of some domains are gathered in: `pypi.org` to sets of nftables, as dnsmasq writes them */
  nftSets: Readonly<Record<string, string>>;
  hasRaw: boolean;
}

/** argv of a dnsmasq in the foreground. */
export function dnsmasqArgs(plan: DnsmasqPlan): string[] {
  return [
    ...[
      "dnsmasq",
      "--keep-in-foreground",
      "--conf-file=/dev/null",
      "--user=root",
      "--group=root",
      "--pid-file=",
    ],
    ...[
      "--log-facility=/dev/null",
      "--bind-interfaces",
      `--interface=${plan.bridge}`,
      "--except-interface=lo",
    ],
    ...dnsArgs(plan),
    ...dhcp4Args(plan),
    ...dhcp6Args(plan),
    ...(plan.hasRaw ? [`--conf-file=${plan.directory}/raw.conf`] : []),
  ];
}

function dnsArgs({ dns, upstream, nftSets }: DnsmasqPlan): string[] {
  if (dns.mode === "none") return ["--port=0"];
  return [
    ...[`--domain=${dns.domain}`, `--local=/${dns.domain}/`, "--expand-hosts", "--no-hosts"],
    // addresses of private networks are nobody else's business
    "--bogus-priv",
    ...Object.entries(nftSets).map(([domain, sets]) => `--nftset=/${domain}/${sets}`),
    ...(upstream === undefined ? [] : ["--no-resolv", ...upstream.map((server) => `--server=${server}`)]),
  ];
}

function dhcp4Args({ ipv4, bridge, directory, mtu, dns }: DnsmasqPlan): string[] {
  const hosts = [`--dhcp-hostsdir=${directory}/hosts`, `--dhcp-leasefile=${directory}/leases`];
  if (ipv4 === undefined) return hosts;
  const { dhcp } = ipv4;
  if (dhcp === undefined) return [`--no-dhcp-interface=${bridge}`];
  return [
    // without the question whether an address is taken a lease is given at once
    ...[...hosts, "--no-ping", "--dhcp-authoritative", "--dhcp-no-override", "--dhcp-rapid-commit"],
    ...(dns.mode === "managed" ? ["--dhcp-ignore-names=tag:!known", "--dhcp-generate-names=tag:!known"] : []),
    `--dhcp-lease-max=${dhcp.ranges.length * 65_536}`,
    ...dhcp.ranges.map(([first, last]) => `--dhcp-range=${first},${last},${dhcp.expiry}`),
    `--dhcp-option-force=26,${mtu}`,
    ...(dhcp.gateway === undefined ? [] : [`--dhcp-option-force=3,${dhcp.gateway}`]),
    ...(dns.search.length === 0 ? [] : [`--dhcp-option-force=119,${dns.search.join(",")}`]),
  ];
}

function dhcp6Args({ ipv6, bridge, dns }: DnsmasqPlan): string[] {
  if (ipv6 === undefined || ipv6.subnet.prefix > 64) return [];
  const names = dns.mode === "none" ? "" : ",ra-names";
  const search = dns.search.length === 0 ? [] : [`--dhcp-option=option6:24,${dns.search.join(",")}`];
  if (ipv6.dhcp === undefined) return [];
  if (!ipv6.dhcp.isStateful) {
    return ["--enable-ra", `--dhcp-range=::,constructor:${bridge},ra-stateless${names}`, ...search];
  }
  const { expiry, ranges } = ipv6.dhcp;
  return [
    "--enable-ra",
    ...ranges.map(([first, last]) => `--dhcp-range=${first},${last},${ipv6.subnet.prefix},${expiry}`),
    ...search,
  ];
}

export interface KnownHost {
  hwaddr: string;
  /** name others resolve it by */
  name: string | undefined;
  ipv4: string | undefined;
  ipv6: string | undefined;
}

/** What a file below `hosts/` says of one NIC. */
export function hostLine({ hwaddr, name, ipv4, ipv6 }: KnownHost): string {
  return `${
    [hwaddr, ...(ipv4 === undefined ? [] : [ipv4]), ...(ipv6 === undefined ? [] : [`[${ipv6}]`]), name]
      .filter((word) => word !== undefined).join(",")
  }\n`;
}

export interface Lease {
  /** seconds since 1970 when it ends; 0 never */
  expires: number;
  hwaddr: string;
  address: string;
  hostname: string;
}

/** Reads the file of leases. Those of DHCPv6 have no MAC address there and are left out. */
export function parseLeases(text: string): Lease[] {
  return text.split("\n").flatMap((line) => {
    const [expires = "", hwaddr = "", address = "", hostname = ""] = line.split(" ");
    if (!/^\d+$/.test(expires) || !/^([0-9a-f]{2}:){5}[0-9a-f]{2}$/.test(hwaddr)) return [];
    return [{ expires: Number(expires), hwaddr, address, hostname: hostname === "*" ? "" : hostname }];
  });
}

/** First and last address that DHCP gives where no range is named: all but the bridge's own. */
export function wholeRange(subnet: Subnet): [string, string][] {
  const size = 1n << BigInt((subnet.family === 4 ? 32 : 128) - subnet.prefix);
  const network = subnet.value & ~(size - 1n);
  const at = (value: bigint) => formatAddress({ family: subnet.family, value });
  const [first, last] = [network + 1n, network + size - 2n];
  // dnsmasq leaves out its own address, unless that is all there is at one end
  const begin = subnet.value === first ? first + 1n : first;
  const end = subnet.value === last ? last - 1n : last;
  return begin > end ? [] : [[at(begin), at(end)]];
}
