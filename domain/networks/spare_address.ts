// An address on a network that nobody has: neither by the word of an instance nor by DHCP.

import { join } from "@std/path";
import { formatAddress, parseAddress } from "../../config/address.ts";
import { readKey } from "../../config/key.ts";
import { ipv4Ranges } from "../../config/network_keys.ts";
import { DreyError } from "../../errors.ts";
import { parseLeases, wholeRange } from "../../network/dnsmasq.ts";
import { readIfThere } from "../../sys/present.ts";
import type { Config } from "../../wire/instance.ts";
import type { Context } from "../context.ts";
import { claims } from "./nics.ts";
import { subnetOf } from "./plan.ts";
import { networkDirectory } from "./record.ts";

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
