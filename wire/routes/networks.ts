// Routes of networks.

import * as network from "../network.ts";
import { type Listing, lists, one, route } from "./route.ts";

export const networks = {
  "networks.list": route<Listing<string[], network.Network[]>>()(
    "sync",
    "GET /1.0/networks",
    "All networks",
    {
      query: lists,
    },
  ),
  "networks.create": route<null>()("sync", "POST /1.0/networks", "Add a network", {
    query: [...one, "target"],
    body: network.networksPost,
  }),
  "network.get": route<network.Network>()("sync", "GET /1.0/networks/{name}", "One network", {
    query: [...one, "target"],
  }),
  "network.update": route<null>()("sync", "PUT /1.0/networks/{name}", "Replace the network's configuration", {
    query: [...one, "target"],
    body: network.networkPut,
  }),
  "network.patch": route<null>()(
    "sync",
    "PATCH /1.0/networks/{name}",
    "Change parts of the network's configuration",
    { query: [...one, "target"], body: network.networkPut },
  ),
  "network.rename": route<null>()("sync", "POST /1.0/networks/{name}", "Rename the network", {
    query: one,
    body: network.networkPost,
  }),
  "network.delete": route<null>()("sync", "DELETE /1.0/networks/{name}", "Delete the network", {
    query: one,
  }),
  "network.state": route<network.NetworkState>()(
    "sync",
    "GET /1.0/networks/{name}/state",
    "Link, addresses and counters of the network",
    { query: [...one, "target"] },
  ),
  "network.leases": route<network.NetworkLease[]>()(
    "sync",
    "GET /1.0/networks/{name}/leases",
    "Addresses instances have on the network",
    { query: [...one, "target"] },
  ),
  "network.refusals": route<network.NetworkRefusal[]>()(
    "sync",
    "GET /internal/networks/{name}/refusals",
    "What access control on the network has refused",
    { query: one },
  ),
  "network.allocations": route<network.NetworkAllocation[]>()(
    "sync",
    "GET /1.0/network-allocations",
    "Addresses in use on all networks",
    { query: ["project", "all-projects"] },
  ),
} as const;
