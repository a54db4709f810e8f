// Addresses on a network that somebody has: those instances claim, and those DHCP has given.

import { join } from "@std/path";
import { formatAddress, parseAddress } from "../../config/address.ts";
import { readKey } from "../../config/key.ts";
import { ipv4Ranges } from "../../config/network_keys.ts";
import { DreyError } from "../../errors.ts";
import { parseLeases, wholeRange } from "../../network/dnsmasq.ts";
import { readIfThere } from "../../sys/present.ts";
import type { Config, Device } from "../../wire/instance.ts";
import type { Context, Ref } from "../context.ts";
import { expand } from "../instances/expand.ts";
import type { InstanceRecord } from "../instances/record.ts";
import { subnetOf } from "./plan.ts";
import { networkDirectory } from "./record.ts";

/** A static address that a card of an instance has. */
export interface Claim {
  ref: Ref;
  device: string;
  family: 4 | 6;
  address: string;
  hwaddr: string;
}

/** Static addresses of all instances on a network, whether they run or not. */
export async function claims(context: Context, network: string): Promise<Claim[]> {
  const entries = await context.store.list<InstanceRecord>(["instances"]);
  const found = entries.filter(({ key }) => key.length === 3).map(async ({ key, value }) => {
    const ref = { project: key[1] ?? "", name: key[2] ?? "" };
    const { devices, config } = await expand(context, ref.project, value);
    return Object.entries(devices).flatMap(([device, says]) =>
      claimsOf(ref, { device, says, config }, network)
    );
  });
  return (await Promise.all(found)).flat();
}

function claimsOf(
  ref: Ref,
  { device, says, config }: { device: string; says: Device; config: Config },
  network: string,
): Claim[] {
  if (says["type"] !== "nic" || (says["network"] || says["parent"]) !== network) return [];
  const hwaddr = says["hwaddr"] || config[`volatile.${device}.hwaddr`] || "";
  const given = {
    4: says["ipv4.address"] || config[`volatile.${device}.ipv4.address`],
    6: says["ipv6.address"],
  };
  return ([4, 6] as const).flatMap((family) => {
    const address = given[family];
    return address && address !== "none" ? [{ ref, device, family, address, hwaddr }] : [];
  });
}

/**
 * Fails if another instance has a card's static address on its network.
 *
 * @throws {DreyError} `CONFLICT`
 */
export async function refuseTakenAddress(
  context: Context,
  { ref, name, device }: { ref: Ref; name: string; device: Device },
  network: string,
): Promise<void> {
  const wanted = [device["ipv4.address"], device["ipv6.address"]].filter((text) => text && text !== "none");
  if (wanted.length === 0) return;
  const same = (text: string) => JSON.stringify(parseAddress(text), (_, value) => String(value));
  const other = (await claims(context, network)).find((claim) =>
    wanted.some((text) => text !== undefined && same(text) === same(claim.address)) &&
    !(claim.ref.project === ref.project && claim.ref.name === ref.name && claim.device === name)
  );
  if (other === undefined) return;
  throw new DreyError("CONFLICT", {
    message:
      `IP address "${other.address}" is already defined on another NIC: "${other.device}" of "${other.ref.name}"`,
  });
}

/** An IPv4 address of a network that nobody has. @throws {DreyError} `CONFLICT` if all are taken */
export async function spareAddress(context: Context, network: string, config: Config): Promise<string> {
  const subnet = subnetOf(config, 4);
  const ranges = readKey(config, ipv4Ranges)?.map(({ first, last }): [string, string] => [first, last]) ??
    (subnet === undefined ? [] : wholeRange(subnet));
  const leases = parseLeases(readIfThere(join(networkDirectory(context, network), "leases")) ?? "");
  const taken = new Set([
    ...(await claims(context, network)).map(({ address }) => address),
    ...leases.map(({ address }) => address),
  ]);
  for (const [first, last] of ranges) {
    const [from, to] = [parseAddress(first), parseAddress(last)];
    if (from === undefined || to === undefined) continue;
    for (let value = from.value; value <= to.value; value++) {
      const text = formatAddress({ family: 4, value });
      if (!taken.has(text) && value !== subnet?.value) return text;
    }
  }
  throw new DreyError("CONFLICT", { message: `Network "${network}" has no free IPv4 address` });
}
