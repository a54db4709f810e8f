// Rows of the commands of warnings.

import type { Arg, Command, Group } from "../command.ts";
import { columns, example, format, remote } from "./words.ts";

const warning: Arg = { name: "warning", kind: "text", remote: true };
const uuid = "7f0c8e1a-3c1b-4b7e-9d8e-0a5b5c7f2f11";

const warnings = () => import("../commands/warning.ts");

export const groups: readonly Group[] = [
  { path: "warning", summary: "What is less than it could be" },
];

export const commands: readonly Command[] = [
  {
    path: "warning list",
    aliases: ["ls"],
    args: [remote],
    flags: [columns("utSscpl"), format, { name: "all", short: "a", summary: "Old ones too" }],
    summary: "List warnings",
    about:
      "Columns: u UUID, t type, S status, s severity, c count, p project, m message, e about, f first seen, " +
      "l last seen.",
    examples: [
      example("warning list", "Those that nobody has dealt with"),
      example("warning list --all -c tm", "All of them, with what they say"),
    ],
    load: async () => (await warnings()).list,
  },
  {
    path: "warning show",
    args: [warning],
    flags: [],
    summary: "Show a warning, as YAML",
    examples: [example(`warning show ${uuid}`, "With what it says and what it is about")],
    load: async () => (await warnings()).show,
  },
  {
    path: "warning acknowledge",
    aliases: ["ack"],
    args: [warning],
    flags: [],
    summary: "Take note of a warning, so that it is listed no more",
    examples: [example(`warning acknowledge ${uuid}`, "It stays, and counts on")],
    load: async () => (await warnings()).acknowledge,
  },
  {
    path: "warning delete",
    aliases: ["rm"],
    args: [{ ...warning, optional: true }],
    flags: [{ name: "all", short: "a", summary: "Every warning" }],
    summary: "Delete warnings",
    examples: [
      example(`warning delete ${uuid}`, "One; it comes back if it is met again"),
      example("warning delete --all", "All of them"),
    ],
    load: async () => (await warnings()).remove,
  },
];
