// Rows of the commands of access control lists.

import type { Arg, Command, Group } from "../command.ts";
import { allProjects, example, format, key, keyValues, newName, property, remote } from "./words.ts";

const acls = () => import("../commands/network_acl.ts");
const acl: Arg = { name: "acl", kind: "text", remote: true };
const direction: Arg = { name: "direction", kind: "text" };

export const groups: readonly Group[] = [
  { path: "network acl", summary: "Manage network access control lists" },
  { path: "network acl rule", summary: "Manage rules of network access control lists" },
];

export const commands: readonly Command[] = [
  {
    path: "network acl list",
    aliases: ["ls"],
    args: [remote],
    flags: [format, allProjects],
    summary: "List access control lists",
    examples: [example("network acl list", "List every list and the number of its users")],
    load: async () => (await acls()).list,
  },
  {
    path: "network acl show",
    args: [acl],
    flags: [],
    summary: "Show an access control list as YAML",
    examples: [example("network acl show web", "Show its rules and users")],
    load: async () => (await acls()).show,
  },
  {
    path: "network acl show-log",
    args: [acl],
    flags: [],
    summary: "Show the log of an access control list",
    about:
      "One line for each sender, receiver and port, most recent first. A line is removed a day after its last packet.",
    examples: [example("network acl show-log web", "Show what was rejected, and how often")],
    load: async () => (await acls()).showLog,
  },
  {
    path: "network acl create",
    args: [acl, { ...keyValues, optional: true }],
    flags: [{ name: "description", value: "text", summary: "Description of the list" }],
    summary: "Create an access control list",
    about: "YAML may come on standard input, from a file or a pipe.",
    examples: [example("network acl create web", "Create a list without rules, which lets nothing pass")],
    load: async () => (await acls()).create,
  },
  {
    path: "network acl delete",
    aliases: ["rm"],
    args: [acl],
    flags: [],
    summary: "Delete an access control list",
    examples: [example("network acl delete web", "Delete a list that is not in use")],
    load: async () => (await acls()).remove,
  },
  {
    path: "network acl rename",
    aliases: ["mv"],
    args: [acl, newName],
    flags: [],
    summary: "Rename an access control list",
    examples: [example("network acl rename web www", "Rename web to www")],
    load: async () => (await acls()).rename,
  },
  {
    path: "network acl edit",
    args: [acl],
    flags: [],
    summary: "Edit an access control list as YAML",
    examples: [example("network acl edit web", "Open an editor; changes apply at once")],
    load: async () => (await acls()).edit,
  },
  {
    path: "network acl get",
    args: [acl, key],
    flags: [property],
    summary: "Print a key of an access control list",
    examples: [example("network acl get web user.team", "Print a key")],
    load: async () => (await acls()).get,
  },
  {
    path: "network acl set",
    args: [acl, keyValues],
    flags: [property],
    summary: "Set keys of an access control list",
    examples: [example("network acl set web user.team=shop", "Set a key")],
    load: async () => (await acls()).set,
  },
  {
    path: "network acl unset",
    args: [acl, key],
    flags: [property],
    summary: "Remove a key of an access control list",
    examples: [example("network acl unset web user.team", "Remove a key")],
    load: async () => (await acls()).unset,
  },
  {
    path: "network acl rule add",
    args: [acl, direction, keyValues],
    flags: [],
    summary: "Add a rule to an access control list",
    examples: [
      example(
        "network acl rule add web ingress action=allow protocol=tcp destination_port=80,443",
        "Allow incoming traffic",
      ),
      example(
        "network acl rule add web egress action=allow destination=pypi.org",
        "Allow outgoing traffic",
      ),
    ],
    load: async () => (await acls()).addRule,
  },
  {
    path: "network acl rule remove",
    args: [acl, direction, { ...keyValues, optional: true }],
    flags: [{ name: "force", summary: "Remove every rule that matches" }],
    summary: "Remove rules from an access control list",
    examples: [
      example(
        "network acl rule remove web ingress destination_port=80,443",
        "Remove the rule with these ports",
      ),
    ],
    load: async () => (await acls()).removeRule,
  },
];
