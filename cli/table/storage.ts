// Rows of the commands of storage.

import type { Command, Group } from "../command.ts";
import { example, format, key, keyValues, pool, property, remote } from "./words.ts";

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
    path: "storage create",
    args: [pool, { name: "driver", kind: "text" }, { ...keyValues, optional: true }],
    flags: [{ name: "description", value: "text", summary: "What the pool is for" }],
    summary: "Create a storage pool",
    about: "A file as standard input is read as its YAML.",
    examples: [
      example("storage create fast dir source=/mnt/fast/drey", "In an empty directory that is yours"),
      example("storage create pool1 btrfs source=/mnt/btrfs/drey", "On a mounted btrfs"),
    ],
    load: async () => (await storage()).create,
  },
  {
    path: "storage delete",
    aliases: ["rm"],
    args: [pool],
    flags: [],
    summary: "Delete a storage pool",
    examples: [example("storage delete fast", "One that nothing is in")],
    load: async () => (await storage()).remove,
  },
  {
    path: "storage edit",
    args: [pool],
    flags: [],
    summary: "Edit a storage pool, as YAML",
    examples: [example("storage edit fast", "In an editor")],
    load: async () => (await storage()).edit,
  },
  {
    path: "storage get",
    args: [pool, key],
    flags: [property],
    summary: "Print one key of a storage pool",
    examples: [example("storage get fast source", "Where it lies")],
    load: async () => (await storage()).get,
  },
  {
    path: "storage set",
    args: [pool, keyValues],
    flags: [property],
    summary: "Set keys of a storage pool",
    examples: [example("storage set fast user.team=shop", "One key")],
    load: async () => (await storage()).set,
  },
  {
    path: "storage unset",
    args: [pool, key],
    flags: [property],
    summary: "Remove a key of a storage pool",
    examples: [example("storage unset fast user.team", "One key")],
    load: async () => (await storage()).unset,
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
  {
    path: "recover",
    args: [
      { name: "pool", kind: "text", optional: true },
      { name: "driver", kind: "text", optional: true },
      { ...keyValues, optional: true },
    ],
    flags: [{ name: "yes", short: "y", summary: "Ask for nothing" }],
    summary: "Bring back instances and volumes that lie in storage pools and are not known",
    about: "Looks into every known pool, into those whose directories are still there, and into the one\n" +
      "that is named.",
    examples: [
      example("recover", "After the database was lost"),
      example("recover fast dir source=/mnt/fast/drey", "A pool of another installation, on this disk"),
    ],
    load: async () => (await import("../commands/recover.ts")).recover,
  },
];
