// Networks: managed ones, and the interfaces of the host.

import type { Config } from "./instance.ts";
import * as s from "./schema.ts";

/** A network: one that drey manages, or an interface of the host. */
export interface Network {
  name: string;
  description: string;
  /** `bridge`, `physical`, `macvlan`, …; of an interface what the kernel calls it */
  type: string;
  /** whether drey has made it */
  managed: boolean;
  status: "Created" | "Pending" | "Errored" | "";
  config: Config;
  /** addresses of the instances and profiles that use it */
  used_by: string[];
  /** members of a cluster that have it */
  locations: string[];
  project: string;
}

/** An address of an interface. */
export interface NetworkAddress {
  family: "inet" | "inet6";
  address: string;
  /** `bits` of the prefix */
  netmask: string;
  /** `global`, `link` or `local` */
  scope: string;
}

/** What the kernel says of the interface of a network. */
export interface NetworkState {
  addresses: NetworkAddress[];
  counters: {
    bytes_received: number;
    bytes_sent: number;
    packets_received: number;
    packets_sent: number;
  };
  /** MAC address */
  hwaddr: string;
  /** `bytes` of the largest packet */
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

/** An address that somebody in a network has. */
export interface NetworkLease {
  hostname: string;
  /** MAC address */
  hwaddr: string;
  address: string;
  type: "static" | "dynamic" | "gateway";
  location: string;
  project: string;
}

/** An address that is taken in a network, and by what. */
export interface NetworkAllocation {
  /** an address with the bits of its prefix */
  addresses: string;
  /** address of what has it */
  used_by: string;
  type: "network" | "network-forward" | "network-load-balancer" | "instance";
  /** whether the outside sees the host instead */
  nat: boolean;
  /** MAC address of an instance */
  hwaddr: string;
  network: string;
}

export const networksPost = s.object({
  name: s.required(s.string),
  type: s.optional(s.string, "`bridge` without it"),
  description: s.optional(s.string),
  config: s.optional(s.record(s.string)),
});
/** A network to be made. */
export type NetworksPost = s.TypeOf<typeof networksPost>;

export const networkPut = s.object({
  description: s.optional(s.string),
  config: s.optional(s.record(s.string)),
});
/** What can be changed of a network. */
export type NetworkPut = s.TypeOf<typeof networkPut>;

export const networkPost = s.object({ name: s.required(s.string) });
/** Another name for a network. */
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
