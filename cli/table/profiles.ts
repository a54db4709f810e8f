// Rows of the commands of profiles.

import type { Command, Group } from "../command.ts";
import { deviceRows } from "./devices.ts";
import {
  allProjects,
  example,
  format,
  instance,
  key,
  keyValues,
  newName,
  profile,
  property,
  remote,
} from "./words.ts";

const profiles = () => import("../commands/profile.ts");

export const groups: readonly Group[] = [
  { path: "profile", summary: "Manage profiles" },
  { path: "profile device", summary: "Manage devices of profiles" },
];

export const commands: readonly Command[] = [
  {
    path: "profile list",
    aliases: ["ls"],
    args: [remote],
    flags: [format, allProjects],
    summary: "List profiles",
    examples: [example("profile list", "List every profile and the number of its users")],
    load: async () => (await profiles()).list,
  },
  {
    path: "profile show",
    args: [profile],
    flags: [],
    summary: "Show a profile as YAML",
    examples: [example("profile show default", "Show the profile that instances get by default")],
    load: async () => (await profiles()).show,
  },
  {
    path: "profile create",
    args: [profile],
    flags: [{ name: "description", value: "text", summary: "Description of the profile" }],
    summary: "Create a profile",
    about: "YAML may come on standard input, from a file or a pipe.",
    examples: [
      example("profile create small", "Create an empty profile"),
      example("profile create small < small.yaml", "Create one with configuration and devices"),
    ],
    load: async () => (await profiles()).create,
  },
  {
    path: "profile delete",
    aliases: ["rm"],
    args: [{ ...profile, many: true }],
    flags: [],
    summary: "Delete profiles",
    examples: [example("profile delete small", "Delete a profile that no instance uses")],
    load: async () => (await profiles()).remove,
  },
  {
    path: "profile copy",
    aliases: ["cp"],
    args: [profile, { ...profile, name: "new-name" }],
    flags: [
      { name: "target-project", value: "project", summary: "Project to copy it to" },
      { name: "refresh", summary: "Update a profile that exists already" },
    ],
    summary: "Copy a profile",
    examples: [
      example("profile copy default small", "Create a copy to change"),
      example(
        "profile copy default default --target-project web --refresh",
        "Make the default profile of another project the same",
      ),
    ],
    load: async () => (await profiles()).copy,
  },
  {
    path: "profile rename",
    aliases: ["mv"],
    args: [profile, newName],
    flags: [],
    summary: "Rename a profile",
    examples: [example("profile rename small tiny", "Rename small to tiny")],
    load: async () => (await profiles()).rename,
  },
  {
    path: "profile edit",
    args: [profile],
    flags: [],
    summary: "Edit a profile as YAML",
    examples: [
      example("profile edit small", "Open an editor"),
      example("profile edit small < s.yaml", "Read it from a file"),
    ],
    load: async () => (await profiles()).edit,
  },
  {
    path: "profile get",
    args: [profile, key],
    flags: [property],
    summary: "Print a key of a profile",
    examples: [example("profile get small limits.memory", "Print a limit")],
    load: async () => (await profiles()).get,
  },
  {
    path: "profile set",
    args: [profile, keyValues],
    flags: [property],
    summary: "Set keys of a profile",
    examples: [
      example(
        "profile set small limits.memory=512MiB",
        "Set a limit, which applies at once to its instances",
      ),
    ],
    load: async () => (await profiles()).set,
  },
  {
    path: "profile unset",
    args: [profile, key],
    flags: [property],
    summary: "Remove a key of a profile",
    examples: [example("profile unset small limits.memory", "Remove a limit")],
    load: async () => (await profiles()).unset,
  },
  {
    path: "profile assign",
    aliases: ["apply"],
    args: [instance, { name: "profiles", kind: "profile" }],
    flags: [],
    summary: "Replace the profiles of an instance",
    examples: [
      example("profile assign web default,small", "Assign two profiles, in this order"),
      example("profile assign web ''", "Remove all profiles; the root disk has to be its own"),
    ],
    load: async () => (await profiles()).assign,
  },
  {
    path: "profile add",
    args: [instance, { name: "profile", kind: "profile" }],
    flags: [],
    summary: "Add a profile to an instance",
    examples: [example("profile add web small", "Add it after the others")],
    load: async () => (await profiles()).add,
  },
  {
    path: "profile remove",
    args: [instance, { name: "profile", kind: "profile" }],
    flags: [],
    summary: "Remove a profile from an instance",
    examples: [example("profile remove web small", "Remove it from the instance; the profile is kept")],
    load: async () => (await profiles()).take,
  },
  ...deviceRows("profile device", profile, "profile"),
];
