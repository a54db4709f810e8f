// Addresses in use, over all networks.

import { formatSubnet } from "../../config/address.ts";
import { inProject } from "../../wire/address.ts";
import type { NetworkAllocation } from "../../wire/network.ts";
import type { Context } from "../context.ts";
import { networkLeases } from "./leases.ts";
import { subnetOf } from "./plan.ts";
import { networkRecords } from "./record.ts";

/** Every address that something has: the networks' own subnets, and those of instances. */
export async function listAllocations(context: Context, project?: string): Promise<NetworkAllocation[]> {
  const bridges = (await networkRecords(context, project)).filter(({ record }) => record.type === "bridge");
  const found = bridges.map(async ({ ref, record: { config } }) => {
    const nat = (address: string) => config[address.includes(":") ? "ipv6.nat" : "ipv4.nat"] === "true";
    const own = ([4, 6] as const).flatMap((family): NetworkAllocation[] => {
      const subnet = subnetOf(config, family);
      if (subnet === undefined) return [];
      const addresses = formatSubnet(subnet);
      const used_by = `/1.0/networks/${encodeURIComponent(ref.name)}`;
      return [{ addresses, used_by, type: "network", nat: nat(addresses), hwaddr: "", network: ref.name }];
    });
    const leases = (await networkLeases(context, ref)).filter(({ type }) => type !== "gateway");
    return [
      ...own,
      ...leases.map(({ address, hostname, project, hwaddr }): NetworkAllocation => ({
        addresses: `${address}/${address.includes(":") ? 128 : 32}`,
        used_by: inProject(`/1.0/instances/${encodeURIComponent(hostname)}`, project),
        type: "instance",
        nat: nat(address),
        hwaddr,
        network: ref.name,
      })),
    ];
  });
  return (await Promise.all(found)).flat();
}
