// Rows of the commands of files in instances.

import type { Arg, Command, Flag, Group } from "../command.ts";
import { example } from "./words.ts";

const instancePath: Arg = { name: "instance>/<path", kind: "path", remote: true };
const copying: readonly Flag[] = [
  { name: "recursive", short: "r", summary: "Copy directories recursively" },
  { name: "create-dirs", short: "p", summary: "Create parent directories" },
];

const files = () => import("../commands/file.ts");

export const groups: readonly Group[] = [
  { path: "file", summary: "Manage files of instances" },
];

export const commands: readonly Command[] = [
  {
    path: "file push",
    args: [{ name: "source", kind: "file", many: true }, instancePath],
    flags: [
      ...copying,
      {
        name: "uid",
        value: "uid",
        isInteger: true,
        summary: "User id of the owner (default: that of the source)",
      },
      { name: "gid", value: "gid", isInteger: true, summary: "Group id (default: that of the source)" },
      { name: "mode", value: "mode", summary: "File mode in octal (default: that of the source)" },
    ],
    summary: "Copy files into an instance",
    about: "A target that ends in a slash is a directory. Use - as the source for standard input.",
    examples: [
      example("file push nginx.conf web/etc/nginx/", "Copy a file into a directory"),
      example("file push -r site web/srv/ --uid 33 --gid 33", "Copy a directory, owned by www-data"),
    ],
    load: async () => (await files()).push,
  },
  {
    path: "file pull",
    args: [{ ...instancePath, many: true }, { name: "target", kind: "file" }],
    flags: copying,
    summary: "Copy files out of an instance",
    about: "Use - as the target for standard output.",
    examples: [
      example("file pull web/etc/hosts .", "Copy a file"),
      example("file pull -r web/var/log .", "Copy a directory"),
    ],
    load: async () => (await files()).pull,
  },
  {
    path: "file edit",
    args: [instancePath],
    flags: [],
    summary: "Edit a file of an instance",
    about: "Opens $VISUAL or $EDITOR. If standard input is not a terminal, the content is read from there.",
    examples: [example("file edit web/etc/hosts", "Open an editor")],
    load: async () => (await files()).edit,
  },
  {
    path: "file mount",
    args: [{ name: "instance[/path]", kind: "path", remote: true }, { name: "target", kind: "file" }],
    flags: [],
    summary: "Mount a directory of an instance with sshfs",
    about: "Stays mounted until Ctrl-C, or until the instance is started or stopped.",
    examples: [example("file mount web/srv ~/web", "Mount /srv of the instance")],
    load: async () => (await import("../commands/file_mount.ts")).mount,
  },
  {
    path: "file delete",
    aliases: ["rm"],
    args: [{ ...instancePath, many: true }],
    flags: [],
    summary: "Delete files and empty directories of instances",
    examples: [example("file delete web/etc/motd", "Delete a file")],
    load: async () => (await files()).remove,
  },
];
