// Rows of the commands of what an image said of an instance: metadata and templates.

import type { Arg, Command, Group } from "../command.ts";
import { example, format, instance } from "./words.ts";

const template: Arg = { name: "template", kind: "text" };

const metadata = () => import("../commands/metadata.ts");

export const groups: readonly Group[] = [
  { path: "config metadata", summary: "Manage image metadata of instances" },
  { path: "config template", summary: "Manage file templates of instances" },
];

export const commands: readonly Command[] = [
  {
    path: "config metadata show",
    args: [instance],
    flags: [],
    summary: "Show the metadata of an instance as YAML",
    examples: [example("config metadata show web", "Show its metadata")],
    load: async () => (await metadata()).show,
  },
  {
    path: "config metadata edit",
    args: [instance],
    flags: [],
    summary: "Edit the metadata of an instance as YAML",
    about: "Opens $VISUAL or $EDITOR. If standard input is not a terminal, the metadata is read from there.",
    examples: [example("config metadata edit web", "Open an editor")],
    load: async () => (await metadata()).edit,
  },
  {
    path: "config template list",
    aliases: ["ls"],
    args: [instance],
    flags: [format],
    summary: "List the templates of an instance",
    examples: [example("config template list web", "List their names")],
    load: async () => (await metadata()).listTemplates,
  },
  {
    path: "config template show",
    args: [instance, template],
    flags: [],
    summary: "Print a template",
    examples: [example("config template show web hosts.tpl", "Print its content")],
    load: async () => (await metadata()).showTemplate,
  },
  {
    path: "config template create",
    args: [instance, template],
    flags: [],
    summary: "Create a template",
    about: "The content is read from standard input unless that is a terminal.",
    examples: [example("config template create web hosts.tpl < hosts.tpl", "Read it from a file")],
    load: async () => (await metadata()).createTemplate,
  },
  {
    path: "config template edit",
    args: [instance, template],
    flags: [],
    summary: "Edit a template",
    examples: [example("config template edit web hosts.tpl", "Open an editor")],
    load: async () => (await metadata()).editTemplate,
  },
  {
    path: "config template delete",
    aliases: ["rm"],
    args: [instance, template],
    flags: [],
    summary: "Delete a template",
    examples: [example("config template delete web hosts.tpl", "Delete a template")],
    load: async () => (await metadata()).deleteTemplate,
  },
];
