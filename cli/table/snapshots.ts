// Rows of the commands of snapshots and copies.

import type { Command } from "../command.ts";
import { example, force, image, instance } from "./words.ts";

const snapshots = () => import("../commands/snapshot.ts");

export const commands: readonly Command[] = [
  {
    path: "snapshot",
    args: [instance, { name: "snapshot", kind: "text", optional: true }],
    flags: [
      { name: "stateful", summary: "Keep the memory as well: for virtual machines" },
      { name: "no-expiry", summary: "Keep it for ever, whatever snapshots.expiry says" },
      { name: "reuse", summary: "Replace the snapshot of this name" },
    ],
    summary: "Take a snapshot of an instance",
    about:
      `Without a name, snapshots.pattern names it. A running instance is frozen while its changes since the
last snapshot are copied.`,
    examples: [
      example("snapshot web", "As snap0, snap1 and so on"),
      example("snapshot web before-upgrade", "Under a name"),
    ],
    load: async () => (await snapshots()).snapshot,
  },
  {
    path: "restore",
    args: [instance, { name: "snapshot", kind: "text" }],
    flags: [{ name: "stateful", summary: "Restore the memory as well: for virtual machines" }],
    summary: "Put an instance back to a snapshot",
    about: "Files and settings. A running instance is stopped for it and started again.",
    examples: [example("restore web before-upgrade", "What came after is gone")],
    load: async () => (await snapshots()).restore,
  },
  {
    path: "copy",
    aliases: ["cp"],
    args: [{ ...instance, name: "source" }, { ...instance, name: "target", optional: true }],
    flags: [
      {
        name: "config",
        short: "c",
        value: "key=value",
        isList: true,
        summary: "Configuration key of the copy",
      },
      {
        name: "device",
        short: "d",
        value: "device,key=value",
        isList: true,
        summary: "Key of a device of the copy",
      },
      { name: "profile", short: "p", value: "profile", isList: true, summary: "Profile of the copy" },
      { name: "no-profiles", summary: "Give the copy no profiles" },
      { name: "ephemeral", short: "e", summary: "Delete the copy when it stops" },
      { name: "instance-only", summary: "Leave the snapshots out" },
      {
        name: "stateless",
        summary: "Copy the files of a running instance and not its memory, as is always done",
      },
      { name: "storage", short: "s", value: "pool", summary: "Storage pool of the copy" },
      { name: "target-project", value: "project", summary: "Project of the copy" },
      { name: "refresh", summary: "Bring an earlier copy up to date" },
      { name: "start", summary: "Start the copy" },
    ],
    summary: "Copy an instance or a snapshot",
    examples: [
      example("copy web web2", "With its snapshots"),
      example("copy web/before-upgrade old", "One snapshot as an instance"),
      example("copy web backup --refresh", "Bring a copy up to date"),
    ],
    load: async () => (await import("../commands/copy.ts")).copy,
  },
  {
    path: "rebuild",
    args: [{ ...image, optional: true }, { ...instance, optional: true }],
    flags: [
      { name: "empty", summary: "Leave it without a root file system" },
      force("Stop a running instance for it, and start it again"),
    ],
    summary: "Replace the root file system of an instance by that of an image",
    about: "Settings and snapshots stay.",
    examples: [
      example("rebuild debian:12 web", "Begin again"),
      example("rebuild web --empty", "Without an image"),
    ],
    load: async () => (await import("../commands/rebuild.ts")).rebuild,
  },
];
