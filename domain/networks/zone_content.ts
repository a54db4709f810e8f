// What is in a zone of DNS: names of instances with their addresses, or addresses with their names, and the records
// people have added.

import { parseAddress } from "../../config/address.ts";
import { readKey } from "../../config/key.ts";
import { ipv4Nat, ipv6Nat } from "../../config/network_keys.ts";
import * as types from "../../config/types.ts";
import type { Config } from "../../wire/instance.ts";
import type { NetworkLease } from "../../wire/network.ts";
import type { Context } from "../context.ts";
import { zoneRecords } from "../network_zones.ts";
import { networkLeases } from "./leases.ts";
import { networkRecords } from "./record.ts";

/** A record of a zone; names stand without the zone's, `@` for the zone itself. */
export interface ZoneEntry {
  name: string;
  type: string;
  ttl: number;
  value: string;
}

export interface ZoneContent {
  name: string;
  nameservers: string[];
  /** addresses that may fetch it */
  peers: string[];
  entries: ZoneEntry[];
}

const ttl = 300;
const parts = (text: string | undefined) =>
  (text ?? "").split(",").map((part) => part.trim()).filter((part) => part !== "");

/** The zone of that name and what is in it; undefined if there is none, or none that this address may fetch. */
export async function zoneContent(
  context: Context,
  name: string,
  peer: string,
): Promise<ZoneContent | undefined> {
  const found = (await zoneRecords(context)).find(({ ref }) => ref.name === name.toLowerCase());
  if (found === undefined) return undefined;
  const { config, records } = found.zone;
  const peers = Object.entries(config).filter(([key]) => /^peers\.[^.]+\.address$/.test(key)).map((
    [, address],
  ) => address);
  if (!peers.some((address) => isSame(address, peer))) return undefined;
  const isNatShown = !["false"].includes(String(valueOf(config["network.nat"])));
  const networks = (await networkRecords(context)).filter(({ record }) => record.type === "bridge");
  const own = networks.map(async ({ ref, record }) => {
    const kind = kindOf(record.config, found.ref.name);
    if (kind === undefined) return [];
    const leases = (await networkLeases(context, ref)).filter(({ address }) =>
      isNatShown || !readKey(record.config, address.includes(":") ? ipv6Nat : ipv4Nat)
    );
    const [forward] = parts(record.config["dns.zone.forward"]);
    return leases.flatMap((lease) => entriesOf(lease, { kind, zone: found.ref.name, forward }));
  });
  return {
    name: found.ref.name,
    nameservers: parts(config["dns.nameservers"]),
    peers,
    entries: [
      ...(await Promise.all(own)).flat(),
      ...Object.entries(records).flatMap(([name, { entries }]) =>
        entries.map(({ type, value, ttl: own }) => ({ name, type, value, ttl: own || ttl }))
      ),
    ],
  };
}

function valueOf(text: string | undefined): boolean | undefined {
  const parsed = types.bool.parse(text ?? "true");
  return "value" in parsed ? parsed.value : undefined;
}

function isSame(a: string | undefined, b: string): boolean {
  const [one, other] = [parseAddress(a ?? ""), parseAddress(b)];
  return one !== undefined && one.family === other?.family && one.value === other.value;
}

type ZoneKind = "forward" | 4 | 6;

function kindOf(config: Config, zone: string): ZoneKind | undefined {
  if (parts(config["dns.zone.forward"]).includes(zone)) return "forward";
  if (parts(config["dns.zone.reverse.ipv4"]).includes(zone)) return 4;
  return parts(config["dns.zone.reverse.ipv6"]).includes(zone) ? 6 : undefined;
}

/** What an address comes to in a zone. Pure. */
export function entriesOf(
  { address, hostname, project, type }: NetworkLease,
  { kind, zone, forward }: { kind: ZoneKind; zone: string; forward: string | undefined },
): ZoneEntry[] {
  if (hostname === "") return [];
  const name = project === "default" || type === "gateway" ? hostname : `${hostname}-${project}`;
  const family = address.includes(":") ? 6 : 4;
  if (kind === "forward") return [{ name, type: family === 4 ? "A" : "AAAA", ttl, value: address }];
  if (kind !== family || forward === undefined) return [];
  const reverse = reverseName(address);
  if (!reverse.endsWith(`.${zone}`)) return [];
  return [{ name: reverse.slice(0, -zone.length - 1), type: "PTR", ttl, value: `${name}.${forward}.` }];
}

/** `10.0.0.5` as `5.0.0.10.in-addr.arpa`. */
export function reverseName(text: string): string {
  const address = parseAddress(text);
  if (address === undefined) return "";
  if (address.family === 4) return `${text.split(".").toReversed().join(".")}.in-addr.arpa`;
  return `${[...address.value.toString(16).padStart(32, "0")].toReversed().join(".")}.ip6.arpa`;
}
