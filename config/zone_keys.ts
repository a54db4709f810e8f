// The configuration keys of zones of DNS, and what their records may be.

import { DreyError } from "../errors.ts";
import type { NetworkZoneRecordEntry } from "../wire/network_zone.ts";
import { parseAddress } from "./address.ts";
import { dnsTypes, parseDnsValue } from "./dns_records.ts";
import type { Values } from "./key.ts";
import * as net from "./network_types.ts";
import * as types from "./types.ts";

export const nameservers = net.listOf(net.domainName);

/** A domain, or a part of a network's addresses such as 0/26.2.0.192.in-addr.arpa. @throws {DreyError} `BAD_REQUEST` */
export function validateZoneName(name: string): void {
  if (name.startsWith("/") || "problem" in net.domainName.parse(name.replaceAll("/", "x"))) {
    throw bad(`Invalid network zone name "${name}": expected ${net.domainName.wanted}`);
  }
}

/** @throws {DreyError} `BAD_REQUEST`, `NOT_SUPPORTED` for keys by which others sign their questions */
export function validateZoneConfig(config: Values): void {
  for (const [name, value] of Object.entries(config)) {
    if (value === undefined || value === "" || name.startsWith("user.")) continue;
    const [first, , field, ...more] = name.split(".");
    if (first === "peers" && field === "key" && more.length === 0) {
      throw new DreyError("NOT_SUPPORTED", {
        message: `Network zone key "${name}" is not supported: drey does not sign what it sends`,
        hint: "Name the address that may fetch the zone: peers.NAME.address",
      });
    }
    const problem = name === "dns.nameservers"
      ? nameservers.parse(value)
      : name === "network.nat"
      ? types.bool.parse(value)
      : first === "peers" && field === "address" && more.length === 0
      ? (parseAddress(value) === undefined ? { problem: "expected an address" } : {})
      : undefined;
    if (problem === undefined) throw bad(`Invalid option "${name}" of a network zone`);
    if ("problem" in problem) throw bad(`Invalid value for "${name}": ${problem.problem}, got "${value}"`);
  }
}

/** @throws {DreyError} `BAD_REQUEST` for what cannot be sent */
export function validateZoneRecord(name: string, entries: readonly NetworkZoneRecordEntry[]): void {
  const isName = name === "@" ||
    /^(\*|[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9])?)(\.[A-Za-z0-9_-]{1,63})*$/.test(name);
  if (!isName || name.length > 200) throw bad(`Invalid name of a record "${name}"`);
  const seen = new Set<string>();
  for (const { type, value, ttl = 0 } of entries) {
    if (!dnsTypes.includes(type)) {
      throw bad(`Invalid type of a record "${type}": expected ${dnsTypes.join(", ")}`);
    }
    if (parseDnsValue(type, value) === undefined) {
      throw bad(`Invalid value for a record of type ${type}: "${value}"`);
    }
    if (!Number.isInteger(ttl) || ttl < 0 || ttl > 0x7fff_ffff) throw bad(`Invalid ttl "${ttl}"`);
    if (seen.has(`${type} ${value}`)) throw bad(`Duplicate record: ${type} ${value}`);
    seen.add(`${type} ${value}`);
  }
}

const bad = (message: string) => new DreyError("BAD_REQUEST", { message });
