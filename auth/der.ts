// The few pieces of DER a certificate is made of; X.690. Writing only: reading is node:crypto's business.

import { concat } from "@std/bytes";

const tags = {
  integer: 0x02,
  bits: 0x03,
  octets: 0x04,
  oid: 0x06,
  utf8: 0x0c,
  utcTime: 0x17,
  time: 0x18,
  sequence: 0x30,
  set: 0x31,
};

/** A value with its tag and length. */
export function tagged(tag: number, ...parts: readonly Uint8Array[]): Uint8Array {
  const size = parts.reduce((sum, part) => sum + part.length, 0);
  return concat([Uint8Array.of(tag), lengthOf(size), ...parts]);
}

export const sequence = (...parts: Uint8Array[]) => tagged(tags.sequence, ...parts);
export const set = (...parts: Uint8Array[]) => tagged(tags.set, ...parts);
export const octets = (bytes: Uint8Array) => tagged(tags.octets, bytes);
export const text = (value: string) => tagged(tags.utf8, new TextEncoder().encode(value));
export const isTrue = Uint8Array.of(0x01, 0x01, 0xff);

/** A bit string; `unused` bits at its end do not count. */
export function bits(bytes: Uint8Array, unused = 0): Uint8Array {
  return tagged(tags.bits, Uint8Array.of(unused), bytes);
}

/** A non-negative integer from its big-endian bytes. */
export function integer(bytes: Uint8Array): Uint8Array {
  const start = bytes.findIndex((byte) => byte !== 0);
  const short = start === -1 ? Uint8Array.of(0) : bytes.subarray(start);
  // a set first bit would read as a sign
  return tagged(tags.integer, (short[0] ?? 0) >= 0x80 ? concat([Uint8Array.of(0), short]) : short);
}

/** An object identifier such as `2.5.4.3`. */
export function oid(dotted: string): Uint8Array {
  const [first = 0, second = 0, ...rest] = dotted.split(".").map(Number);
  return tagged(tags.oid, Uint8Array.from([first * 40 + second, ...rest].flatMap(base128)));
}

/** A time in UTC, to the second; until 2049 with a year of two digits, as RFC 5280 wants it. */
export function time(date: Date): Uint8Array {
  const digits = date.toISOString().replace(/\.\d+/, "").replace(/[-:T]/g, "");
  const isShort = date.getUTCFullYear() < 2050;
  return tagged(isShort ? tags.utcTime : tags.time, new TextEncoder().encode(digits.slice(isShort ? 2 : 0)));
}

/** PEM of some DER, with LF ends. */
export function pem(label: string, der: Uint8Array): string {
  const lines = der.toBase64().match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${label}-----\n${lines.join("\n")}\n-----END ${label}-----\n`;
}

function base128(value: number): number[] {
  const septets = [value & 0x7f];
  for (let left = value >> 7; left > 0; left >>= 7) septets.unshift((left & 0x7f) | 0x80);
  return septets;
}

function lengthOf(size: number): Uint8Array {
  if (size < 0x80) return Uint8Array.of(size);
  const bytes: number[] = [];
  for (let left = size; left > 0; left >>= 8) bytes.unshift(left & 0xff);
  return Uint8Array.of(0x80 | bytes.length, ...bytes);
}
