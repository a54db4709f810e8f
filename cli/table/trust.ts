// Rows of the commands of trust.

import type { Arg, Command, Flag, Group } from "../command.ts";
import { example, format, remote } from "./words.ts";

const trust = () => import("../commands/trust.ts");
const fingerprint: Arg = { name: "fingerprint", kind: "text", remote: true };

const terms: readonly Flag[] = [
  { name: "name", value: "name", summary: "Name of the client" },
  {
    name: "type",
    value: "type",
    choices: ["client", "metrics"],
    default: "client",
    summary: "Type of certificate: client, or metrics",
  },
  { name: "restricted", summary: "Restrict the client to projects" },
  { name: "projects", value: "projects", summary: "Projects to restrict it to, separated by commas" },
];

export const groups: readonly Group[] = [
  { path: "config trust", summary: "Manage trusted clients" },
];

export const commands: readonly Command[] = [
  {
    path: "config trust add",
    args: [remote, { name: "certificate", kind: "file", optional: true }],
    flags: terms,
    summary: "Create a trust token for a client, or trust a certificate",
    about:
      "The server must listen on the network: drey config set core.https_address=[::]:8443, and drey serve",
    examples: [
      example("config trust add --name laptop", "Create a token for drey remote add or lxc remote add"),
      example(
        "config trust add --name ci --restricted --projects web",
        "Create a token that is restricted to a project",
      ),
      example("config trust add laptop.crt", "Trust a certificate from a file"),
    ],
    load: async () => (await trust()).add,
  },
  {
    path: "config trust add-certificate",
    args: [remote, { name: "certificate", kind: "file", optional: true }],
    flags: terms,
    isHidden: true,
    summary: "Trust a certificate",
    examples: [example("config trust add-certificate laptop.crt", "Trust a certificate from a file")],
    load: async () => (await trust()).add,
  },
  {
    path: "config trust list",
    aliases: ["ls"],
    args: [remote],
    flags: [format],
    summary: "List trusted certificates",
    examples: [example("config trust list", "List every trusted certificate")],
    load: async () => (await trust()).list,
  },
  {
    path: "config trust list-tokens",
    args: [remote],
    flags: [format],
    summary: "List active trust tokens",
    examples: [example("config trust list-tokens", "List tokens that were not used yet")],
    load: async () => (await trust()).tokens,
  },
  {
    path: "config trust remove",
    aliases: ["rm"],
    args: [fingerprint],
    flags: [],
    summary: "Remove a trusted certificate",
    examples: [example("config trust remove 01577577", "Remove it by the beginning of its fingerprint")],
    load: async () => (await trust()).remove,
  },
  {
    path: "config trust revoke-token",
    args: [remote, { name: "name", kind: "text", optional: true }],
    flags: [],
    summary: "Revoke a trust token",
    examples: [example("config trust revoke-token laptop", "Revoke the token of the client laptop")],
    load: async () => (await trust()).revoke,
  },
  {
    path: "config trust show",
    args: [fingerprint],
    flags: [],
    summary: "Show a trusted certificate",
    examples: [example("config trust show 01577577", "Show it as YAML")],
    load: async () => (await trust()).show,
  },
  {
    path: "config trust edit",
    args: [fingerprint],
    flags: [],
    summary: "Edit a trusted certificate as YAML",
    examples: [example("config trust edit 01577577", "Change its name or its projects")],
    load: async () => (await trust()).edit,
  },
];
