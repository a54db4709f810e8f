// Which access control lists each plugged NIC obeys: its own and its network's, read from the store.

import { formatAddress } from "../../config/address.ts";
import { parts } from "../../config/acl_rules.ts";
import type { NicAcls } from "../../network/acl.ts";
import type { Config } from "../../wire/instance.ts";
import type { Context } from "../context.ts";
import { aclKey, type AclRecord } from "../network_acls.ts";
import type { PluggedNic } from "./nic_files.ts";
import { subnetOf } from "./plan.ts";
import type { NetworkRecord } from "./record.ts";

/** The NICs that obey any list. */
export async function planAcls(
  context: Context,
  nics: readonly PluggedNic[],
  networks: readonly { name: string; record: NetworkRecord }[],
): Promise<NicAcls[]> {
  const found = nics.map(async (nic): Promise<NicAcls[]> => {
    const network = networks.find(({ name }) => name === nic.network)?.record.config ?? {};
    const names = [...new Set([...parts(nic.acls["security.acls"]), ...parts(network["security.acls"])])];
    if (names.length === 0) return [];
    const lists = await Promise.all(names.map(async (name) => {
      const entry = await context.store.get<AclRecord>(aclKey({ project: "default", name }));
      return { name, ingress: entry?.value.ingress ?? [], egress: entry?.value.egress ?? [] };
    }));
    const resolvers = ([4, 6] as const).flatMap((family) => {
      const subnet = subnetOf(network, family);
      return subnet === undefined ? [] : [formatAddress(subnet)];
    });
    const defaults = {
      ingress: defaultOf("ingress", nic, network),
      egress: defaultOf("egress", nic, network),
    };
    return [{
      hostName: nic.veth.hostName,
      ...(nic.network && { network: nic.network }),
      lists,
      defaults,
      resolvers,
    }];
  });
  return (await Promise.all(found)).flat();
}

function defaultOf(direction: string, { acls }: PluggedNic, network: Config) {
  const value = (key: string) => {
    const name = `security.acls.default.${direction}.${key}`;
    return acls[name] || network[name];
  };
  return { action: value("action") ?? "reject", isLogged: value("logged") === "true" };
}
