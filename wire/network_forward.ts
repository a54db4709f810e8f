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
export type ForwardPort = s.TypeOf<typeof forwardPort>;

export interface NetworkForward {
  listen_address: string;
  description: string;
  config: Config;
  ports: ForwardPort[];
  location: string;
}

export const networkForwardPut = s.object({
  description: s.optional(s.string),
  config: s.optional(s.record(s.string)),
  ports: s.optional(s.array(forwardPort)),
});
export type NetworkForwardPut = s.TypeOf<typeof networkForwardPut>;
export const networkForwardsPost = s.object({
  listen_address: s.required(s.string),
  description: s.optional(s.string),
  config: s.optional(s.record(s.string)),
  ports: s.optional(s.array(forwardPort)),
});
export type NetworkForwardsPost = s.TypeOf<typeof networkForwardsPost>;

export const balancerBackend = s.object({
  name: s.required(s.string),
  target_address: s.required(s.string),
  target_port: s.optional(s.string),
  description: s.optional(s.string),
});
export type BalancerBackend = s.TypeOf<typeof balancerBackend>;
export const balancerPort = s.object({
  protocol: s.required(s.string),
  listen_port: s.required(s.string),
  target_backend: s.required(s.array(s.string)),
  description: s.optional(s.string),
});
export type BalancerPort = s.TypeOf<typeof balancerPort>;

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
export type NetworkLoadBalancerPut = s.TypeOf<typeof networkLoadBalancerPut>;
export const networkLoadBalancersPost = s.object({ listen_address: s.required(s.string), ...balancerFields });
export type NetworkLoadBalancersPost = s.TypeOf<typeof networkLoadBalancersPost>;
