// IP addresses and subnets as numbers, to be compared and counted; MAC addresses. Knows nothing of interfaces.

export interface Address {
  family: 4 | 6;
  /** the address as one number */
  value: bigint;
}

export interface Subnet extends Address {
  /** bits of the network part; `value` may have more: the host's own address */
  prefix: number;
}

const bitsOf = (family: 4 | 6): number => family === 4 ? 32 : 128;

/** Reads `10.0.0.1` or `fd42::1`; undefined if it is neither. */
export function parseAddress(text: string): Address | undefined {
  if (text.includes(":")) {
    const value = parseV6(text);
    return value === undefined ? undefined : { family: 6, value };
  }
  const parts = text.split(".");
  if (parts.length !== 4 || !parts.every((part) => /^(0|[1-9]\d{0,2})$/.test(part) && Number(part) < 256)) {
    return undefined;
  }
  return { family: 4, value: parts.reduce((sum, part) => sum * 256n + BigInt(part), 0n) };
}

function parseV6(text: string): bigint | undefined {
  const halves = text.split("::");
  if (halves.length > 2) return undefined;
  const words = (half: string): string[] => half === "" ? [] : half.split(":");
  const [before, after] = [words(halves[0] ?? ""), words(halves[1] ?? "")].map(expandV4) as [
    string[] | undefined,
    string[] | undefined,
  ];
  if (before === undefined || after === undefined) return undefined;
  const missing = 8 - before.length - after.length;
  if (halves.length === 1 ? missing !== 0 : missing < 1) return undefined;
  const all = [...before, ...Array<string>(missing).fill("0"), ...after];
  if (!all.every((word) => /^[0-9a-f]{1,4}$/i.test(word))) return undefined;
  return all.reduce((sum, word) => sum * 65_536n + BigInt(`0x${word}`), 0n);
}

/** The last word may be an IPv4 address: `::ffff:10.0.0.1`. */
function expandV4(words: string[]): string[] | undefined {
  const last = words.at(-1);
  if (last === undefined || !last.includes(".")) return words;
  const v4 = parseAddress(last);
  if (v4 === undefined) return undefined;
  return [...words.slice(0, -1), (v4.value >> 16n).toString(16), (v4.value & 0xffffn).toString(16)];
}

/** Reads `10.0.0.1/24`; undefined if it is none. The host part stays in `value`. */
export function parseSubnet(text: string): Subnet | undefined {
  const match = /^([^/]+)\/(\d{1,3})$/.exec(text);
  const address = parseAddress(match?.[1] ?? "");
  const prefix = Number(match?.[2]);
  if (address === undefined || !(prefix <= bitsOf(address.family))) return undefined;
  return { ...address, prefix };
}

/** The address as people and RFC 5952 write it. */
export function formatAddress({ family, value }: Address): string {
  if (family === 4) return [24n, 16n, 8n, 0n].map((shift) => (value >> shift) & 255n).join(".");
  const words = Array.from(
    { length: 8 },
    (_, at) => ((value >> BigInt(112 - 16 * at)) & 0xffffn).toString(16),
  );
  // the leftmost of the longest runs of zeros, two or more, becomes "::"
  for (let length = 8; length > 1; length--) {
    const start = words.findIndex((_, at) =>
      at + length <= 8 && words.slice(at, at + length).every((word) => word === "0")
    );
    if (start >= 0) return `${words.slice(0, start).join(":")}::${words.slice(start + length).join(":")}`;
  }
  return words.join(":");
}

/** The host's address and the prefix: `10.0.0.1/24`. */
export const formatSubnet = (subnet: Subnet): string => `${formatAddress(subnet)}/${subnet.prefix}`;

/** First and last address of a subnet. */
export function boundsOf({ family, value, prefix }: Subnet): { first: bigint; last: bigint } {
  const host = (1n << BigInt(bitsOf(family) - prefix)) - 1n;
  return { first: value & ~host, last: value | host };
}

/** The subnet itself, without a host's part: `10.0.0.0/24`. */
export function networkOf(subnet: Subnet): Subnet {
  return { ...subnet, value: boundsOf(subnet).first };
}

/** Whether an address is one of a subnet. */
export function contains(subnet: Subnet, address: Address): boolean {
  const { first, last } = boundsOf(subnet);
  return subnet.family === address.family && address.value >= first && address.value <= last;
}

/** Whether two subnets have addresses in common. */
export function overlaps(a: Subnet, b: Subnet): boolean {
  return a.family === b.family && (contains(a, networkOf(b)) || contains(b, networkOf(a)));
}

/** An address by its place in a subnet, from 0. */
export function addressAt(subnet: Subnet, index: bigint): Address {
  return { family: subnet.family, value: boundsOf(subnet).first + index };
}

/** Whether a text is a MAC address of one machine, as the kernel takes it for an interface. */
export function isHardwareAddress(text: string): boolean {
  return /^([0-9a-f]{2}:){5}[0-9a-f]{2}$/i.test(text) && (parseInt(text.slice(0, 2), 16) & 1) === 0 &&
    !/^(00:){5}00$/.test(text);
}

/** The address IPv6 hosts give themselves in a /64, from their MAC; RFC 4291, appendix A. */
export function slaacAddress(subnet: Subnet, hardware: string): Address {
  const bytes = hardware.split(":").map((byte) => BigInt(`0x${byte}`));
  const [a = 0n, b = 0n, c = 0n, d = 0n, e = 0n, f = 0n] = bytes;
  const id = [a ^ 2n, b, c, 0xffn, 0xfen, d, e, f].reduce((sum, byte) => sum * 256n + byte, 0n);
  return { family: 6, value: boundsOf(subnet).first | id };
}
