// Addresses instances have on a network: static ones, those DHCP has given, and the bridge's own.

import { join } from "@std/path";
import { formatAddress, slaacAddress } from "../../config/address.ts";
import { readKey } from "../../config/key.ts";
import { ipv6Dhcp, ipv6Stateful } from "../../config/network_keys.ts";
import { DreyError } from "../../errors.ts";
import { parseLeases } from "../../network/dnsmasq.ts";
import { readIfThere } from "../../sys/present.ts";
import type { Config } from "../../wire/instance.ts";
import type { NetworkLease } from "../../wire/network.ts";
import type { Context, Ref } from "../context.ts";
import { type PluggedNic, pluggedNics } from "./nic_files.ts";
import { subnetOf } from "./plan.ts";
import { loadNetwork, networkDirectory } from "./record.ts";
import { claims } from "./nics.ts";

/**
 * The leases of a network, instances of other projects among them.
 *
 * @throws {DreyError} `NOT_FOUND`, `BAD_REQUEST` for a network that gives no addresses
 */
export async function networkLeases(context: Context, ref: Ref): Promise<NetworkLease[]> {
  const { value: { type, config } } = await loadNetwork(context, ref);
  if (type !== "bridge") {
    throw new DreyError("BAD_REQUEST", { message: `Networks of type ${type} have no leases` });
  }
  const statics = (await claims(context, ref.name)).map(({ ref, address, hwaddr }): NetworkLease => ({
    ...lease(ref.name, hwaddr, ref.project),
    address,
    type: "static",
  }));
  const plugged = pluggedNics(context).filter(({ network }) => network === ref.name);
  const all = [
    ...gateways(ref, config),
    ...statics,
    ...dynamic(context, ref, plugged),
    ...byItself(config, plugged),
  ];
  const seen = new Set<string>();
  return all.filter(({ address }) => !seen.has(address) && seen.add(address));
}

function lease(hostname: string, hwaddr: string, project: string) {
  return { hostname, hwaddr, location: "none", project };
}

function gateways({ name, project }: Ref, config: Config): NetworkLease[] {
  return ([4, 6] as const).flatMap((family) => {
    const subnet = subnetOf(config, family);
    const type = "gateway" as const;
    return subnet === undefined
      ? []
      : [{ ...lease(`${name}.gw`, "", project), address: formatAddress(subnet), type }];
  });
}

function dynamic(context: Context, ref: Ref, plugged: readonly PluggedNic[]): NetworkLease[] {
  const file = join(networkDirectory(context, ref.name), "leases");
  const now = context.now().getTime() / 1000;
  return parseLeases(readIfThere(file) ?? "").flatMap(
    ({ expires, hwaddr, address, hostname }): NetworkLease[] => {
      if (expires !== 0 && expires < now) return [];
      const owner = plugged.find(({ veth }) => veth.hwaddr === hwaddr);
      const project = owner?.ref.project ?? ref.project;
      return [{ ...lease(owner?.ref.name ?? hostname, hwaddr, project), address, type: "dynamic" }];
    },
  );
}

/** Where addresses are not given by DHCPv6, each NIC takes the one that follows from its MAC address. */
function byItself(config: Config, plugged: readonly PluggedNic[]): NetworkLease[] {
  const subnet = subnetOf(config, 6);
  if (
    subnet === undefined || subnet.prefix !== 64 || !readKey(config, ipv6Dhcp) ||
    readKey(config, ipv6Stateful)
  ) {
    return [];
  }
  return plugged.map(({ ref, veth }) => ({
    ...lease(ref.name, veth.hwaddr, ref.project),
    address: formatAddress(slaacAddress(subnet, veth.hwaddr)),
    type: "dynamic",
  }));
}
