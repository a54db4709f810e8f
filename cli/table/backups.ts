// Rows of the commands that save instances to files and make instances of them.

import type { Command } from "../command.ts";
import { example, instance } from "./words.ts";

const exporting = () => import("../commands/export.ts");

export const commands: readonly Command[] = [
  {
    path: "export",
    args: [instance, { name: "file", kind: "file", optional: true }],
    flags: [
      { name: "instance-only", summary: "Leave the snapshots out" },
      {
        name: "optimized-storage",
        summary: "In the format of the pool's driver, for pools of the same driver",
      },
      {
        name: "compression",
        value: "algorithm",
        summary: "Compression: none, gzip, bzip2, xz, lzma or zstd",
      },
    ],
    summary: "Save an instance to a file",
    about: "The file is a backup as LXD makes it. A running instance is frozen while its changes are copied.",
    examples: [
      example("export web web.tar.gz", "With its snapshots"),
      example("export web - --instance-only --compression=zstd", "To standard output"),
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
      { name: "storage", short: "s", value: "pool", summary: "Storage pool to put it in" },
      {
        name: "device",
        short: "d",
        value: "device,key=value",
        isList: true,
        summary: "Key of a device to have instead",
      },
    ],
    summary: "Make an instance of a saved one",
    about: "Takes backups of LXD too.",
    examples: [
      example("import web.tar.gz", "Under its own name"),
      example("import web.tar.gz copy -s fast", "Another name, another pool"),
    ],
    load: async () => (await exporting()).importInstance,
  },
];
