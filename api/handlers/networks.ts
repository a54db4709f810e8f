// Networks.

import * as networks from "../../domain/networks.ts";
import { mustReachNetwork, networksWithinReach } from "../../domain/networks/reach.ts";
import { networkLeases } from "../../domain/networks/leases.ts";
import { networkRefusals } from "../../domain/networks/refusals.ts";
import { listAllocations } from "../../domain/networks/allocations.ts";
import { networkState } from "../../domain/networks/state.ts";
import type { Context, Ref } from "../../domain/context.ts";
import { Created, type Handlers } from "../call.ts";
import { isNear, projectIn } from "../middleware/permission.ts";
import { addressOf, isOn, listed } from "../lists.ts";

type Names =
  | "networks.list"
  | "networks.create"
  | "network.get"
  | "network.update"
  | "network.patch"
  | "network.rename"
  | "network.delete"
  | "network.state"
  | "network.leases"
  | "network.refusals"
  | "network.allocations";

interface One {
  context: Context;
  project: string;
  params: { readonly name: string };
}

/** A network that whoever asks may know of. @throws {DreyError} `NOT_FOUND` */
async function refOf({ context, project, params: { name } }: One): Promise<Ref> {
  await mustReachNetwork(context, { project, name });
  return { project, name };
}

export const handlers: Handlers<Names> = {
  "networks.list": async ({ context, project, recursion, query }) => {
    const isEverywhere = isOn(query("all-projects"));
    const all = await networks.listNetworks(context, isEverywhere ? undefined : project);
    const mayReach = isEverywhere ? () => true : await networksWithinReach(context);
    return listed(all.filter(mayReach), {
      recursion,
      filter: query("filter"),
      address: (network) => addressOf("networks", network.name, network.project),
    });
  },
  "networks.create": async ({ context, project, body }) => {
    await networks.createNetwork(context, project, body);
    return new Created(addressOf("networks", body.name, project));
  },
  "network.get": async (call) => networks.getNetwork(call.context, await refOf(call)),
  "network.update": async (call) => await networks.updateNetwork(call.context, await refOf(call), call.body),
  "network.patch": async (call) => await networks.patchNetwork(call.context, await refOf(call), call.body),
  "network.rename": async (call) => {
    await networks.renameNetwork(call.context, await refOf(call), call.body.name);
    return new Created(addressOf("networks", call.body.name, call.project));
  },
  "network.delete": async (call) => await networks.deleteNetwork(call.context, await refOf(call)),
  "network.state": async (call) => networkState(call.context, await refOf(call)),
  "network.leases": async (call) =>
    (await networkLeases(call.context, await refOf(call))).filter(({ type, project }) =>
      type === "gateway" || isNear(call.caller, project)
    ),
  "network.refusals": async (call) => networkRefusals(call.context, await refOf(call)),
  "network.allocations": async ({ context, caller, project, query }) =>
    (await listAllocations(context, isOn(query("all-projects")) ? undefined : project)).filter((one) =>
      one.type === "network" || isNear(caller, projectIn(one.used_by))
    ),
};
