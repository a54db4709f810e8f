// Rows of the commands of projects.

import type { Command, Group } from "../command.ts";
import { example, format, key, keyValues, newName, project, property, remote } from "./words.ts";

const projects = () => import("../commands/project.ts");

export const groups: readonly Group[] = [
  { path: "project", summary: "Instances apart from one another" },
];

export const commands: readonly Command[] = [
  {
    path: "project list",
    aliases: ["ls"],
    args: [remote],
    flags: [format],
    summary: "List projects",
    examples: [example("project list", "Every project, and what it has for itself")],
    load: async () => (await projects()).list,
  },
  {
    path: "project show",
    args: [project],
    flags: [],
    summary: "Show a project, as YAML",
    examples: [example("project show default", "Its configuration and what is in it")],
    load: async () => (await projects()).show,
  },
  {
    path: "project info",
    args: [project],
    flags: [format],
    summary: "Show what a project may use, and what it does use",
    examples: [example("project info default", "Instances, and how many there may be")],
    load: async () => (await projects()).info,
  },
  {
    path: "project create",
    args: [project],
    flags: [
      { name: "config", short: "c", value: "key=value", isList: true, summary: "Configuration key to set" },
      { name: "storage", short: "s", value: "pool", summary: "Pool of the root disk of its default profile" },
      { name: "network", short: "n", value: "network", summary: "Network of its default profile" },
    ],
    summary: "Create a project",
    about:
      "Without --storage its default profile has no root disk. A file as standard input is read as its YAML.",
    examples: [
      example("project create client --storage default", "One that instances can be launched in at once"),
      example("project create test -c features.images=false", "With the images of the default project"),
    ],
    load: async () => (await projects()).create,
  },
  {
    path: "project delete",
    aliases: ["rm"],
    args: [project],
    flags: [],
    summary: "Delete an empty project",
    examples: [example("project delete client", "Nothing may be left in it but its default profile")],
    load: async () => (await projects()).remove,
  },
  {
    path: "project rename",
    aliases: ["mv"],
    args: [project, newName],
    flags: [],
    summary: "Rename an empty project",
    examples: [example("project rename client customer", "From client to customer")],
    load: async () => (await projects()).rename,
  },
  {
    path: "project edit",
    args: [project],
    flags: [],
    summary: "Edit a project, as YAML",
    examples: [
      example("project edit client", "In an editor"),
      example("project edit client < client.yaml", "From a file"),
    ],
    load: async () => (await projects()).edit,
  },
  {
    path: "project get",
    args: [project, key],
    flags: [property],
    summary: "Print one key of a project",
    examples: [example("project get client features.images", "One feature")],
    load: async () => (await projects()).get,
  },
  {
    path: "project set",
    args: [project, keyValues],
    flags: [property],
    summary: "Set keys of a project",
    examples: [example("project set client limits.instances=5", "No sixth instance")],
    load: async () => (await projects()).set,
  },
  {
    path: "project unset",
    args: [project, key],
    flags: [property],
    summary: "Remove a key of a project",
    examples: [example("project unset client limits.instances", "As many as there is room for")],
    load: async () => (await projects()).unset,
  },
  {
    path: "project switch",
    args: [project],
    flags: [],
    summary: "Make a project the one that commands mean",
    examples: [example("project switch client", "Until another switch; --project goes before it")],
    load: async () => (await projects()).switchTo,
  },
  {
    path: "project get-current",
    args: [remote],
    flags: [],
    summary: "Print the project that commands mean",
    examples: [example("project get-current", "The one switched to, or default")],
    load: async () => (await projects()).getCurrent,
  },
];
