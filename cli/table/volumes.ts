// Rows of the commands of storage volumes.

import type { Arg, Command, Group } from "../command.ts";
import {
  allProjects,
  columns,
  example,
  format,
  instance,
  key,
  keyValues,
  newName,
  pool,
  profile,
  property,
  transferMode,
} from "./words.ts";

const volumes = () => import("../commands/storage_volume.ts");
const volumeSnapshots = () => import("../commands/storage_volume_snapshot.ts");
const volumeFiles = () => import("../commands/storage_volume_files.ts");
const attaching = () => import("../commands/storage_volume_attach.ts");

const volume: Arg = { name: "volume", kind: "volume" };
const placed = (name: string): Arg => ({ name, kind: "text", remote: true });
const deviceName: Arg = { name: "device", kind: "text", optional: true };
const path: Arg = { name: "path", kind: "text", optional: true };
const targetProject = { name: "target-project", value: "project", summary: "Project of the volume" };

export const groups: readonly Group[] = [
  { path: "storage volume", summary: "Manage storage volumes" },
];

export const commands: readonly Command[] = [
  {
    path: "storage volume list",
    aliases: ["ls"],
    args: [{ ...pool, optional: true }, { name: "filter", kind: "text", many: true, optional: true }],
    flags: [columns("tndcu"), format, allProjects],
    summary: "List storage volumes",
    about: `Columns: t type, n name, d description, c content type, u how many use it, U the space it takes,
p storage pool, e project, L location`,
    examples: [
      example("storage volume list default", "List the volumes of a pool, with those of instances"),
      example("storage volume list default type=custom", "List custom volumes only"),
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
        summary: "Content type: filesystem, or block for virtual machines",
      },
      { name: "description", value: "text", summary: "Description of the volume" },
    ],
    summary: "Create a custom storage volume",
    about: "YAML may come on standard input, from a file or a pipe.",
    examples: [
      example("storage volume create default data", "Create a volume of files"),
      example(
        "storage volume create default disk1 size=20GiB --type=block",
        "Create a disk for virtual machines",
      ),
    ],
    load: async () => (await volumes()).create,
  },
  {
    path: "storage volume show",
    args: [pool, volume],
    flags: [],
    summary: "Show a storage volume or a snapshot of one as YAML",
    examples: [example("storage volume show default data", "Show its configuration and users")],
    load: async () => (await volumes()).show,
  },
  {
    path: "storage volume info",
    args: [pool, volume],
    flags: [],
    summary: "Show the usage and the snapshots of a storage volume",
    examples: [example("storage volume info default data", "Show its usage")],
    load: async () => (await volumes()).info,
  },
  {
    path: "storage volume edit",
    args: [pool, volume],
    flags: [],
    summary: "Edit a storage volume as YAML",
    examples: [example("storage volume edit default data", "Open an editor")],
    load: async () => (await volumes()).edit,
  },
  {
    path: "storage volume get",
    args: [pool, volume, key],
    flags: [property],
    summary: "Print a key of a storage volume",
    examples: [example("storage volume get default data size", "Print its size")],
    load: async () => (await volumes()).get,
  },
  {
    path: "storage volume set",
    args: [pool, volume, keyValues],
    flags: [property],
    summary: "Set keys of a storage volume",
    examples: [
      example("storage volume set default data snapshots.expiry=4w", "Keep snapshots for four weeks"),
    ],
    load: async () => (await volumes()).set,
  },
  {
    path: "storage volume unset",
    args: [pool, volume, key],
    flags: [property],
    summary: "Remove a key of a storage volume",
    examples: [example("storage volume unset default data snapshots.expiry", "Keep snapshots forever")],
    load: async () => (await volumes()).unset,
  },
  {
    path: "storage volume delete",
    aliases: ["rm"],
    args: [pool, volume],
    flags: [],
    summary: "Delete a storage volume or a snapshot of one",
    examples: [
      example("storage volume delete default data", "Delete a volume that nothing uses"),
      example("storage volume delete default data/snap0", "Delete a snapshot"),
    ],
    load: async () => (await volumes()).remove,
  },
  {
    path: "storage volume rename",
    args: [pool, volume, newName],
    flags: [],
    summary: "Rename a storage volume or a snapshot of one",
    examples: [
      example("storage volume rename default data files", "Rename data to files; devices that use it follow"),
    ],
    load: async () => (await volumes()).rename,
  },
  {
    path: "storage volume copy",
    aliases: ["cp"],
    args: [placed("pool/volume"), placed("pool/new-volume")],
    flags: [
      { name: "volume-only", summary: "Copy without snapshots" },
      { name: "refresh", summary: "Update an existing copy" },
      transferMode,
      targetProject,
    ],
    summary: "Copy a storage volume, also to another server",
    examples: [
      example("storage volume copy default/data fast/data", "Copy to another pool, with all snapshots"),
      example("storage volume copy default/data/snap0 default/old", "Create a volume from a snapshot"),
      example("storage volume copy default/data other:default/data", "Copy to another server"),
    ],
    load: async () => (await volumes()).copy,
  },
  {
    path: "storage volume move",
    aliases: ["mv"],
    args: [placed("pool/volume"), placed("pool/new-volume")],
    flags: [transferMode, targetProject],
    summary: "Move a storage volume to another pool, project or server, or rename it",
    examples: [example("storage volume move default/data fast/data", "Move to another pool")],
    load: async () => (await volumes()).move,
  },
  {
    path: "storage volume snapshot",
    args: [pool, volume, { name: "snapshot", kind: "text", optional: true }],
    flags: [
      { name: "no-expiry", summary: "Never expire the snapshot, whatever snapshots.expiry says" },
      { name: "reuse", summary: "Replace an existing snapshot of this name" },
    ],
    summary: "Take a snapshot of a storage volume",
    examples: [example("storage volume snapshot default data before", "Take a named snapshot")],
    load: async () => (await volumeSnapshots()).snapshot,
  },
  {
    path: "storage volume restore",
    args: [pool, volume, { name: "snapshot", kind: "text" }],
    flags: [],
    summary: "Restore a storage volume from a snapshot",
    examples: [
      example("storage volume restore default data before", "Discard all changes made since the snapshot"),
    ],
    load: async () => (await volumeSnapshots()).restore,
  },
  {
    path: "storage volume attach",
    args: [pool, volume, instance, deviceName, path],
    flags: [],
    summary: "Attach a storage volume to an instance",
    examples: [
      example("storage volume attach default data web /srv/data", "Attach it, even while the instance runs"),
    ],
    load: async () => (await attaching()).attach("instance"),
  },
  {
    path: "storage volume detach",
    args: [pool, volume, instance, deviceName],
    flags: [],
    summary: "Detach a storage volume from an instance",
    examples: [example("storage volume detach default data web", "Detach it; the volume is kept")],
    load: async () => (await attaching()).detach("instance"),
  },
  {
    path: "storage volume attach-profile",
    args: [pool, volume, profile, deviceName, path],
    flags: [],
    summary: "Attach a storage volume to a profile",
    examples: [
      example(
        "storage volume attach-profile default data web /srv/data",
        "Attach it to every instance with this profile",
      ),
    ],
    load: async () => (await attaching()).attach("profile"),
  },
  {
    path: "storage volume detach-profile",
    args: [pool, volume, profile, deviceName],
    flags: [],
    summary: "Detach a storage volume from a profile",
    examples: [example("storage volume detach-profile default data web", "Detach it; the volume is kept")],
    load: async () => (await attaching()).detach("profile"),
  },
  {
    path: "storage volume export",
    args: [pool, volume, { name: "file", kind: "file", optional: true }],
    flags: [
      { name: "volume-only", summary: "Export without snapshots" },
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
    summary: "Export a storage volume to a backup file",
    about: "A volume in use is exported as it is on disk.",
    examples: [example("storage volume export default data data.tar.gz", "Export with all snapshots")],
    load: async () => (await volumeFiles()).exportVolume,
  },
  {
    path: "storage volume import",
    args: [pool, { name: "file", kind: "file" }, { name: "volume", kind: "text", optional: true }],
    flags: [{
      name: "type",
      value: "type",
      choices: ["backup", "iso"],
      summary: "Type of file: backup or iso (default: by its name)",
    }],
    summary: "Import a storage volume from a file",
    examples: [
      example("storage volume import default data.tar.gz", "Import a backup"),
      example("storage volume import default disc.iso disc", "Import an ISO image for virtual machines"),
    ],
    load: async () => (await volumeFiles()).importFile,
  },
];
