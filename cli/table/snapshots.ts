// Rows of the commands of snapshots and copies.

import type { Command } from "../command.ts";
import { example, force, image, instance, transferMode } from "./words.ts";

const snapshots = () => import("../commands/snapshot.ts");

export const commands: readonly Command[] = [
  {
    path: "snapshot",
    args: [instance, { name: "snapshot", kind: "text", optional: true }],
    flags: [
      { name: "stateful", summary: "Save the memory too (virtual machines)" },
      { name: "no-expiry", summary: "Never expire the snapshot, whatever snapshots.expiry says" },
      { name: "reuse", summary: "Replace an existing snapshot of this name" },
    ],
    summary: "Take a snapshot of an instance",
    about:
      `If no name is given, it follows snapshots.pattern. A running instance is paused while its changes since the
last snapshot are copied.`,
    examples: [
      example("snapshot web", "Take a snapshot named snap0, snap1 and so on"),
      example("snapshot web before-upgrade", "Take a named snapshot"),
    ],
    load: async () => (await snapshots()).snapshot,
  },
  {
    path: "restore",
    args: [instance, { name: "snapshot", kind: "snapshot" }],
    flags: [{ name: "stateful", summary: "Restore the memory too (virtual machines)" }],
    summary: "Restore an instance from a snapshot",
    about: "Files and configuration are restored. A running instance is stopped and started again.",
    examples: [example("restore web before-upgrade", "Discard all changes made since the snapshot")],
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
        summary: "Configuration key to set on the copy",
      },
      {
        name: "device",
        short: "d",
        value: "device,key=value",
        isList: true,
        summary: "Key to set on a device of the copy",
      },
      {
        name: "profile",
        short: "p",
        value: "profile",
        isList: true,
        summary: "Profile to apply to the copy",
      },
      { name: "no-profiles", summary: "Apply no profiles to the copy" },
      { name: "ephemeral", short: "e", summary: "Delete the copy when it stops" },
      { name: "instance-only", summary: "Copy without snapshots" },
      {
        name: "stateless",
        summary: "Copy a running instance without its memory (always the case)",
      },
      { name: "storage", short: "s", value: "pool", summary: "Storage pool of the copy" },
      { name: "target-project", value: "project", summary: "Project of the copy" },
      { name: "refresh", summary: "Update an existing copy" },
      { name: "start", summary: "Start the copy" },
      transferMode,
    ],
    summary: "Copy an instance or a snapshot",
    examples: [
      example("copy web web2", "Copy with all snapshots"),
      example("copy web/before-upgrade old", "Create an instance from a snapshot"),
      example("copy web backup --refresh", "Update an existing copy"),
      example("copy web other:", "Copy to another server"),
    ],
    load: async () => (await import("../commands/copy.ts")).copy,
  },
  {
    path: "rebuild",
    args: [{ ...image, optional: true }, { ...instance, optional: true }],
    flags: [
      { name: "empty", summary: "Rebuild with an empty root file system" },
      force("Stop a running instance first and start it again"),
    ],
    summary: "Rebuild the root file system of an instance from an image",
    about: "Configuration and snapshots are kept.",
    examples: [
      example("rebuild debian:12 web", "Start over with a fresh Debian 12"),
      example("rebuild web --empty", "Leave the root file system empty"),
    ],
    load: async () => (await import("../commands/rebuild.ts")).rebuild,
  },
];
