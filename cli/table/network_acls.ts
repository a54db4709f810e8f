// Rows of the commands of access control lists.

import type { Arg, Command, Group } from "../command.ts";
import { allProjects, example, format, key, keyValues, newName, property, remote } from "./words.ts";

const acls = () => import("../commands/network_acl.ts");
const acl: Arg = { name: "acl", kind: "text", remote: true };
const direction: Arg = { name: "direction", kind: "text" };

export const groups: readonly Group[] = [
  { path: "network acl", summary: "What may pass to and from instances" },
  { path: "network acl rule", summary: "Rules of access control lists" },
];

export const commands: readonly Command[] = [
  {
    path: "network acl list",
    aliases: ["ls"],
    args: [remote],
    flags: [format, allProjects],
    summary: "List access control lists",
    examples: [example("network acl list", "Each with the number of its users")],
    load: async () => (await acls()).list,
  },
  {
    path: "network acl show",
    args: [acl],
    flags: [],
    summary: "Show an access control list, as YAML",
    examples: [example("network acl show web", "Its rules and who obeys them")],
    load: async () => (await acls()).show,
  },
  {
    path: "network acl show-log",
    args: [acl],
    flags: [],
    summary: "Show what an access control list has logged",
    about:
      "A line for each sender, receiver and port, the last first. A day after its last packet a line goes.",
    examples: [example("network acl show-log web", "What was refused, and how often")],
    load: async () => (await acls()).showLog,
  },
  {
    path: "network acl create",
    args: [acl, { ...keyValues, optional: true }],
    flags: [{ name: "description", value: "text", summary: "What the list is for" }],
    summary: "Create an access control list",
    about: "A file as standard input is read as its YAML.",
    examples: [example("network acl create web", "One without rules, which lets nothing pass")],
    load: async () => (await acls()).create,
  },
  {
    path: "network acl delete",
    aliases: ["rm"],
    args: [acl],
    flags: [],
    summary: "Delete an access control list",
    examples: [example("network acl delete web", "One that nobody obeys")],
    load: async () => (await acls()).remove,
  },
  {
    path: "network acl rename",
    aliases: ["mv"],
    args: [acl, newName],
    flags: [],
    summary: "Rename an access control list",
    examples: [example("network acl rename web www", "One that nobody obeys")],
    load: async () => (await acls()).rename,
  },
  {
    path: "network acl edit",
    args: [acl],
    flags: [],
    summary: "Edit an access control list, as YAML",
    examples: [example("network acl edit web", "In an editor; in force at once")],
    load: async () => (await acls()).edit,
  },
  {
    path: "network acl get",
    args: [acl, key],
    flags: [property],
    summary: "Print one key of an access control list",
    examples: [example("network acl get web user.team", "One key")],
    load: async () => (await acls()).get,
  },
  {
    path: "network acl set",
    args: [acl, keyValues],
    flags: [property],
    summary: "Set keys of an access control list",
    examples: [example("network acl set web user.team=shop", "One key")],
    load: async () => (await acls()).set,
  },
  {
    path: "network acl unset",
    args: [acl, key],
    flags: [property],
    summary: "Remove a key of an access control list",
    examples: [example("network acl unset web user.team", "One key")],
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
        "Who may come in",
      ),
      example(
        "network acl rule add web egress action=allow destination=pypi.org",
        "Where it may go, by name",
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
      example("network acl rule remove web ingress destination_port=80,443", "The one with these ports"),
    ],
    load: async () => (await acls()).removeRule,
  },
];
