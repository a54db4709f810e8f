// Rows of the commands of storage.

import type { Command, Group } from "../command.ts";
import { example, format, key, keyValues, pool, property, remote } from "./words.ts";

const storage = () => import("../commands/storage.ts");

export const groups: readonly Group[] = [
  { path: "storage", summary: "Manage storage pools and volumes" },
];

export const commands: readonly Command[] = [
  {
    path: "storage list",
    aliases: ["ls"],
    args: [remote],
    flags: [format],
    summary: "List storage pools",
    examples: [example("storage list", "List every pool, its driver and the number of its users")],
    load: async () => (await storage()).list,
  },
  {
    path: "storage create",
    args: [pool, { name: "driver", kind: "text" }, { ...keyValues, optional: true }],
    flags: [{ name: "description", value: "text", summary: "Description of the pool" }],
    summary: "Create a storage pool",
    about: "YAML may come on standard input, from a file or a pipe.",
    examples: [
      example("storage create fast dir source=/mnt/fast/drey", "Use an empty directory of yours"),
      example("storage create pool1 btrfs source=/mnt/btrfs/drey", "Use a mounted btrfs"),
    ],
    load: async () => (await storage()).create,
  },
  {
    path: "storage delete",
    aliases: ["rm"],
    args: [pool],
    flags: [],
    summary: "Delete a storage pool",
    examples: [example("storage delete fast", "Delete an empty pool")],
    load: async () => (await storage()).remove,
  },
  {
    path: "storage edit",
    args: [pool],
    flags: [],
    summary: "Edit a storage pool as YAML",
    examples: [example("storage edit fast", "Open an editor")],
    load: async () => (await storage()).edit,
  },
  {
    path: "storage get",
    args: [pool, key],
    flags: [property],
    summary: "Print a key of a storage pool",
    examples: [example("storage get fast source", "Print its location")],
    load: async () => (await storage()).get,
  },
  {
    path: "storage set",
    args: [pool, keyValues],
    flags: [property],
    summary: "Set keys of a storage pool",
    examples: [example("storage set fast user.team=shop", "Set a key")],
    load: async () => (await storage()).set,
  },
  {
    path: "storage unset",
    args: [pool, key],
    flags: [property],
    summary: "Remove a key of a storage pool",
    examples: [example("storage unset fast user.team", "Remove a key")],
    load: async () => (await storage()).unset,
  },
  {
    path: "storage show",
    args: [pool],
    flags: [{ name: "resources", summary: "Show its space and inodes instead" }],
    summary: "Show a storage pool as YAML",
    examples: [example("storage show default", "Show its configuration and users")],
    load: async () => (await storage()).show,
  },
  {
    path: "storage info",
    args: [pool],
    flags: [{ name: "bytes", summary: "Show sizes in bytes" }],
    summary: "Show the space usage of a storage pool",
    examples: [example("storage info default", "Show used and free space")],
    load: async () => (await storage()).info,
  },
  {
    path: "recover",
    args: [
      { name: "pool", kind: "text", optional: true },
      { name: "driver", kind: "text", optional: true },
      { ...keyValues, optional: true },
    ],
    flags: [{ name: "yes", short: "y", summary: "Do not ask for confirmation" }],
    summary: "Recover instances and volumes that are missing from the database",
    about: "Searches every known pool, pools whose directories still exist, and the pool that is named.",
    examples: [
      example("recover", "Recover after the database was lost"),
      example("recover fast dir source=/mnt/fast/drey", "Recover from a pool of another installation"),
    ],
    load: async () => (await import("../commands/recover.ts")).recover,
  },
];
