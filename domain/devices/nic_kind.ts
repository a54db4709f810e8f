// How a NIC is connected: what its network is, or what it says itself, held against who asks.

import { DreyError } from "../../errors.ts";
import { exists } from "../../sys/present.ts";
import type { Device } from "../../wire/instance.ts";
import type { Context, Ref } from "../context.ts";
import { openDefaultNetwork } from "../networks/default.ts";
import { gvrp, strayKey } from "../../config/devices/nic.ts";
import { readKey } from "../../config/key.ts";
import { hasFunctions } from "../../network/sriov.ts";
import { vlanInterface } from "../../network/vlans.ts";
import { tableName, usualMtu } from "../networks/hub_state.ts";
import type { HostKind, NicKind } from "../networks/nic_plan.ts";
import { bridgeMtuOf } from "../networks/plan.ts";
import { defaultNetwork, loadNetwork } from "../networks/record.ts";
import { effectiveProject } from "../projects/effective.ts";
import type { DeviceSite } from "./device.ts";

/**
 * How a NIC is connected.
 *
 * @throws {DreyError} `NOT_FOUND`, `FORBIDDEN` for a user who asks for an interface of the host
 */
export async function kindOf(
  context: Context,
  ref: Ref,
  { name, device }: Pick<DeviceSite, "name" | "device">,
): Promise<NicKind> {
  const network = device["network"];
  if (network) {
    const project = await effectiveProject(context, ref.project, "networks");
    const found = { project, name: network };
    if (network === defaultNetwork) await openDefaultNetwork(context);
    const { value } = await loadNetwork(context, found).catch((cause) => {
      throw new DreyError("NOT_FOUND", {
        message: `Device "${name}": network "${network}" not found`,
        hint: "See the networks there are: drey network list",
        cause,
      });
    });
    const stray = strayKey(device, value.type === "bridge" ? "bridged" : value.type);
    if (stray !== undefined) {
      throw new DreyError("BAD_REQUEST", {
        message: `Device "${name}": the key "${stray}" is not for a NIC on a network of type ${value.type}`,
      });
    }
    if (value.type === "bridge") {
      const mtu = bridgeMtuOf(value.config, usualMtu(context));
      return { type: "bridged", bridge: network, network: value.config, mtu };
    }
    return hostKind(context, name, { ...value.config, ...device, nictype: value.type });
  }
  const type = device["nictype"];
  const parent = device["parent"];
  if (type === "p2p") return { type };
  if (type === "routed") {
    if (!parent) return { type };
    const { parent: from, vlan: id, gvrp = false } = hostKind(context, name, device);
    const vlan = id === undefined ? undefined : { parent: from, id, gvrp, owner: nicOwner(context) };
    return { type, parent: vlanInterface(from, id), ...(vlan === undefined ? {} : { vlan }) };
  }
  if (type === "bridged" && parent) return await bridgedTo(context, parent);
  return hostKind(context, name, device);
}

/** A NIC that is an interface of the host, or made from one: that is for root. */
function hostKind(context: Context, name: string, device: Device): HostKind {
  const { nictype, parent = "", vlan = "", mtu } = device;
  const type = hostTypeOf(nictype);
  if (context.user.uid !== 0) {
    throw new DreyError("FORBIDDEN", {
      message: `Device "${name}": only root may use the host's interface "${parent}"`,
      hint: "Use a managed network: drey network create NAME, then network=NAME",
    });
  }
  if (!exists(`/sys/class/net/${parent}`)) {
    throw new DreyError("NOT_FOUND", {
      message: `Device "${name}": the host has no interface "${parent}"`,
    });
  }
  if (type === "sriov" && !hasFunctions(parent)) {
    throw new DreyError("BAD_REQUEST", {
      message: `Device "${name}": the host's interface "${parent}" has no virtual functions (SR-IOV)`,
    });
  }
  const tag = vlan === "" || vlan === "none" ? undefined : Number(vlan);
  return {
    type,
    parent,
    ...(tag === undefined ? {} : { vlan: tag }),
    ...(readKey(device, gvrp) ? { gvrp: true } : {}),
    ...(mtu ? { mtu: Number(mtu) } : {}),
  };
}

const hostTypeOf = (nictype = ""): HostKind["type"] =>
  nictype === "macvlan" || nictype === "ipvlan" || nictype === "sriov" ? nictype : "physical";

/** The mark of interfaces made for NICs; not that of a network's, which end with the hub. */
export const nicOwner = (context: Context): string => `${tableName(context)}.nic`;

/** A bridge that is named by its interface may be one of drey's networks after all. */
async function bridgedTo(context: Context, parent: string): Promise<NicKind> {
  const managed = await loadNetwork(context, { project: "default", name: parent }).catch((error) => {
    if (error instanceof DreyError && error.code === "NOT_FOUND") return undefined;
    throw error;
  });
  if (managed?.value.type === "bridge") {
    const mtu = bridgeMtuOf(managed.value.config, usualMtu(context));
    return { type: "bridged", bridge: parent, network: managed.value.config, mtu };
  }
  if (context.user.uid === 0) return { type: "bridged", bridge: parent, mtu: 1500 };
  throw new DreyError("FORBIDDEN", {
    message: `Cannot plug into "${parent}": only root may use the host's own bridges`,
    hint: "Use a managed network: drey network create NAME, then network=NAME",
  });
}
