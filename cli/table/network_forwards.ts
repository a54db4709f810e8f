// Rows of the commands of forwards and load balancers, which are alike.

import type { Arg, Command, Group } from "../command.ts";
import { network } from "./networks.ts";
import { example, format, key, keyValues, property } from "./words.ts";

const forwards = () => import("../commands/network_forward.ts");
const address: Arg = { name: "address", kind: "text" };
const protocol: Arg = { name: "protocol", kind: "text" };
const ports: Arg = { name: "ports", kind: "text" };
const force = { name: "force", summary: "Remove every port that matches" };

export const groups: readonly Group[] = [
  { path: "network forward", summary: "Addresses of this machine that lead to instances" },
  { path: "network forward port", summary: "Ports of forwards" },
  {
    path: "network load-balancer",
    summary: "Addresses of this machine that lead to one of several instances",
  },
  { path: "network load-balancer backend", summary: "Targets of load balancers" },
  { path: "network load-balancer port", summary: "Ports of load balancers" },
];

function rows(path: string, kind: "forward" | "balancer", what: string): Command[] {
  return [
    {
      path: `${path} list`,
      aliases: ["ls"],
      args: [network],
      flags: [format],
      summary: `List ${what}s of a network`,
      examples: [example(`${path} list dreybr0`, "Each with the number of its ports")],
      load: async () => (await forwards()).list(kind),
    },
    {
      path: `${path} show`,
      args: [network, address],
      flags: [],
      summary: `Show a ${what}, as YAML`,
      examples: [example(`${path} show dreybr0 127.0.0.1`, "Its ports and where they lead")],
      load: async () => (await forwards()).show(kind),
    },
    {
      path: `${path} create`,
      args: [network, address, { ...keyValues, optional: true }],
      flags: [{ name: "description", value: "text", summary: "What it is for" }],
      summary: `Create a ${what}`,
      examples: [example(`${path} create dreybr0 127.0.0.1`, "One without ports")],
      load: async () => (await forwards()).create(kind),
    },
    {
      path: `${path} delete`,
      aliases: ["rm"],
      args: [network, address],
      flags: [],
      summary: `Delete a ${what}`,
      examples: [example(`${path} delete dreybr0 127.0.0.1`, "With all its ports")],
      load: async () => (await forwards()).remove(kind),
    },
    {
      path: `${path} edit`,
      args: [network, address],
      flags: [],
      summary: `Edit a ${what}, as YAML`,
      examples: [example(`${path} edit dreybr0 127.0.0.1`, "In an editor; in force at once")],
      load: async () => (await forwards()).edit(kind),
    },
    {
      path: `${path} get`,
      args: [network, address, key],
      flags: [property],
      summary: `Print one key of a ${what}`,
      examples: [example(`${path} get dreybr0 127.0.0.1 user.team`, "One key")],
      load: async () => (await forwards()).get(kind),
    },
    {
      path: `${path} set`,
      args: [network, address, keyValues],
      flags: [property],
      summary: `Set keys of a ${what}`,
      examples: [example(`${path} set dreybr0 127.0.0.1 user.team=shop`, "One key")],
      load: async () => (await forwards()).set(kind),
    },
    {
      path: `${path} unset`,
      args: [network, address, key],
      flags: [],
      summary: `Remove a key of a ${what}`,
      examples: [example(`${path} unset dreybr0 127.0.0.1 user.team`, "One key")],
      load: async () => (await forwards()).unset(kind),
    },
    {
      path: `${path} port remove`,
      args: [network, address, { ...protocol, optional: true }, { ...ports, optional: true }],
      flags: [force],
      summary: `Remove ports of a ${what}`,
      examples: [
        example(`${path} port remove dreybr0 127.0.0.1 tcp 8080`, "Connections through others go on"),
      ],
      load: async () => (await forwards()).removePort(kind),
    },
  ];
}

const target: Arg = { name: "target", kind: "text" };
const targetPorts: Arg = { name: "target-ports", kind: "text", optional: true };

export const commands: readonly Command[] = [
  ...rows("network forward", "forward", "forward"),
  {
    path: "network forward port add",
    args: [network, address, protocol, ports, target, targetPorts],
    flags: [],
    summary: "Add ports to a forward",
    examples: [example("network forward port add dreybr0 127.0.0.1 tcp 8080 10.9.0.5 80", "To one instance")],
    load: async () => (await forwards()).addPort("forward"),
  },
  ...rows("network load-balancer", "balancer", "load balancer"),
  {
    path: "network load-balancer port add",
    args: [network, address, protocol, ports, { name: "backends", kind: "text" }],
    flags: [],
    summary: "Add ports to a load balancer",
    examples: [
      example("network load-balancer port add dreybr0 127.0.0.1 tcp 8080 web1,web2", "To two in turn"),
    ],
    load: async () => (await forwards()).addPort("balancer"),
  },
  {
    path: "network load-balancer backend add",
    args: [network, address, { name: "backend", kind: "text" }, target, targetPorts],
    flags: [],
    summary: "Add a target to a load balancer",
    examples: [
      example("network load-balancer backend add dreybr0 127.0.0.1 web1 10.9.0.5 80", "An instance"),
    ],
    load: async () => (await forwards()).addBackend,
  },
  {
    path: "network load-balancer backend remove",
    args: [network, address, { name: "backend", kind: "text" }],
    flags: [],
    summary: "Remove a target of a load balancer",
    examples: [
      example("network load-balancer backend remove dreybr0 127.0.0.1 web1", "One that no port leads to"),
    ],
    load: async () => (await forwards()).removeBackend,
  },
];
