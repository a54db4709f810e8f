// Networks: managed ones, and the interfaces of the host.

import type { Config } from "./instance.ts";
import * as s from "./schema.ts";

export interface Network {
  name: string;
  description: string;
  type: string;
  managed: boolean;
  status: "Created" | "Pending" | "Errored" | "";
  config: Config;
  used_by: string[];
  locations: string[];
  project: string;
}

export interface NetworkAddress {
  family: "inet" | "inet6";
  address: string;
  netmask: string;
  scope: string;
}

export interface NetworkState {
  addresses: NetworkAddress[];
  counters: {
    bytes_received: number;
    bytes_sent: number;
    packets_received: number;
    packets_sent: number;
  };
  hwaddr: string;
  mtu: number;
  state: "up" | "down";
  type: "broadcast" | "loopback" | "point-to-point" | "unknown";
  bond: null;
  bridge: {
    id: string;
    stp: boolean;
    /** hundredths of a second */
    forward_delay: number;
    vlan_default: number;
    vlan_filtering: boolean;
    upper_devices: string[];
  } | null;
  vlan: { lower_device: string; vid: number } | null;
  ovn: null;
}

export interface NetworkLease {
  hostname: string;
  hwaddr: string;
  address: string;
  type: "static" | "dynamic" | "gateway";
  location: string;
  project: string;
}

export interface NetworkAllocation {
  addresses: string;
  used_by: string;
  type: "network" | "network-forward" | "network-load-balancer" | "instance";
  nat: boolean;
  hwaddr: string;
  network: string;
}

export const networksPost = s.object({
  name: s.required(s.string),
  type: s.optional(s.string, "`bridge` without it"),
  description: s.optional(s.string),
  config: s.optional(s.record(s.string)),
});
export type NetworksPost = s.TypeOf<typeof networksPost>;

export const networkPut = s.object({
  description: s.optional(s.string),
  config: s.optional(s.record(s.string)),
});
export type NetworkPut = s.TypeOf<typeof networkPut>;

export const networkPost = s.object({ name: s.required(s.string) });
export type NetworkPost = s.TypeOf<typeof networkPost>;

/** What of a network's traffic was refused, by who, to whom and what for; drey's own. */
export interface NetworkRefusal {
  /** when the last packet of the kind was refused */
  time: string;
  src: string;
  dst: string;
  proto: string;
  /** 0 for protocols without ports */
  dst_port: number;
  packets: number;
}
