// Rows of the commands that save instances to files and make instances of them.

import type { Command } from "../command.ts";
import { example, instance } from "./words.ts";

const exporting = () => import("../commands/export.ts");

export const commands: readonly Command[] = [
  {
    path: "export",
    args: [instance, { name: "file", kind: "file", optional: true }],
    flags: [
      { name: "instance-only", summary: "Export without snapshots" },
      {
        name: "optimized-storage",
        summary: "Use the format of the storage driver, for pools of the same driver",
      },
      {
        name: "compression",
        value: "algorithm",
        summary: "Compression: none, gzip, bzip2, xz, lzma or zstd",
      },
    ],
    summary: "Export an instance to a backup file",
    about: "The backup is in LXD's format. A running instance is paused while its changes are copied.",
    examples: [
      example("export web web.tar.gz", "Export with all snapshots"),
      example("export web - --instance-only --compression=zstd", "Write to standard output"),
    ],
    load: async () => (await exporting()).exportInstance,
  },
  {
    path: "import",
    args: [
      { name: "file", kind: "file", remote: true },
      { name: "new-name", kind: "text", optional: true },
    ],
    flags: [
      { name: "storage", short: "s", value: "pool", summary: "Storage pool of the instance" },
      {
        name: "device",
        short: "d",
        value: "device,key=value",
        isList: true,
        summary: "Key to override on a device",
      },
    ],
    summary: "Import an instance from a backup file",
    about: "Backups made by LXD can be imported too.",
    examples: [
      example("import web.tar.gz", "Import under its own name"),
      example("import web.tar.gz copy -s fast", "Import under another name, to another pool"),
    ],
    load: async () => (await exporting()).importInstance,
  },
];
