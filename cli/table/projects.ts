// Rows of the commands of projects.

import type { Command, Group } from "../command.ts";
import { example, format, key, keyValues, newName, project, property, remote } from "./words.ts";

const projects = () => import("../commands/project.ts");

export const groups: readonly Group[] = [
  { path: "project", summary: "Manage projects" },
];

export const commands: readonly Command[] = [
  {
    path: "project list",
    aliases: ["ls"],
    args: [remote],
    flags: [format],
    summary: "List projects",
    examples: [example("project list", "List every project and its features")],
    load: async () => (await projects()).list,
  },
  {
    path: "project show",
    args: [project],
    flags: [],
    summary: "Show a project as YAML",
    examples: [example("project show default", "Show its configuration and contents")],
    load: async () => (await projects()).show,
  },
  {
    path: "project info",
    args: [project],
    flags: [format],
    summary: "Show the limits and the usage of a project",
    examples: [example("project info default", "Show limits and usage")],
    load: async () => (await projects()).info,
  },
  {
    path: "project create",
    args: [project],
    flags: [
      { name: "config", short: "c", value: "key=value", isList: true, summary: "Configuration key to set" },
      {
        name: "storage",
        short: "s",
        value: "pool",
        summary: "Storage pool for the root disk in its default profile",
      },
      { name: "network", short: "n", value: "network", summary: "Network for its default profile" },
    ],
    summary: "Create a project",
    about:
      "Without --storage, its default profile has no root disk. YAML may come on standard input, from a file or a pipe.",
    examples: [
      example("project create client --storage default", "Create a project that is ready for instances"),
      example(
        "project create test -c features.images=false",
        "Create one that shares images with the default project",
      ),
    ],
    load: async () => (await projects()).create,
  },
  {
    path: "project delete",
    aliases: ["rm"],
    args: [project],
    flags: [],
    summary: "Delete an empty project",
    examples: [
      example("project delete client", "Delete a project with nothing left but its default profile"),
    ],
    load: async () => (await projects()).remove,
  },
  {
    path: "project rename",
    aliases: ["mv"],
    args: [project, newName],
    flags: [],
    summary: "Rename an empty project",
    examples: [example("project rename client customer", "Rename client to customer")],
    load: async () => (await projects()).rename,
  },
  {
    path: "project edit",
    args: [project],
    flags: [],
    summary: "Edit a project as YAML",
    examples: [
      example("project edit client", "Open an editor"),
      example("project edit client < client.yaml", "Read it from a file"),
    ],
    load: async () => (await projects()).edit,
  },
  {
    path: "project get",
    args: [project, key],
    flags: [property],
    summary: "Print a key of a project",
    examples: [example("project get client features.images", "Print a feature")],
    load: async () => (await projects()).get,
  },
  {
    path: "project set",
    args: [project, keyValues],
    flags: [property],
    summary: "Set keys of a project",
    examples: [example("project set client limits.instances=5", "Allow five instances")],
    load: async () => (await projects()).set,
  },
  {
    path: "project unset",
    args: [project, key],
    flags: [property],
    summary: "Remove a key of a project",
    examples: [example("project unset client limits.instances", "Remove the limit")],
    load: async () => (await projects()).unset,
  },
  {
    path: "project switch",
    args: [project],
    flags: [],
    summary: "Switch the current project",
    examples: [example("project switch client", "Work in this project; --project takes precedence")],
    load: async () => (await projects()).switchTo,
  },
  {
    path: "project get-current",
    args: [remote],
    flags: [],
    summary: "Print the current project",
    examples: [example("project get-current", "Print its name")],
    load: async () => (await projects()).getCurrent,
  },
];
