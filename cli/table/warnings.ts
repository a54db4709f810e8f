// Rows of the commands of warnings.

import type { Arg, Command, Group } from "../command.ts";
import { columns, example, format, remote } from "./words.ts";

const warning: Arg = { name: "warning", kind: "text", remote: true };
const uuid = "7f0c8e1a-3c1b-4b7e-9d8e-0a5b5c7f2f11";

const warnings = () => import("../commands/warning.ts");

export const groups: readonly Group[] = [
  { path: "warning", summary: "Manage warnings" },
];

export const commands: readonly Command[] = [
  {
    path: "warning list",
    aliases: ["ls"],
    args: [remote],
    flags: [columns("utSscpl"), format, {
      name: "all",
      short: "a",
      summary: "Show acknowledged and resolved warnings too",
    }],
    summary: "List warnings",
    about:
      "Columns: u UUID, t type, S status, s severity, c count, p project, m message, e about, f first seen, " +
      "l last seen.",
    examples: [
      example("warning list", "List new warnings"),
      example("warning list --all -c tm", "List all warnings and their messages"),
    ],
    load: async () => (await warnings()).list,
  },
  {
    path: "warning show",
    args: [warning],
    flags: [],
    summary: "Show a warning as YAML",
    examples: [example(`warning show ${uuid}`, "Show its message and what it is about")],
    load: async () => (await warnings()).show,
  },
  {
    path: "warning acknowledge",
    aliases: ["ack"],
    args: [warning],
    flags: [],
    summary: "Acknowledge a warning, so that it is no longer listed",
    examples: [example(`warning acknowledge ${uuid}`, "Hide it; repeats are still counted")],
    load: async () => (await warnings()).acknowledge,
  },
  {
    path: "warning delete",
    aliases: ["rm"],
    args: [{ ...warning, optional: true }],
    flags: [{ name: "all", short: "a", summary: "Delete every warning" }],
    summary: "Delete warnings",
    examples: [
      example(`warning delete ${uuid}`, "Delete one; it returns if the problem occurs again"),
      example("warning delete --all", "Delete all warnings"),
    ],
    load: async () => (await warnings()).remove,
  },
];
