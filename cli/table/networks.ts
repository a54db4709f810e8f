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
  { path: "network", summary: "Networks that instances are plugged into" },
];

export const commands: readonly Command[] = [
  {
    path: "network list",
    aliases: ["ls"],
    args: [remote],
    flags: [format, allProjects],
    summary: "List networks",
    examples: [example("network list", "Those of drey, and the interfaces of the host")],
    load: async () => (await networks()).list,
  },
  {
    path: "network show",
    args: [network],
    flags: [],
    summary: "Show a network, as YAML",
    examples: [example("network show dreybr0", "Its configuration and who uses it")],
    load: async () => (await networks()).show,
  },
  {
    path: "network info",
    args: [network],
    flags: [],
    summary: "Show link, addresses and counters of a network",
    examples: [example("network info dreybr0", "Up while an instance is plugged in")],
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
        summary: "Kind of network: bridge; for root macvlan and physical",
      },
      { name: "description", value: "text", summary: "What the network is for" },
    ],
    summary: "Create a network",
    about: "A file as standard input is read as its YAML.",
    examples: [
      example("network create lab", "A bridge with free subnets, DHCP and names"),
      example(
        "network create lab ipv4.address=10.9.0.1/24 ipv6.address=none",
        "With a subnet of your choice",
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
    examples: [example("network delete lab", "One that nothing is plugged into")],
    load: async () => (await networks()).remove,
  },
  {
    path: "network rename",
    aliases: ["mv"],
    args: [network, newName],
    flags: [],
    summary: "Rename a network",
    examples: [example("network rename lab lab2", "One that nothing is plugged into")],
    load: async () => (await networks()).rename,
  },
  {
    path: "network edit",
    args: [network],
    flags: [],
    summary: "Edit a network, as YAML",
    examples: [example("network edit lab", "In an editor")],
    load: async () => (await networks()).edit,
  },
  {
    path: "network get",
    args: [network, key],
    flags: [property],
    summary: "Print one key of a network",
    examples: [example("network get dreybr0 ipv4.address", "The subnet drey chose")],
    load: async () => (await networks()).get,
  },
  {
    path: "network set",
    args: [network, keyValues],
    flags: [property],
    summary: "Set keys of a network",
    examples: [example("network set lab dns.domain=lab.example", "In force at once")],
    load: async () => (await networks()).set,
  },
  {
    path: "network unset",
    args: [network, key],
    flags: [property],
    summary: "Remove a key of a network",
    examples: [example("network unset lab ipv4.dhcp.ranges", "DHCP gives any address again")],
    load: async () => (await networks()).unset,
  },
  {
    path: "network attach",
    args: [network, owner, device, inner],
    flags: [],
    summary: "Plug an instance into a network",
    examples: [example("network attach lab web eth1", "As eth1, also while it runs")],
    load: async () => (await networks()).attach("instance"),
  },
  {
    path: "network attach-profile",
    args: [network, profileOwner, device, inner],
    flags: [],
    summary: "Plug all instances of a profile into a network",
    examples: [example("network attach-profile lab default eth1", "Every instance with that profile")],
    load: async () => (await networks()).attach("profile"),
  },
  {
    path: "network detach",
    args: [network, owner, device],
    flags: [],
    summary: "Take an instance from a network",
    examples: [example("network detach lab web", "Its only card on the network")],
    load: async () => (await networks()).detach("instance"),
  },
  {
    path: "network detach-profile",
    args: [network, profileOwner, device],
    flags: [],
    summary: "Take all instances of a profile from a network",
    examples: [example("network detach-profile lab default", "Its only card on the network")],
    load: async () => (await networks()).detach("profile"),
  },
  {
    path: "network list-leases",
    args: [network],
    flags: [format],
    summary: "List addresses on a network",
    examples: [example("network list-leases dreybr0", "Given by DHCP, static, and the gateway")],
    load: async () => (await networks()).leases,
  },
  {
    path: "network log",
    args: [network],
    flags: [format],
    summary: "Show what access control on a network has refused",
    about:
      "A line for each sender, receiver and port, the last first. A day after its last packet a line goes.",
    examples: [example("network log dreybr0", "What was refused, and how often")],
    load: async () => (await networks()).log,
  },
  {
    path: "network list-allocations",
    args: [remote],
    flags: [format, allProjects],
    summary: "List addresses in use on all networks",
    examples: [example("network list-allocations", "Networks and instances")],
    load: async () => (await networks()).allocations,
  },
];
