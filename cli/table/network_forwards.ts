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
  { path: "network forward", summary: "Manage network forwards" },
  { path: "network forward port", summary: "Manage ports of network forwards" },
  {
    path: "network load-balancer",
    summary: "Manage network load balancers",
  },
  { path: "network load-balancer backend", summary: "Manage backends of load balancers" },
  { path: "network load-balancer port", summary: "Manage ports of load balancers" },
];

function rows(path: string, kind: "forward" | "balancer", what: string): Command[] {
  return [
    {
      path: `${path} list`,
      aliases: ["ls"],
      args: [network],
      flags: [format],
      summary: `List ${what}s of a network`,
      examples: [example(`${path} list lab`, "List each with the number of its ports")],
      load: async () => (await forwards()).list(kind),
    },
    {
      path: `${path} show`,
      args: [network, address],
      flags: [],
      summary: `Show a ${what} as YAML`,
      examples: [example(`${path} show lab 127.0.0.1`, "Show its ports and their targets")],
      load: async () => (await forwards()).show(kind),
    },
    {
      path: `${path} create`,
      args: [network, address, { ...keyValues, optional: true }],
      flags: [{ name: "description", value: "text", summary: "Description" }],
      summary: `Create a ${what}`,
      examples: [example(`${path} create lab 127.0.0.1`, "Create one without ports")],
      load: async () => (await forwards()).create(kind),
    },
    {
      path: `${path} delete`,
      aliases: ["rm"],
      args: [network, address],
      flags: [],
      summary: `Delete a ${what}`,
      examples: [example(`${path} delete lab 127.0.0.1`, "Delete it with all its ports")],
      load: async () => (await forwards()).remove(kind),
    },
    {
      path: `${path} edit`,
      args: [network, address],
      flags: [],
      summary: `Edit a ${what} as YAML`,
      examples: [example(`${path} edit lab 127.0.0.1`, "Open an editor; changes apply at once")],
      load: async () => (await forwards()).edit(kind),
    },
    {
      path: `${path} get`,
      args: [network, address, key],
      flags: [property],
      summary: `Print a key of a ${what}`,
      examples: [example(`${path} get lab 127.0.0.1 user.team`, "Print a key")],
      load: async () => (await forwards()).get(kind),
    },
    {
      path: `${path} set`,
      args: [network, address, keyValues],
      flags: [property],
      summary: `Set keys of a ${what}`,
      examples: [example(`${path} set lab 127.0.0.1 user.team=shop`, "Set a key")],
      load: async () => (await forwards()).set(kind),
    },
    {
      path: `${path} unset`,
      args: [network, address, key],
      flags: [],
      summary: `Remove a key of a ${what}`,
      examples: [example(`${path} unset lab 127.0.0.1 user.team`, "Remove a key")],
      load: async () => (await forwards()).unset(kind),
    },
    {
      path: `${path} port remove`,
      args: [network, address, { ...protocol, optional: true }, { ...ports, optional: true }],
      flags: [force],
      summary: `Remove ports of a ${what}`,
      examples: [
        example(
          `${path} port remove lab 127.0.0.1 tcp 8080`,
          "Remove a port; connections through others stay open",
        ),
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
    examples: [
      example(
        "network forward port add lab 127.0.0.1 tcp 8080 10.9.0.5 80",
        "Forward a port to an instance",
      ),
    ],
    load: async () => (await forwards()).addPort("forward"),
  },
  ...rows("network load-balancer", "balancer", "load balancer"),
  {
    path: "network load-balancer port add",
    args: [network, address, protocol, ports, { name: "backends", kind: "text" }],
    flags: [],
    summary: "Add ports to a load balancer",
    examples: [
      example(
        "network load-balancer port add lab 127.0.0.1 tcp 8080 web1,web2",
        "Balance a port over two backends",
      ),
    ],
    load: async () => (await forwards()).addPort("balancer"),
  },
  {
    path: "network load-balancer backend add",
    args: [network, address, { name: "backend", kind: "text" }, target, targetPorts],
    flags: [],
    summary: "Add a backend to a load balancer",
    examples: [
      example("network load-balancer backend add lab 127.0.0.1 web1 10.9.0.5 80", "Add an instance"),
    ],
    load: async () => (await forwards()).addBackend,
  },
  {
    path: "network load-balancer backend remove",
    args: [network, address, { name: "backend", kind: "text" }],
    flags: [],
    summary: "Remove a backend from a load balancer",
    examples: [
      example(
        "network load-balancer backend remove lab 127.0.0.1 web1",
        "Remove a backend that no port uses",
      ),
    ],
    load: async () => (await forwards()).removeBackend,
  },
];
