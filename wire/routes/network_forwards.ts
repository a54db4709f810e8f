// Routes of forwards and load balancers.

import * as forward from "../network_forward.ts";
import { type Listing, one, route } from "./route.ts";

const list = ["project", "recursion", "filter"] as const;

export const networkForwards = {
  "network.forwards.list": route<Listing<string[], forward.NetworkForward[]>>()(
    "sync",
    "GET /1.0/networks/{network}/forwards",
    "All forwards of the network",
    { query: list },
  ),
  "network.forwards.create": route<null>()(
    "sync",
    "POST /1.0/networks/{network}/forwards",
    "Add a forward to the network",
    { query: one, body: forward.networkForwardsPost },
  ),
  "network.forward.get": route<forward.NetworkForward>()(
    "sync",
    "GET /1.0/networks/{network}/forwards/{address}",
    "One forward of the network",
    { query: one },
  ),
  "network.forward.update": route<null>()(
    "sync",
    "PUT /1.0/networks/{network}/forwards/{address}",
    "Replace the forward",
    { query: one, body: forward.networkForwardPut },
  ),
  "network.forward.patch": route<null>()(
    "sync",
    "PATCH /1.0/networks/{network}/forwards/{address}",
    "Change parts of the forward",
    { query: one, body: forward.networkForwardPut },
  ),
  "network.forward.delete": route<null>()(
    "sync",
    "DELETE /1.0/networks/{network}/forwards/{address}",
    "Delete the forward",
    { query: one },
  ),
  "network.balancers.list": route<Listing<string[], forward.NetworkLoadBalancer[]>>()(
    "sync",
    "GET /1.0/networks/{network}/load-balancers",
    "All load balancers of the network",
    { query: list },
  ),
  "network.balancers.create": route<null>()(
    "sync",
    "POST /1.0/networks/{network}/load-balancers",
    "Add a load balancer to the network",
    { query: one, body: forward.networkLoadBalancersPost },
  ),
  "network.balancer.get": route<forward.NetworkLoadBalancer>()(
    "sync",
    "GET /1.0/networks/{network}/load-balancers/{address}",
    "One load balancer of the network",
    { query: one },
  ),
  "network.balancer.update": route<null>()(
    "sync",
    "PUT /1.0/networks/{network}/load-balancers/{address}",
    "Replace the load balancer",
    { query: one, body: forward.networkLoadBalancerPut },
  ),
  "network.balancer.patch": route<null>()(
    "sync",
    "PATCH /1.0/networks/{network}/load-balancers/{address}",
    "Change parts of the load balancer",
    { query: one, body: forward.networkLoadBalancerPut },
  ),
  "network.balancer.delete": route<null>()(
    "sync",
    "DELETE /1.0/networks/{network}/load-balancers/{address}",
    "Delete the load balancer",
    { query: one },
  ),
} as const;
