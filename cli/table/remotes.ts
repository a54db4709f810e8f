// Rows of the commands of remotes.

import type { Arg, Command, Group } from "../command.ts";
import { example, format, newName } from "./words.ts";

const remote: Arg = { name: "remote", kind: "remote" };
const where: Arg = { name: "address|URL|token", kind: "text" };

const remotes = () => import("../commands/remote.ts");

export const groups: readonly Group[] = [
  { path: "remote", summary: "Servers that names before a colon mean" },
];

export const commands: readonly Command[] = [
  {
    path: "remote list",
    aliases: ["ls"],
    args: [],
    flags: [format],
    summary: "List remotes",
    examples: [example("remote list", "Names that may stand before a colon")],
    load: async () => (await remotes()).list,
  },
  {
    path: "remote add",
    args: [remote, { ...where, optional: true }],
    flags: [
      { name: "accept-certificate", summary: "Accept whatever certificate the server shows" },
      { name: "token", value: "token", summary: "Token by which the server lets us in" },
      { name: "password", value: "token", summary: "The same, as LXD's older clients have it" },
      {
        name: "protocol",
        value: "protocol",
        choices: ["lxd", "simplestreams", "oci"],
        summary: "What the server speaks: lxd, simplestreams or oci",
      },
      {
        name: "auth-type",
        value: "type",
        choices: ["tls"],
        default: "tls",
        summary: "How we prove who we are: tls",
      },
      { name: "public", summary: "Only images that everybody may have" },
    ],
    about: "The server's administrator makes a token with: drey config trust add (lxc config trust add)",
    summary: "Add a server: another drey, an LXD, or one with images",
    examples: [
      example("remote add office eyJjbGllbnRfbmFtZSI6Im1lIn0=", "By a token, which says where the server is"),
      example("remote add lab https://lab.example.org:8443 --token eyJjbGll", "By address and token"),
      example("remote add mirror https://images.example.org --protocol simplestreams", "An image server"),
      example(
        "remote add near https://near.example.org,https://images.example.org --protocol simplestreams",
        "The same with a mirror that is asked first",
      ),
    ],
    load: async () => (await remotes()).add,
  },
  {
    path: "remote remove",
    aliases: ["rm"],
    args: [remote],
    flags: [],
    summary: "Forget a server",
    examples: [example("remote remove lab", "Its certificate is forgotten too")],
    load: async () => (await remotes()).remove,
  },
  {
    path: "remote rename",
    aliases: ["mv"],
    args: [remote, newName],
    flags: [],
    summary: "Call a server by another name",
    examples: [example("remote rename lab cellar", "From now on cellar:")],
    load: async () => (await remotes()).rename,
  },
  {
    path: "remote set-url",
    args: [remote, { name: "URL", kind: "text" }],
    flags: [],
    summary: "Reach a server at another address",
    examples: [
      example("remote set-url lab https://10.0.0.7:8443", "It must still show the same certificate"),
    ],
    load: async () => (await remotes()).setUrl,
  },
  {
    path: "remote switch",
    aliases: ["set-default"],
    args: [remote],
    flags: [],
    summary: "Choose the server that is meant when none is named",
    examples: [example("remote switch lab", "Then drey list asks lab")],
    load: async () => (await remotes()).switchTo,
  },
  {
    path: "remote get-client-certificate",
    args: [],
    flags: [],
    summary: "Print the certificate that servers know this client by",
    examples: [example("remote get-client-certificate > me.crt", "For: drey config trust add-certificate")],
    load: async () => (await remotes()).getClientCertificate,
  },
  {
    path: "remote get-default",
    args: [],
    flags: [],
    summary: "Print the remote that is meant when none is named",
    examples: [example("remote get-default", "One word")],
    load: async () => (await remotes()).getDefault,
  },
];
