// Rows of the commands of remotes.

import type { Command, Group } from "../command.ts";
import { example, format } from "./words.ts";

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
    path: "remote get-default",
    args: [],
    flags: [],
    summary: "Print the remote that is meant when none is named",
    examples: [example("remote get-default", "One word")],
    load: async () => (await remotes()).getDefault,
  },
];
