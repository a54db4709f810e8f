// Networks.

import * as networks from "../../domain/networks.ts";
import { networkLeases } from "../../domain/networks/leases.ts";
import { networkRefusals } from "../../domain/networks/refusals.ts";
import { listAllocations } from "../../domain/networks/allocations.ts";
import { networkState } from "../../domain/networks/state.ts";
import { Created, type Handlers } from "../call.ts";
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

export const handlers: Handlers<Names> = {
  "networks.list": async ({ context, project, recursion, query }) =>
    listed(await networks.listNetworks(context, isOn(query("all-projects")) ? undefined : project), {
      recursion,
      filter: query("filter"),
      address: (network) => addressOf("networks", network.name, network.project),
    }),
  "networks.create": async ({ context, project, body }) => {
    await networks.createNetwork(context, project, body);
    return new Created(addressOf("networks", body.name, project));
  },
  "network.get": ({ context, project, params }) =>
    networks.getNetwork(context, { project, name: params.name }),
  "network.update": async ({ context, project, params, body }) => {
    await networks.updateNetwork(context, { project, name: params.name }, body);
    return null;
  },
  "network.patch": async ({ context, project, params, body }) => {
    await networks.patchNetwork(context, { project, name: params.name }, body);
    return null;
  },
  "network.rename": async ({ context, project, params, body }) => {
    await networks.renameNetwork(context, { project, name: params.name }, body.name);
    return new Created(addressOf("networks", body.name, project));
  },
  "network.delete": async ({ context, project, params }) => {
    await networks.deleteNetwork(context, { project, name: params.name });
    return null;
  },
  "network.state": ({ context, project, params }) => networkState(context, { project, name: params.name }),
  "network.leases": ({ context, project, params }) => networkLeases(context, { project, name: params.name }),
  "network.refusals": ({ context, project, params }) =>
    networkRefusals(context, { project, name: params.name }),
  "network.allocations": ({ context, project, query }) =>
    listAllocations(context, isOn(query("all-projects")) ? undefined : project),
};
