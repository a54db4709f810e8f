// Rows of the commands of aliases.

import type { Arg, Command, Group } from "../command.ts";
import { example, format, newName } from "./words.ts";

const alias: Arg = { name: "alias", kind: "text" };

const ownWords = () => import("../commands/alias.ts");

export const groups: readonly Group[] = [
  { path: "alias", summary: "Shortcuts for commands" },
];

export const commands: readonly Command[] = [
  {
    path: "alias list",
    aliases: ["ls"],
    args: [],
    flags: [format],
    summary: "List aliases",
    examples: [example("alias list", "List your aliases")],
    load: async () => (await ownWords()).list,
  },
  {
    path: "alias add",
    args: [alias, { name: "target", kind: "text" }],
    flags: [],
    summary: "Add an alias",
    about:
      `Arguments are added at the end, or where the target has @ARGS@; @ARG1@ is the first of them. An alias
hides a command of the same name. A target that begins with a slash runs another program.`,
    examples: [
      example(`alias add delete "delete -i"`, "Always ask before deleting"),
      example(`alias add login "exec @ARGS@ -- su -l ubuntu"`, "Then: drey login web"),
      example(`alias add "top five" "/usr/bin/head -n 5"`, "Two words for another program"),
    ],
    load: async () => (await ownWords()).add,
  },
  {
    path: "alias remove",
    aliases: ["rm"],
    args: [alias],
    flags: [],
    summary: "Remove an alias",
    examples: [
      example("alias remove login", "Remove one alias"),
    ],
    load: async () => (await ownWords()).remove,
  },
  {
    path: "alias rename",
    aliases: ["mv"],
    args: [alias, newName],
    flags: [],
    summary: "Rename an alias",
    examples: [example("alias rename login enter", "From login to enter")],
    load: async () => (await ownWords()).rename,
  },
];
