// Rows of the commands of network zones and their records.

import type { Arg, Command, Group } from "../command.ts";
import { allProjects, example, format, key, keyValues, property, remote } from "./words.ts";

const zones = () => import("../commands/network_zone.ts");
const records = () => import("../commands/network_zone_record.ts");
const zone: Arg = { name: "zone", kind: "text", remote: true };
const record: Arg = { name: "record", kind: "text" };
const entryType: Arg = { name: "type", kind: "text" };
const entryValue: Arg = { name: "value", kind: "text" };

export const groups: readonly Group[] = [
  { path: "network zone", summary: "Manage network zones (DNS)" },
  { path: "network zone record", summary: "Manage records of network zones" },
  { path: "network zone record entry", summary: "Manage entries of network zone records" },
];

export const commands: readonly Command[] = [
  {
    path: "network zone list",
    aliases: ["ls"],
    args: [remote],
    flags: [format, allProjects],
    summary: "List network zones",
    examples: [example("network zone list", "List every zone and the number of its users")],
    load: async () => (await zones()).list,
  },
  {
    path: "network zone show",
    args: [zone],
    flags: [],
    summary: "Show a network zone as YAML",
    examples: [example("network zone show lab.example", "Show its keys and networks")],
    load: async () => (await zones()).show,
  },
  {
    path: "network zone create",
    args: [zone, { ...keyValues, optional: true }],
    flags: [{ name: "description", value: "text", summary: "Description of the zone" }],
    summary: "Create a network zone",
    about: "YAML may come on standard input, from a file or a pipe.",
    examples: [
      example(
        "network zone create lab.example peers.ns1.address=192.0.2.53",
        "Create a zone that another server may transfer",
      ),
    ],
    load: async () => (await zones()).create,
  },
  {
    path: "network zone delete",
    aliases: ["rm"],
    args: [zone],
    flags: [],
    summary: "Delete a network zone",
    examples: [example("network zone delete lab.example", "Delete a zone that no network uses")],
    load: async () => (await zones()).remove,
  },
  {
    path: "network zone edit",
    args: [zone],
    flags: [],
    summary: "Edit a network zone as YAML",
    examples: [example("network zone edit lab.example", "Open an editor")],
    load: async () => (await zones()).edit,
  },
  {
    path: "network zone get",
    args: [zone, key],
    flags: [property],
    summary: "Print a key of a network zone",
    examples: [example("network zone get lab.example dns.nameservers", "Print a key")],
    load: async () => (await zones()).get,
  },
  {
    path: "network zone set",
    args: [zone, keyValues],
    flags: [property],
    summary: "Set keys of a network zone",
    examples: [example("network zone set lab.example dns.nameservers=ns1.example.org", "Set a key")],
    load: async () => (await zones()).set,
  },
  {
    path: "network zone unset",
    args: [zone, key],
    flags: [property],
    summary: "Remove a key of a network zone",
    examples: [example("network zone unset lab.example dns.nameservers", "Remove a key")],
    load: async () => (await zones()).unset,
  },
  {
    path: "network zone record list",
    aliases: ["ls"],
    args: [zone],
    flags: [format],
    summary: "List the records of a network zone",
    examples: [example("network zone record list lab.example", "List records that were added by hand")],
    load: async () => (await records()).list,
  },
  {
    path: "network zone record show",
    args: [zone, record],
    flags: [],
    summary: "Show a record as YAML",
    examples: [example("network zone record show lab.example mail", "Show its entries")],
    load: async () => (await records()).show,
  },
  {
    path: "network zone record create",
    args: [zone, record, { ...keyValues, optional: true }],
    flags: [{ name: "description", value: "text", summary: "Description of the record" }],
    summary: "Create a record",
    about: "YAML may come on standard input, from a file or a pipe.",
    examples: [example("network zone record create lab.example mail", "Create a record without entries")],
    load: async () => (await records()).create,
  },
  {
    path: "network zone record delete",
    aliases: ["rm"],
    args: [zone, record],
    flags: [],
    summary: "Delete a record",
    examples: [example("network zone record delete lab.example mail", "Delete a record and its entries")],
    load: async () => (await records()).remove,
  },
  {
    path: "network zone record edit",
    args: [zone, record],
    flags: [],
    summary: "Edit a record as YAML",
    examples: [example("network zone record edit lab.example mail", "Open an editor")],
    load: async () => (await records()).edit,
  },
  {
    path: "network zone record get",
    args: [zone, record, key],
    flags: [property],
    summary: "Print a key of a record",
    examples: [example("network zone record get lab.example mail user.team", "Print a key")],
    load: async () => (await records()).get,
  },
  {
    path: "network zone record set",
    args: [zone, record, keyValues],
    flags: [property],
    summary: "Set keys of a record",
    examples: [example("network zone record set lab.example mail user.team=shop", "Set a key")],
    load: async () => (await records()).set,
  },
  {
    path: "network zone record unset",
    args: [zone, record, key],
    flags: [property],
    summary: "Remove a key of a record",
    examples: [example("network zone record unset lab.example mail user.team", "Remove a key")],
    load: async () => (await records()).unset,
  },
  {
    path: "network zone record entry add",
    args: [zone, record, entryType, entryValue],
    flags: [{ name: "ttl", value: "seconds", summary: "Time to live of the entry" }],
    summary: "Add an entry to a record",
    examples: [
      example("network zone record entry add lab.example mail A 192.0.2.25 --ttl 600", "Add an address"),
    ],
    load: async () => (await records()).addEntry,
  },
  {
    path: "network zone record entry remove",
    args: [zone, record, entryType, entryValue],
    flags: [],
    summary: "Remove an entry from a record",
    examples: [
      example("network zone record entry remove lab.example mail A 192.0.2.25", "Remove an address"),
    ],
    load: async () => (await records()).removeEntry,
  },
];
