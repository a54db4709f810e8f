// Forwards and load balancers of networks.

import * as domain from "../../domain/network_forwards.ts";
import { Created, type Handlers } from "../call.ts";
import { listed } from "../lists.ts";

type Verb = "get" | "update" | "patch" | "delete";
type Names =
  | `network.forwards.${"list" | "create"}`
  | `network.forward.${Verb}`
  | `network.balancers.${"list" | "create"}`
  | `network.balancer.${Verb}`;

const addressOf = (network: string, kind: domain.ForwardKind, address: string) =>
  `/1.0/networks/${encodeURIComponent(network)}/${kind}/${encodeURIComponent(address)}`;

interface Call {
  project: string;
  params: { network: string; address: string };
}
const refOf = (kind: domain.ForwardKind, { project, params }: Call): domain.ForwardRef => ({
  kind,
  network: { project, name: params.network },
  address: params.address,
});

export const handlers: Handlers<Names> = {
  "network.forwards.list": async ({ context, project, params, recursion, query }) =>
    listed(await domain.listForwards(context, { project, name: params.network }), {
      recursion,
      filter: query("filter"),
      address: (forward) => addressOf(params.network, "forwards", forward.listen_address),
    }),
  "network.forwards.create": async ({ context, project, params, body }) => {
    const address = body.listen_address;
    await domain.createForward(context, refOf("forwards", { project, params: { ...params, address } }), body);
    return new Created(addressOf(params.network, "forwards", address));
  },
  "network.forward.get": ({ context, project, params }) =>
    domain.getForward(context, { project, name: params.network }, params.address),
  "network.forward.update": (call) => domain.updateForward(call.context, refOf("forwards", call), call.body),
  "network.forward.patch": (call) => domain.patchForward(call.context, refOf("forwards", call), call.body),
  "network.forward.delete": (call) => domain.deleteForward(call.context, refOf("forwards", call)),
  "network.balancers.list": async ({ context, project, params, recursion, query }) =>
    listed(await domain.listLoadBalancers(context, { project, name: params.network }), {
      recursion,
      filter: query("filter"),
      address: (balancer) => addressOf(params.network, "load-balancers", balancer.listen_address),
    }),
  "network.balancers.create": async ({ context, project, params, body }) => {
    const address = body.listen_address;
    await domain.createForward(
      context,
      refOf("load-balancers", { project, params: { ...params, address } }),
      body,
    );
    return new Created(addressOf(params.network, "load-balancers", address));
  },
  "network.balancer.get": ({ context, project, params }) =>
    domain.getLoadBalancer(context, { project, name: params.network }, params.address),
  "network.balancer.update": (call) =>
    domain.updateForward(call.context, refOf("load-balancers", call), call.body),
  "network.balancer.patch": (call) =>
    domain.patchForward(call.context, refOf("load-balancers", call), call.body),
  "network.balancer.delete": (call) => domain.deleteForward(call.context, refOf("load-balancers", call)),
};
