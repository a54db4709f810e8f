// Rows of the commands of trust.

import type { Arg, Command, Flag, Group } from "../command.ts";
import { example, format, remote } from "./words.ts";

const trust = () => import("../commands/trust.ts");
const fingerprint: Arg = { name: "fingerprint", kind: "text", remote: true };

const terms: readonly Flag[] = [
  { name: "name", value: "name", summary: "What to call the client" },
  {
    name: "type",
    value: "type",
    choices: ["client", "metrics"],
    default: "client",
    summary: "What the certificate is good for: client, or metrics alone",
  },
  { name: "restricted", summary: "Let the client into some projects only" },
  { name: "projects", value: "projects", summary: "Which projects, with commas between them" },
];

export const groups: readonly Group[] = [
  { path: "config trust", summary: "Clients on other machines that are let in" },
];

export const commands: readonly Command[] = [
  {
    path: "config trust add",
    args: [remote, { name: "certificate", kind: "file", optional: true }],
    flags: terms,
    summary: "Make a token that lets in one client, or trust a certificate",
    about: "The server must listen: drey config set core.https_address=[::]:8443, and drey serve",
    examples: [
      example("config trust add --name laptop", "A token, for: drey remote add (lxc remote add)"),
      example("config trust add --name ci --restricted --projects web", "Good for one project"),
      example("config trust add laptop.crt", "A certificate from a file"),
    ],
    load: async () => (await trust()).add,
  },
  {
    path: "config trust add-certificate",
    args: [remote, { name: "certificate", kind: "file", optional: true }],
    flags: terms,
    isHidden: true,
    summary: "Trust a certificate",
    examples: [example("config trust add-certificate laptop.crt", "From a file")],
    load: async () => (await trust()).add,
  },
  {
    path: "config trust list",
    aliases: ["ls"],
    args: [remote],
    flags: [format],
    summary: "List trusted certificates",
    examples: [example("config trust list", "Those of this server")],
    load: async () => (await trust()).list,
  },
  {
    path: "config trust list-tokens",
    args: [remote],
    flags: [format],
    summary: "List tokens that wait to be used",
    examples: [example("config trust list-tokens", "Each is good for one client")],
    load: async () => (await trust()).tokens,
  },
  {
    path: "config trust remove",
    aliases: ["rm"],
    args: [fingerprint],
    flags: [],
    summary: "Trust a certificate no more",
    examples: [example("config trust remove 01577577", "The beginning of a fingerprint is enough")],
    load: async () => (await trust()).remove,
  },
  {
    path: "config trust revoke-token",
    args: [remote, { name: "name", kind: "text", optional: true }],
    flags: [],
    summary: "Make a token useless",
    examples: [example("config trust revoke-token laptop", "That of the client laptop")],
    load: async () => (await trust()).revoke,
  },
  {
    path: "config trust show",
    args: [fingerprint],
    flags: [],
    summary: "Show a trusted certificate",
    examples: [example("config trust show 01577577", "As YAML")],
    load: async () => (await trust()).show,
  },
  {
    path: "config trust edit",
    args: [fingerprint],
    flags: [],
    summary: "Edit what is known of a trusted certificate, as YAML",
    examples: [example("config trust edit 01577577", "Its name, or its projects")],
    load: async () => (await trust()).edit,
  },
];
