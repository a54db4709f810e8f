// Forwards and load balancers: addresses that lead into a network.

import type { Config } from "./instance.ts";
import * as s from "./schema.ts";

export const forwardPort = s.object({
  protocol: s.required(s.string),
  listen_port: s.required(s.string),
  target_address: s.required(s.string),
  target_port: s.optional(s.string),
  description: s.optional(s.string),
});
/** Ports of an address, and the instance that they lead to. */
export type ForwardPort = s.TypeOf<typeof forwardPort>;

/** An address of the host that leads to instances of a network. */
export interface NetworkForward {
  listen_address: string;
  description: string;
  /** `target_address` leads there what no port does */
  config: Config;
  ports: ForwardPort[];
  location: string;
}

export const networkForwardPut = s.object({
  description: s.optional(s.string),
  config: s.optional(s.record(s.string)),
  ports: s.optional(s.array(forwardPort)),
});
/** What can be changed of a forward. */
export type NetworkForwardPut = s.TypeOf<typeof networkForwardPut>;
export const networkForwardsPost = s.object({
  listen_address: s.required(s.string),
  description: s.optional(s.string),
  config: s.optional(s.record(s.string)),
  ports: s.optional(s.array(forwardPort)),
});
/** A forward to be made. */
export type NetworkForwardsPost = s.TypeOf<typeof networkForwardsPost>;

export const balancerBackend = s.object({
  name: s.required(s.string),
  target_address: s.required(s.string),
  target_port: s.optional(s.string),
  description: s.optional(s.string),
});
/** An instance that a load balancer leads to. */
export type BalancerBackend = s.TypeOf<typeof balancerBackend>;
export const balancerPort = s.object({
  protocol: s.required(s.string),
  listen_port: s.required(s.string),
  target_backend: s.required(s.array(s.string)),
  description: s.optional(s.string),
});
/** Ports of a load balancer, and the backends that share what comes. */
export type BalancerPort = s.TypeOf<typeof balancerPort>;

/** An address of the host that leads to one of several instances. */
export interface NetworkLoadBalancer {
  listen_address: string;
  description: string;
  config: Config;
  backends: BalancerBackend[];
  ports: BalancerPort[];
  location: string;
}

const balancerFields = {
  description: s.optional(s.string),
  config: s.optional(s.record(s.string)),
  backends: s.optional(s.array(balancerBackend)),
  ports: s.optional(s.array(balancerPort)),
};
export const networkLoadBalancerPut = s.object(balancerFields);
/** What can be changed of a load balancer. */
export type NetworkLoadBalancerPut = s.TypeOf<typeof networkLoadBalancerPut>;
export const networkLoadBalancersPost = s.object({ listen_address: s.required(s.string), ...balancerFields });
/** A load balancer to be made. */
export type NetworkLoadBalancersPost = s.TypeOf<typeof networkLoadBalancersPost>;
