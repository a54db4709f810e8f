// Rows of the commands of what an image said of an instance: metadata and templates.

import type { Arg, Command, Group } from "../command.ts";
import { example, format, instance } from "./words.ts";

const template: Arg = { name: "template", kind: "text" };

const metadata = () => import("../commands/metadata.ts");

export const groups: readonly Group[] = [
  { path: "config metadata", summary: "What the image of an instance said of itself" },
  { path: "config template", summary: "Templates of files of an instance" },
];

export const commands: readonly Command[] = [
  {
    path: "config metadata show",
    args: [instance],
    flags: [],
    summary: "Show the metadata of an instance, as YAML",
    examples: [example("config metadata show web", "What its image said")],
    load: async () => (await metadata()).show,
  },
  {
    path: "config metadata edit",
    args: [instance],
    flags: [],
    summary: "Edit the metadata of an instance in your editor",
    about: "Where standard input is no terminal, it is read as the new metadata.",
    examples: [example("config metadata edit web", "In $VISUAL or $EDITOR")],
    load: async () => (await metadata()).edit,
  },
  {
    path: "config template list",
    aliases: ["ls"],
    args: [instance],
    flags: [format],
    summary: "List the templates of an instance",
    examples: [example("config template list web", "Their names")],
    load: async () => (await metadata()).listTemplates,
  },
  {
    path: "config template show",
    args: [instance, template],
    flags: [],
    summary: "Print a template",
    examples: [example("config template show web hosts.tpl", "As it is")],
    load: async () => (await metadata()).showTemplate,
  },
  {
    path: "config template create",
    args: [instance, template],
    flags: [],
    summary: "Create a template",
    about: "Standard input becomes its content, unless it is a terminal.",
    examples: [example("config template create web hosts.tpl < hosts.tpl", "From a file")],
    load: async () => (await metadata()).createTemplate,
  },
  {
    path: "config template edit",
    args: [instance, template],
    flags: [],
    summary: "Edit a template in your editor",
    examples: [example("config template edit web hosts.tpl", "In $VISUAL or $EDITOR")],
    load: async () => (await metadata()).editTemplate,
  },
  {
    path: "config template delete",
    aliases: ["rm"],
    args: [instance, template],
    flags: [],
    summary: "Delete a template",
    examples: [example("config template delete web hosts.tpl", "One template")],
    load: async () => (await metadata()).deleteTemplate,
  },
];
