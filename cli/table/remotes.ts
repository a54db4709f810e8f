// Rows of the commands of remotes.

import type { Arg, Command, Group } from "../command.ts";
import { example, format, newName } from "./words.ts";

const remote: Arg = { name: "remote", kind: "remote" };
const where: Arg = { name: "address|URL|token", kind: "text" };

const remotes = () => import("../commands/remote.ts");

export const groups: readonly Group[] = [
  { path: "remote", summary: "Manage remote servers" },
];

export const commands: readonly Command[] = [
  {
    path: "remote list",
    aliases: ["ls"],
    args: [],
    flags: [format],
    summary: "List remotes",
    examples: [example("remote list", "List every remote and its address")],
    load: async () => (await remotes()).list,
  },
  {
    path: "remote add",
    args: [remote, { ...where, optional: true }],
    flags: [
      { name: "accept-certificate", summary: "Accept the server's certificate without asking" },
      { name: "token", value: "token", summary: "Trust token from the server" },
      { name: "password", value: "token", summary: "Trust token, as older LXD clients call it" },
      {
        name: "protocol",
        value: "protocol",
        choices: ["lxd", "simplestreams", "oci"],
        summary: "Protocol of the server: lxd, simplestreams or oci",
      },
      {
        name: "auth-type",
        value: "type",
        choices: ["tls"],
        default: "tls",
        summary: "Authentication type: tls",
      },
      { name: "public", summary: "Use the server for public images only" },
    ],
    about: "Tokens are made on the server, by drey config trust add or lxc config trust add.",
    summary: "Add a remote: a drey or LXD server, or an image server",
    examples: [
      example(
        "remote add office eyJjbGllbnRfbmFtZSI6Im1lIn0=",
        "Add a server by token, which contains its address",
      ),
      example(
        "remote add lab https://lab.example.org:8443 --token eyJjbGll",
        "Add a server by address and token",
      ),
      example("remote add mirror https://images.example.org --protocol simplestreams", "Add an image server"),
      example(
        "remote add near https://near.example.org,https://images.example.org --protocol simplestreams",
        "Add an image server with a mirror that is tried first",
      ),
    ],
    load: async () => (await remotes()).add,
  },
  {
    path: "remote remove",
    aliases: ["rm"],
    args: [remote],
    flags: [],
    summary: "Remove a remote",
    examples: [example("remote remove lab", "Remove it and its certificate")],
    load: async () => (await remotes()).remove,
  },
  {
    path: "remote rename",
    aliases: ["mv"],
    args: [remote, newName],
    flags: [],
    summary: "Rename a remote",
    examples: [example("remote rename lab cellar", "Rename lab: to cellar:")],
    load: async () => (await remotes()).rename,
  },
  {
    path: "remote set-url",
    args: [remote, { name: "URL", kind: "text" }],
    flags: [],
    summary: "Change the address of a remote",
    examples: [
      example(
        "remote set-url lab https://10.0.0.7:8443",
        "Change the address; the certificate must be the same",
      ),
    ],
    load: async () => (await remotes()).setUrl,
  },
  {
    path: "remote switch",
    aliases: ["set-default"],
    args: [remote],
    flags: [],
    summary: "Switch the default remote",
    examples: [example("remote switch lab", "Use lab in commands that name no remote")],
    load: async () => (await remotes()).switchTo,
  },
  {
    path: "remote get-client-certificate",
    args: [],
    flags: [],
    summary: "Print the certificate of this client",
    examples: [
      example("remote get-client-certificate > me.crt", "Save it for drey config trust add-certificate"),
    ],
    load: async () => (await remotes()).getClientCertificate,
  },
  {
    path: "remote get-default",
    args: [],
    flags: [],
    summary: "Print the default remote",
    examples: [example("remote get-default", "Print its name")],
    load: async () => (await remotes()).getDefault,
  },
];
