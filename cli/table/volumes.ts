// Rows of the commands of storage volumes.

import type { Arg, Command, Group } from "../command.ts";
import {
  allProjects,
  example,
  format,
  instance,
  key,
  keyValues,
  newName,
  pool,
  profile,
  property,
} from "./words.ts";

const volumes = () => import("../commands/storage_volume.ts");
const volumeSnapshots = () => import("../commands/storage_volume_snapshot.ts");
const volumeFiles = () => import("../commands/storage_volume_files.ts");
const attaching = () => import("../commands/storage_volume_attach.ts");

const volume: Arg = { name: "volume", kind: "text" };
const placed = (name: string): Arg => ({ name, kind: "text", remote: true });
const deviceName: Arg = { name: "device", kind: "text", optional: true };
const path: Arg = { name: "path", kind: "text", optional: true };
const targetProject = { name: "target-project", value: "project", summary: "Project of the new volume" };

export const groups: readonly Group[] = [
  { path: "storage volume", summary: "Volumes of storage pools" },
];

export const commands: readonly Command[] = [
  {
    path: "storage volume list",
    aliases: ["ls"],
    args: [{ ...pool, optional: true }, { name: "filter", kind: "text", many: true, optional: true }],
    flags: [format, allProjects],
    summary: "List storage volumes",
    examples: [
      example("storage volume list default", "Those of one pool, with the roots of instances"),
      example("storage volume list default type=custom", "Only custom ones"),
    ],
    load: async () => (await volumes()).list,
  },
  {
    path: "storage volume create",
    args: [pool, volume, { ...keyValues, optional: true }],
    flags: [
      {
        name: "type",
        value: "type",
        choices: ["filesystem", "block"],
        default: "filesystem",
        summary: "Content: filesystem, or block for virtual machines",
      },
      { name: "description", value: "text", summary: "What the volume is for" },
    ],
    summary: "Create a custom storage volume",
    about: "A file as standard input is read as its YAML.",
    examples: [
      example("storage volume create default data", "Files that instances share"),
      example("storage volume create default disk1 size=20GiB --type=block", "A disk"),
    ],
    load: async () => (await volumes()).create,
  },
  {
    path: "storage volume show",
    args: [pool, volume],
    flags: [],
    summary: "Show a storage volume or a snapshot of one, as YAML",
    examples: [example("storage volume show default data", "Its configuration and who uses it")],
    load: async () => (await volumes()).show,
  },
  {
    path: "storage volume info",
    args: [pool, volume],
    flags: [],
    summary: "Show the space and the snapshots of a storage volume",
    examples: [example("storage volume info default data", "How much it takes")],
    load: async () => (await volumes()).info,
  },
  {
    path: "storage volume edit",
    args: [pool, volume],
    flags: [],
    summary: "Edit a storage volume, as YAML",
    examples: [example("storage volume edit default data", "In an editor")],
    load: async () => (await volumes()).edit,
  },
  {
    path: "storage volume get",
    args: [pool, volume, key],
    flags: [property],
    summary: "Print one key of a storage volume",
    examples: [example("storage volume get default data size", "How large it may be")],
    load: async () => (await volumes()).get,
  },
  {
    path: "storage volume set",
    args: [pool, volume, keyValues],
    flags: [property],
    summary: "Set keys of a storage volume",
    examples: [example("storage volume set default data snapshots.expiry=4w", "How long snapshots are kept")],
    load: async () => (await volumes()).set,
  },
  {
    path: "storage volume unset",
    args: [pool, volume, key],
    flags: [property],
    summary: "Remove a key of a storage volume",
    examples: [example("storage volume unset default data snapshots.expiry", "Keep them for ever")],
    load: async () => (await volumes()).unset,
  },
  {
    path: "storage volume delete",
    aliases: ["rm"],
    args: [pool, volume],
    flags: [],
    summary: "Delete a storage volume or a snapshot of one",
    examples: [
      example("storage volume delete default data", "One that nothing uses"),
      example("storage volume delete default data/snap0", "One snapshot"),
    ],
    load: async () => (await volumes()).remove,
  },
  {
    path: "storage volume rename",
    args: [pool, volume, newName],
    flags: [],
    summary: "Rename a storage volume or a snapshot of one",
    examples: [example("storage volume rename default data files", "Whoever uses it follows")],
    load: async () => (await volumes()).rename,
  },
  {
    path: "storage volume copy",
    aliases: ["cp"],
    args: [placed("pool/volume"), placed("pool/new-volume")],
    flags: [
      { name: "volume-only", summary: "Leave the snapshots behind" },
      { name: "refresh", summary: "Bring an existing copy up to date" },
      targetProject,
    ],
    summary: "Copy a storage volume",
    examples: [
      example("storage volume copy default/data fast/data", "To another pool, with its snapshots"),
      example("storage volume copy default/data/snap0 default/old", "From a snapshot"),
    ],
    load: async () => (await volumes()).copy,
  },
  {
    path: "storage volume move",
    aliases: ["mv"],
    args: [placed("pool/volume"), placed("pool/new-volume")],
    flags: [targetProject],
    summary: "Move a storage volume to another pool, name or project",
    examples: [example("storage volume move default/data fast/data", "To another pool")],
    load: async () => (await volumes()).move,
  },
  {
    path: "storage volume snapshot",
    args: [pool, volume, { name: "snapshot", kind: "text", optional: true }],
    flags: [
      { name: "no-expiry", summary: "Keep it whatever snapshots.expiry says" },
      { name: "reuse", summary: "Replace a snapshot of that name" },
    ],
    summary: "Take a snapshot of a storage volume",
    examples: [example("storage volume snapshot default data before", "Under a name")],
    load: async () => (await volumeSnapshots()).snapshot,
  },
  {
    path: "storage volume restore",
    args: [pool, volume, { name: "snapshot", kind: "text" }],
    flags: [],
    summary: "Go back to a snapshot of a storage volume",
    examples: [example("storage volume restore default data before", "What came after it is lost")],
    load: async () => (await volumeSnapshots()).restore,
  },
  {
    path: "storage volume attach",
    args: [pool, volume, instance, deviceName, path],
    flags: [],
    summary: "Attach a storage volume to an instance",
    examples: [
      example("storage volume attach default data web /srv/data", "While it runs, or from its start on"),
    ],
    load: async () => (await attaching()).attach("instance"),
  },
  {
    path: "storage volume detach",
    args: [pool, volume, instance, deviceName],
    flags: [],
    summary: "Detach a storage volume from an instance",
    examples: [example("storage volume detach default data web", "The volume stays")],
    load: async () => (await attaching()).detach("instance"),
  },
  {
    path: "storage volume attach-profile",
    args: [pool, volume, profile, deviceName, path],
    flags: [],
    summary: "Attach a storage volume to a profile",
    examples: [example("storage volume attach-profile default data web /srv/data", "For all who use it")],
    load: async () => (await attaching()).attach("profile"),
  },
  {
    path: "storage volume detach-profile",
    args: [pool, volume, profile, deviceName],
    flags: [],
    summary: "Detach a storage volume from a profile",
    examples: [example("storage volume detach-profile default data web", "The volume stays")],
    load: async () => (await attaching()).detach("profile"),
  },
  {
    path: "storage volume export",
    args: [pool, volume, { name: "file", kind: "file", optional: true }],
    flags: [
      { name: "volume-only", summary: "Leave the snapshots out" },
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
    summary: "Save a storage volume to a file",
    about: "A volume that instances write to is saved as it lies on disk.",
    examples: [example("storage volume export default data data.tar.gz", "With its snapshots")],
    load: async () => (await volumeFiles()).exportVolume,
  },
  {
    path: "storage volume import",
    args: [pool, { name: "file", kind: "file" }, { name: "volume", kind: "text", optional: true }],
    flags: [{
      name: "type",
      value: "type",
      choices: ["backup", "iso"],
      summary: "What the file is: backup or iso (default by its name)",
    }],
    summary: "Make a storage volume of a file",
    examples: [
      example("storage volume import default data.tar.gz", "From a backup"),
      example("storage volume import default disc.iso disc", "A disc for virtual machines"),
    ],
    load: async () => (await volumeFiles()).importFile,
  },
];
