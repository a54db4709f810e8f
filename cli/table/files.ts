// Rows of the commands of files in instances.

import type { Arg, Command, Flag, Group } from "../command.ts";
import { example } from "./words.ts";

const instancePath: Arg = { name: "instance>/<path", kind: "instance", remote: true };
const copying: readonly Flag[] = [
  { name: "recursive", short: "r", summary: "Copy directories with all that is in them" },
  { name: "create-dirs", short: "p", summary: "Make the directories the target lies in" },
];

const files = () => import("../commands/file.ts");

export const groups: readonly Group[] = [
  { path: "file", summary: "Files of instances" },
];

export const commands: readonly Command[] = [
  {
    path: "file push",
    args: [{ name: "source", kind: "file", many: true }, instancePath],
    flags: [
      ...copying,
      { name: "uid", value: "uid", isInteger: true, summary: "Owner (default that of the source)" },
      { name: "gid", value: "gid", isInteger: true, summary: "Group (default that of the source)" },
      { name: "mode", value: "mode", summary: "Mode in octal digits (default that of the source)" },
    ],
    summary: "Copy files into an instance",
    about: "A target that ends in a slash is a directory. The source - is standard input.",
    examples: [
      example("file push nginx.conf web/etc/nginx/", "One file into a directory"),
      example("file push -r site web/srv/ --uid 33 --gid 33", "A tree, owned by www-data"),
    ],
    load: async () => (await files()).push,
  },
  {
    path: "file pull",
    args: [{ ...instancePath, many: true }, { name: "target", kind: "file" }],
    flags: copying,
    summary: "Copy files out of an instance",
    about: "The target - is standard output.",
    examples: [
      example("file pull web/etc/hosts .", "One file"),
      example("file pull -r web/var/log .", "A tree"),
    ],
    load: async () => (await files()).pull,
  },
  {
    path: "file edit",
    args: [instancePath],
    flags: [],
    summary: "Edit a file of an instance in your editor",
    about: "Where standard input is no terminal, it becomes the content.",
    examples: [example("file edit web/etc/hosts", "In $VISUAL or $EDITOR")],
    load: async () => (await files()).edit,
  },
  {
    path: "file mount",
    args: [{ name: "instance>[/<path>]", kind: "instance", remote: true }, { name: "target", kind: "file" }],
    flags: [],
    summary: "Mount a directory of an instance with sshfs",
    about: "Stays until Ctrl-C; a start or a stop of the instance ends it too.",
    examples: [example("file mount web/srv ~/web", "What the instance has in /srv")],
    load: async () => (await import("../commands/file_mount.ts")).mount,
  },
  {
    path: "file delete",
    aliases: ["rm"],
    args: [{ ...instancePath, many: true }],
    flags: [],
    summary: "Delete files or empty directories of instances",
    examples: [example("file delete web/etc/motd", "One file")],
    load: async () => (await files()).remove,
  },
];
