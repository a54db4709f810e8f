// Types of values that are about networks: addresses, subnets, ranges, MAC addresses, names of interfaces.

import {
  type Address,
  isHardwareAddress,
  networkOf,
  parseAddress,
  parseSubnet,
  type Subnet,
} from "./address.ts";
import { type Parsed, type ValueType } from "./types.ts";

function type<T>(wanted: string, parse: (text: string) => T | undefined): ValueType<T> {
  return {
    name: "string",
    wanted,
    parse(text): Parsed<T> {
      const value = parse(text);
      return value === undefined ? { problem: `expected ${wanted}` } : { value };
    },
  };
}

/** All parts of a list with commas, each of a type. */
export function listOf<T>(one: ValueType<T>): ValueType<T[]> {
  return type(`${one.wanted}, or several with commas`, (text) => {
    const values = text.split(",").map((part) => one.parse(part.trim()));
    return values.every((parsed) => "value" in parsed) ? values.map(({ value }) => value) : undefined;
  });
}

/** One of some words, or what another type takes. */
export function wordOr<const W extends string, T>(
  words: readonly W[],
  other: ValueType<T>,
): ValueType<W | T> {
  return type(`${words.join(" or ")}, or ${other.wanted}`, (text) => {
    const word = words.find((word) => word === text);
    if (word !== undefined) return word;
    const parsed = other.parse(text);
    return "value" in parsed ? parsed.value : undefined;
  });
}

const family = (wanted: 4 | 6) => <T extends { family: 4 | 6 }>(value: T | undefined): T | undefined =>
  value?.family === wanted ? value : undefined;

export const ipv4: ValueType<Address> = type(
  "an IPv4 address",
  (text) => family(4)(parseAddress(text)),
);
export const ipv6: ValueType<Address> = type(
  "an IPv6 address",
  (text) => family(6)(parseAddress(text)),
);
export const ipv4Subnet: ValueType<Subnet> = type(
  "an IPv4 address with its prefix, such as 10.10.10.1/24",
  (text) => family(4)(parseSubnet(text)),
);
export const ipv6Subnet: ValueType<Subnet> = type(
  "an IPv6 address with its prefix, such as fd42::1/64",
  (text) => family(6)(parseSubnet(text)),
);

/** Subnets as routes name them: without an address in them. */
const network = (wanted: string, subnet: ValueType<Subnet>): ValueType<Subnet> =>
  type(wanted, (text) => {
    const parsed = subnet.parse(text);
    return "value" in parsed && networkOf(parsed.value).value === parsed.value.value
      ? parsed.value
      : undefined;
  });
export const ipv4Network = network("an IPv4 network such as 10.10.20.0/24", ipv4Subnet);
export const ipv6Network = network("an IPv6 network such as fd42:1::/64", ipv6Subnet);

/** First and last address of a range. */
export interface Range {
  first: string;
  last: string;
}

function range(one: ValueType<Address>, wanted: string): ValueType<Range> {
  return type(wanted, (text) => {
    const ends = text.split("-").map((end) => one.parse(end.trim()));
    const [first, last] = ends;
    if (ends.length !== 2 || first === undefined || last === undefined) return undefined;
    if (!("value" in first) || !("value" in last) || first.value.value > last.value.value) return undefined;
    const [from = "", to = ""] = text.split("-").map((end) => end.trim());
    return { first: from, last: to };
  });
}
export const ipv4Range = range(ipv4, "a range such as 10.10.10.50-10.10.10.99");
export const ipv6Range = range(ipv6, "a range such as fd42::100-fd42::1ff");

/** dnsmasq's lease times: `1h`, `30m`, `infinite`. */
export const leaseTime: ValueType<string> = type(
  "a time such as 30m, 1h or infinite",
  (text) => /^(\d+[smhdw]?|infinite)$/.test(text) ? text : undefined,
);

export const hardwareAddress: ValueType<string> = type(
  "a MAC address such as 00:16:3e:12:34:56",
  (text) => isHardwareAddress(text) ? text.toLowerCase() : undefined,
);

/**
 * LXD's rule for names of interfaces. The kernel takes nearly anything, and names become words of sh(1), ip(8) and
 * nftables, where a quote begins something else and a star stands for every interface.
 */
export const interfaceName: ValueType<string> = type(
  "a name of 1 to 15 letters, digits, dots, underscores and hyphens that does not begin with a hyphen",
  (text) => /^[\w.][\w.-]{0,14}$/.test(text) && text !== "." && text !== ".." ? text : undefined,
);

export const domainName: ValueType<string> = type(
  "a domain such as lab.example",
  (text) =>
    text.length <= 253 &&
      /^([A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?)(\.[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?)*$/
        .test(text)
      ? text
      : undefined,
);

/** Bits per second: `10Mbit`, `1Gbit`, also with B for LXD's sake. */
export const bitRate: ValueType<number> = type("a rate such as 10Mbit", (text) => {
  const match = /^(\d+)(bit|kbit|Mbit|Gbit|Tbit|Kibit|Mibit|Gibit|Tibit)?$/.exec(text);
  if (match === null) return undefined;
  const units: Record<string, number> = { bit: 1, kbit: 1e3, Mbit: 1e6, Gbit: 1e9, Tbit: 1e12 };
  const binary: Record<string, number> = { Kibit: 2 ** 10, Mibit: 2 ** 20, Gibit: 2 ** 30, Tibit: 2 ** 40 };
  const rate = Number(match[1]) * ({ ...units, ...binary }[match[2] ?? "bit"] ?? 1);
  return rate > 0 ? rate : undefined;
});
