// Rows of the commands of storage.

import type { Command, Group } from "../command.ts";
import { example, format, pool, remote } from "./words.ts";

const storage = () => import("../commands/storage.ts");

export const groups: readonly Group[] = [
  { path: "storage", summary: "Storage pools" },
];

export const commands: readonly Command[] = [
  {
    path: "storage list",
    aliases: ["ls"],
    args: [remote],
    flags: [format],
    summary: "List storage pools",
    examples: [example("storage list", "Every pool, its driver and who uses it")],
    load: async () => (await storage()).list,
  },
  {
    path: "storage show",
    args: [pool],
    flags: [],
    summary: "Show a storage pool, as YAML",
    examples: [example("storage show default", "Its configuration and who uses it")],
    load: async () => (await storage()).show,
  },
  {
    path: "storage info",
    args: [pool],
    flags: [{ name: "bytes", summary: "Sizes in bytes" }],
    summary: "Show the space of a storage pool",
    examples: [example("storage info default", "Used and free")],
    load: async () => (await storage()).info,
  },
];
