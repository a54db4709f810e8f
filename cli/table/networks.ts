// Rows of the commands of networks.

import type { Arg, Command, Group } from "../command.ts";
import {
  allProjects,
  example,
  format,
  instance,
  key,
  keyValues,
  newName,
  profile,
  property,
  remote,
} from "./words.ts";

const networks = () => import("../commands/network.ts");

export const network: Arg = { name: "network", kind: "network", remote: true };
const device: Arg = { name: "device", kind: "text", optional: true };
const inner: Arg = { name: "interface", kind: "text", optional: true };
const owner = { ...instance, remote: false };
const profileOwner = { ...profile, remote: false };

export const groups: readonly Group[] = [
  { path: "network", summary: "Manage networks" },
];

export const commands: readonly Command[] = [
  {
    path: "network list",
    aliases: ["ls"],
    args: [remote],
    flags: [format, allProjects],
    summary: "List networks",
    examples: [example("network list", "List managed networks and interfaces of the host")],
    load: async () => (await networks()).list,
  },
  {
    path: "network show",
    args: [network],
    flags: [],
    summary: "Show a network as YAML",
    examples: [example("network show dreybr0", "Show its configuration and users")],
    load: async () => (await networks()).show,
  },
  {
    path: "network info",
    args: [network],
    flags: [],
    summary: "Show the link, addresses and counters of a network",
    examples: [example("network info dreybr0", "Show its state; it is up while an instance uses it")],
    load: async () => (await networks()).info,
  },
  {
    path: "network create",
    args: [network, { ...keyValues, optional: true }],
    flags: [
      {
        name: "type",
        short: "t",
        value: "type",
        summary: "Type of network: bridge or, as root, macvlan or physical",
      },
      { name: "description", value: "text", summary: "Description of the network" },
    ],
    summary: "Create a network",
    about: "YAML may come on standard input, from a file or a pipe.",
    examples: [
      example("network create lab", "Create a bridge with free subnets, DHCP and DNS"),
      example(
        "network create lab ipv4.address=10.9.0.1/24 ipv6.address=none",
        "Create one with a given subnet",
      ),
    ],
    load: async () => (await networks()).create,
  },
  {
    path: "network delete",
    aliases: ["rm"],
    args: [{ ...network, many: true }],
    flags: [],
    summary: "Delete networks",
    examples: [example("network delete lab", "Delete a network that nothing uses")],
    load: async () => (await networks()).remove,
  },
  {
    path: "network rename",
    aliases: ["mv"],
    args: [network, newName],
    flags: [],
    summary: "Rename a network",
    examples: [example("network rename lab lab2", "Delete a network that nothing uses")],
    load: async () => (await networks()).rename,
  },
  {
    path: "network edit",
    args: [network],
    flags: [],
    summary: "Edit a network as YAML",
    examples: [example("network edit lab", "Open an editor")],
    load: async () => (await networks()).edit,
  },
  {
    path: "network get",
    args: [network, key],
    flags: [property],
    summary: "Print a key of a network",
    examples: [example("network get dreybr0 ipv4.address", "Print its address and subnet")],
    load: async () => (await networks()).get,
  },
  {
    path: "network set",
    args: [network, keyValues],
    flags: [property],
    summary: "Set keys of a network",
    examples: [example("network set lab dns.domain=lab.example", "Set a key, which applies at once")],
    load: async () => (await networks()).set,
  },
  {
    path: "network unset",
    args: [network, key],
    flags: [property],
    summary: "Remove a key of a network",
    examples: [example("network unset lab ipv4.dhcp.ranges", "Remove a key")],
    load: async () => (await networks()).unset,
  },
  {
    path: "network attach",
    args: [network, owner, device, inner],
    flags: [],
    summary: "Attach an instance to a network",
    examples: [example("network attach lab web eth1", "Attach it as eth1, even while it runs")],
    load: async () => (await networks()).attach("instance"),
  },
  {
    path: "network attach-profile",
    args: [network, profileOwner, device, inner],
    flags: [],
    summary: "Attach a profile to a network",
    examples: [example("network attach-profile lab default eth1", "Attach every instance with this profile")],
    load: async () => (await networks()).attach("profile"),
  },
  {
    path: "network detach",
    args: [network, owner, device],
    flags: [],
    summary: "Detach an instance from a network",
    examples: [example("network detach lab web", "Remove its only interface on the network")],
    load: async () => (await networks()).detach("instance"),
  },
  {
    path: "network detach-profile",
    args: [network, profileOwner, device],
    flags: [],
    summary: "Detach a profile from a network",
    examples: [example("network detach-profile lab default", "Remove its only interface on the network")],
    load: async () => (await networks()).detach("profile"),
  },
  {
    path: "network list-leases",
    args: [network],
    flags: [format],
    summary: "List the leases of a network",
    examples: [example("network list-leases dreybr0", "List addresses from DHCP, static ones and gateways")],
    load: async () => (await networks()).leases,
  },
  {
    path: "network log",
    args: [network],
    flags: [format],
    summary: "Show what the access control of a network rejected",
    about:
      "One line for each sender, receiver and port, most recent first. A line is removed a day after its last packet.",
    examples: [example("network log dreybr0", "Show what was rejected, and how often")],
    load: async () => (await networks()).log,
  },
  {
    path: "network list-allocations",
    args: [remote],
    flags: [format, allProjects],
    summary: "List addresses in use on all networks",
    examples: [example("network list-allocations", "List addresses of networks and instances")],
    load: async () => (await networks()).allocations,
  },
];
